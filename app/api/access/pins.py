"""PINs: a planner gives a code, and with it a person sets the PIN by which it chooses a shared phone."""

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import AfterValidator, StringConstraints
from pydantic_core import PydanticCustomError, to_json

from app.actions.access.enrol_device import new_code, offer_code
from app.actions.access.pins import hashed, set_pin
from app.api.access.devices import DeviceWriter, as_made, in_groups
from app.api.http.access import database, digest_of
from app.api.http.json_bodies import read_json
from app.api.http.problems import Problem
from app.api.http.records import own_provider
from app.api.http.refs import known_ref
from app.api.http.shapes import AnyRef, Instant, RefInPath, Wire, answer_of, body_of, refused
from app.api.http.throttle import Throttle
from app.store.access.credentials import CodeOwner, municipality_of_code

router = APIRouter(tags=["devices"])

PURPOSE = "pin code"
DIGITS = "0123456789"


def _hard_to_guess(pin: str) -> str:
    if len(set(pin)) <= 2 or pin in DIGITS * 2 or pin in DIGITS[::-1] * 2:  # noqa: PLR2004 - 121212 is one of them
        raise PydanticCustomError("invalid_value", "the first that anybody tries")
    return pin


Pin = Annotated[str, StringConstraints(pattern="^[0-9]{6,12}$")]
NewPin = Annotated[Pin, AfterValidator(_hard_to_guess)]


class PinCodeAnswer(Wire):
    """A code with which the person sets a PIN. It works once, until `expires_at`."""

    code: str
    staff: AnyRef
    expires_at: Instant


class PinBody(Wire):
    """The code of the planner, and the PIN that the person chooses: 6 to 12 digits, and not the first anybody tries."""

    code: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    pin: NewPin


class PinAnswer(Wire):
    """The person whose PIN was set."""

    staff: AnyRef


CODE_OUT = {"code": "7Q0M-3ZK8-W1B5", "staff": "S-07", "expires_at": "2026-10-24T07:13:00Z"}


def pin_secret(request: Request, municipality_id: int, pin: str) -> bytes:
    """The keyed digest of a PIN, which alone is hashed: a copy of the database is no use for guessing."""
    return digest_of(request, "pin", f"{municipality_id}|{pin}")


@router.post(
    "/v1/staff/{ref}/pin-code",
    operation_id="create_pin_code",
    summary="Create a code for a PIN",
    status_code=201,
    responses=answer_of(PinCodeAnswer, example=CODE_OUT, status=201, text="Created"),
)
async def offer(request: Request, ref: RefInPath, caller: DeviceWriter) -> Response:
    """Create a code with which a staff member sets a PIN for shared phones. The code is shown only in this answer.

    This is also how a PIN that was forgotten, or locked by five wrong tries, is set anew.
    """
    known_ref(ref)
    code = new_code()
    digest = digest_of(request, PURPOSE, code)
    async with database(request).write(caller.municipality_id) as writing:
        expires_at = await offer_code(writing, CodeOwner(staff=ref), digest, provider=own_provider(caller))
    if expires_at is None:
        raise Problem("unknown_ref")
    answer = PinCodeAnswer(code=in_groups(code), staff=ref, expires_at=expires_at)
    return Response(answer.model_dump_json(), 201, media_type="application/json")


@router.post(
    "/v1/pins",
    operation_id="set_pin",
    summary="Set a PIN",
    status_code=201,
    openapi_extra=body_of(PinBody, example={"code": "7Q0M-3ZK8-W1B5", "pin": "472916"}),
    responses=answer_of(PinAnswer, example={"staff": "S-07"}, status=201, text="Created") | refused(403, 429),
)
async def put_pin(request: Request) -> Response:
    """Set the PIN of the person whose code it is. No token is needed, because the code proves who asks.

    Unknown, used and expired codes all get the same answer (403). Failures are counted with those of enrolment.
    """
    body = await read_json(request, PinBody)
    attempts: Throttle = request.app.state.enrolment_attempts
    address = attempts.begin(request)
    digest = digest_of(request, PURPOSE, as_made(body.code))
    municipality_id = await municipality_of_code(database(request), digest)
    if municipality_id is None:
        raise Problem("pin_code_invalid")
    pin_hash = await hashed(pin_secret(request, municipality_id, body.pin))
    async with database(request).write(municipality_id) as writing:
        outcome = await set_pin(writing, digest, pin_hash)
    if outcome.status == "refused":
        raise Problem(outcome.code)
    attempts.forgive(address)
    return Response(to_json(outcome.body), 201, media_type="application/json")
