"""Devices: a staff ref is given a code, its phone answers with a key of its own, and is trusted until revoked."""

import datetime as dt
from typing import Annotated, Literal

import segno
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import StringConstraints, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError, to_json

from app.actions.access.enrol_device import enrol_device, new_code, offer_code
from app.actions.access.revoke import revoke
from app.actions.versions import Json, PutOutcome
from app.api.access.jwk import Coordinate, PublicKey
from app.api.http.access import Caller, allow, database, digest_of
from app.api.http.address import address_of
from app.api.http.json_bodies import read_at, read_json
from app.api.http.problems import Problem
from app.api.http.records import RecordKind, Versioned, add_routes, author_of, own_provider, record, written
from app.api.http.refs import Ref, Text, known_ref
from app.api.http.shapes import AnyRef, Instant, RefInPath, Wire, answer_of, body_of, refused
from app.api.http.throttle import Throttle
from app.store.access.credentials import CodeOwner, municipality_of_code
from app.store.connection import Writing

router = APIRouter(tags=["devices"])

WRITERS = ("planner", "admin")
AHEAD = dt.timedelta(seconds=60)
"""The longest time by which the clock of a caller may be ahead of ours."""
LOOK_ALIKES = str.maketrans("OIL", "011", "- ")
PURPOSE = "enrolment"


class OfferBody(Wire):
    """The person whose phone is to be enrolled, or the provider whose staff is to share it."""

    staff: Ref | None = None
    shared: bool = False
    provider: Ref | None = None

    @model_validator(mode="after")
    def _one_owner(self) -> "OfferBody":
        if self.shared == (self.staff is not None) or self.shared != (self.provider is not None):
            raise PydanticCustomError("invalid_value", "a staff ref, or shared and a provider")
        return self

    def owner(self) -> CodeOwner:
        return CodeOwner(self.staff, self.provider)


class OfferAnswer(Wire):
    """An enrolment code. It works once, until `expires_at`. `qr` is an SVG image of `address` as a data URI."""

    code: str
    staff: AnyRef | None
    provider: AnyRef | None
    expires_at: Instant
    address: str
    qr: str


class EnrolBody(Wire):
    """The enrolment code and the public key of the phone."""

    code: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    public_key: PublicKey


class EnrolAnswer(Wire):
    """The identity of the enrolled phone, and the address where it gets tokens."""

    device: AnyRef
    staff: AnyRef | None
    shared: bool
    provider: AnyRef | None
    municipality: int
    token_endpoint: str


class RevokeBody(Wire):
    """The time from which it is no longer trusted, and the reason."""

    at: Instant | None = None
    reason: Text

    @field_validator("at")
    @classmethod
    def _has_come(cls, at: dt.datetime | None, info: ValidationInfo) -> dt.datetime | None:
        if at is not None and at > read_at(info) + AHEAD:
            raise PydanticCustomError("out_of_range", "lies in time to come")
        return at

    def since(self, now: dt.datetime) -> dt.datetime:
        return min(self.at or now, now)


class KeptKey(Wire):
    """The stored part of the public key of a device, as JWK."""

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: Coordinate
    y: Coordinate


class DeviceAnswer(Versioned):
    """An enrolled device. Taps that were made at or after `revoked_at` are disputed.

    Earlier taps stand, with an anomaly.
    """

    staff: AnyRef | None
    shared: bool
    provider: AnyRef | None
    public_key: KeptKey
    enrolled_at: Instant
    revoked_at: Instant | None
    reason: str | None


KEY = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}
DEVICE_OUT = {
    "ref": "D-7Q0M3ZK8W1B5XN2C",
    "version": 1,
    "staff": "S-07",
    "shared": False,
    "provider": None,
    "public_key": KEY,
    "enrolled_at": "2026-10-24T06:58:00Z",
    "revoked_at": None,
    "reason": None,
}
OFFER_OUT = {
    "code": "7Q0M-3ZK8-W1B5",
    "staff": "S-07",
    "provider": None,
    "expires_at": "2026-10-24T07:13:00Z",
    "address": "https://taggad.example/enrol#7Q0M-3ZK8-W1B5",
    "qr": "data:image/svg+xml,...",
}
ENROL_OUT = {
    "device": "D-7Q0M3ZK8W1B5XN2C",
    "staff": "S-07",
    "shared": False,
    "provider": None,
    "municipality": 188,
    "token_endpoint": "https://taggad.example/oauth/token",
}
REVOKE = {"at": "2026-10-24T12:00:00Z", "reason": "lost on the bus"}
REVOKED_OUT = DEVICE_OUT | {"version": 2, "revoked_at": REVOKE["at"], "reason": REVOKE["reason"]}


def _shown(_: Caller, body: Json) -> Json:
    return body | whose(body)


def whose(body: Json) -> Json:
    """The owner in the body of a device: its staff, or the provider whose staff shares it."""
    provider = body.get("provider")
    return {"staff": body["staff"], "shared": provider is not None, "provider": provider}


KIND = RecordKind(
    "devices",
    "device",
    OfferBody,
    DeviceAnswer,
    {},
    DEVICE_OUT,
    visible_by="used_at",
    shown=_shown,
    writers=(),
    scope="devices",
)


def in_groups(code: str) -> str:
    """A code in groups of four, as people read it out."""
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))


def as_made(code: str) -> str:
    """A code that somebody typed, as it was made: in capitals, without what parts it, look-alikes put right."""
    return code.upper().translate(LOOK_ALIKES)


DeviceWriter = Annotated[Caller, Depends(allow(*WRITERS, scope="devices"))]


@router.post(
    "/v1/devices",
    operation_id="create_enrolment_code",
    summary="Create an enrolment code",
    status_code=201,
    openapi_extra=body_of(OfferBody, example={"staff": "S-07"}),
    responses=answer_of(OfferAnswer, example=OFFER_OUT, status=201, text="Created"),
)
async def offer(request: Request, caller: DeviceWriter) -> Response:
    """Create a code with which a phone is enrolled, for one staff member or to be shared. It is shown only here.

    Send `staff`, or `shared` and `provider`. A shared phone belongs to nobody: at the start of a work shift a person
    chooses it with a PIN (`POST /v1/work-shifts`).

    The service stores only a keyed hash of the code. Let the phone scan the QR code, or type the code into the phone.
    """
    body = await read_json(request, OfferBody)
    code = new_code()
    digest = digest_of(request, PURPOSE, code)
    async with database(request).write(caller.municipality_id) as writing:
        expires_at = await offer_code(writing, body.owner(), digest, provider=own_provider(caller))
    if expires_at is None:
        raise Problem("unknown_ref", pointer="/provider" if body.shared else "/staff")
    shown = in_groups(code)
    address = address_of(request, f"/enrol#{shown}")
    answer = OfferAnswer(
        code=shown,
        staff=body.staff,
        provider=body.provider,
        expires_at=expires_at,
        address=address,
        qr=segno.make(address, error="m").svg_data_uri(scale=4),
    )
    return Response(answer.model_dump_json(), 201, media_type="application/json")


@router.post(
    "/v1/devices/enrol",
    operation_id="enrol_device",
    summary="Enrol a device",
    status_code=201,
    openapi_extra=body_of(EnrolBody, example={"code": "7Q0M-3ZK8-W1B5", "public_key": KEY}),
    responses=answer_of(EnrolAnswer, example=ENROL_OUT, status=201, text="Created") | refused(403, 429),
)
async def enrol(request: Request) -> Response:
    """Enrol a phone with its code. No token is needed, because the code proves who asks.

    Unknown, used and expired codes all get the same answer (403). After ten failures from one address within ten
    minutes, that address must wait (429 with `Retry-After`).
    """
    attempts: Throttle = request.app.state.enrolment_attempts
    address = attempts.begin(request)
    body = await read_json(request, EnrolBody)
    digest = digest_of(request, PURPOSE, as_made(body.code))
    municipality_id = await municipality_of_code(database(request), digest)
    if municipality_id is None:
        raise Problem("enrolment_code_invalid")
    async with database(request).write(municipality_id) as writing:
        outcome = await enrol_device(writing, digest, body.public_key.kept())
    if outcome.status == "refused":
        raise Problem(outcome.code)
    attempts.forgive(address)
    answer = {
        "device": outcome.body["ref"],
        **whose(outcome.body),
        "municipality": municipality_id,
        "token_endpoint": address_of(request, "/oauth/token"),
    }
    return Response(to_json(answer), 201, media_type="application/json")


add_routes(router, KIND)


@router.post(
    "/v1/devices/{ref}/revoke",
    operation_id="revoke_device",
    summary="Revoke a device",
    openapi_extra=body_of(RevokeBody, example=REVOKE),
    responses=answer_of(DeviceAnswer, example=REVOKED_OUT, headers=["ETag"]),
)
async def revoke_device(request: Request, ref: RefInPath, caller: DeviceWriter) -> Response:
    """Revoke a device. Within a minute, its tokens can only send taps, because taps that were made before still count.

    If a device is revoked several times, the earliest time holds. A device that is found again must be enrolled again.
    """
    known_ref(ref)
    body = await read_json(request, RevokeBody)

    async def act(writing: Writing) -> PutOutcome:
        since = body.since(writing.now)
        return await revoke(writing, "devices", ref, since, body.reason, author_of(caller))

    return record(KIND, caller, ref, await written(request, caller, act))
