"""Authentication and authorisation: bearer tokens (JWT, RFC 9068), roles, and the first dependency of every route."""

import asyncio
import datetime as dt
import hashlib
import hmac
import math
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack, get_args

from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import Request
from fastapi.routing import APIRoute
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet
from joserfc.jwt import ClaimsOption

from app.api.http.limits import Limits
from app.api.http.problems import Problem
from app.api.http.work_shift_claim import claim_of, shift_in
from app.domain.closed_sets import Role
from app.domain.register.device import WorkShift
from app.settings import Settings
from app.store.access import work_shifts
from app.store.access.credentials import revoked_since
from app.store.access.field_encryption import FieldEncryption
from app.store.clock import Clock
from app.store.database import Database

ROLES: tuple[Role, ...] = get_args(Role)
SCOPES = {
    "taps": "Send taps and reports, and read the reminders of whoever is logged in.",
    "visits:read": "Read visits, their changes, anomalies and disputes, and who is at a door now.",
    "visits:write": "Correct visits, register them by hand, repair anomalies and settle disputes.",
    "records:read": "Read master data: recipients, staff and their delegations, orders, contracts, tags.",
    "records:write": "Put master data, place and withdraw orders, hang up tags.",
    "measures:read": "Read executed and granted time, and the measures.",
    "pay:read": "Read what is paid: compensation, invoices, closed months, the half-year report, the basis of fees.",
    "pay:close": "Close months.",
    "ledger:read": "Read the ledger: heads, proofs, entries and receipts.",
    "access:read": "Read who has looked at whom, draw samples of that, and read what one has looked at oneself.",
    "devices": "Read, enrol and revoke phones.",
    "clients": "Read, make and revoke clients, with no more than these scopes have.",
    "members": "Read and put identity providers and memberships, give login links, read and end sessions. Whoever may"
    " do so gives out any right of its role.",
    "me": "Read who the caller is. A person who has logged in also makes, lists and revokes own tokens.",
}
"""The scopes of tokens, each with what it opens. A token without scopes opens everything that its role may use."""
ISSUER = "taggad"
AUDIENCE = "taggad"
ALGORITHM = "ES256"
REMEMBERED_TOKENS = 20_000
LONGEST_TOKEN = 4096
REVOCATIONS_FRESH_SECONDS = 30
LONGEST_WORK_SHIFT_TOKEN = dt.timedelta(minutes=20)
"""No token of a work shift is valid for longer, so that an earlier end need not be known."""
LEEWAY_SECONDS = 60
"""The accepted difference between our clock and a signer's: another worker's, another machine's, a device's."""
OPERATOR = "operator"
"""The client in a token that was made at the command line."""

_CLAIMS: dict[str, ClaimsOption] = {
    "aud": {"essential": True, "value": AUDIENCE},
    "sub": {"essential": True},
    "client_id": {"essential": True},
    "jti": {"essential": True},
    "iat": {"essential": True},
    "exp": {"essential": True},
    "municipality": {"essential": True},
    "role": {"essential": True, "values": [*map(str, ROLES)]},
}


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller by its token. `provider`, `staff`, `device` and `client` are refs, None where it has none."""

    municipality_id: int
    role: str
    provider: str | None
    staff: str | None
    device: str | None
    subject: str
    scopes: frozenset[str]
    client: str | None = None
    token: str | None = None
    """The id of the token itself."""
    work_shift: WorkShift | None = None
    """The work shift in which a shared device is used."""
    member: str | None = None
    """The membership of a person who has logged in, or who made the token."""


OfSession = Callable[[Request], Awaitable[Caller | None]]
"""The function that finds the caller of a request without a token, by the cookie of its session."""


StillHolds = Callable[[Request, Caller], Awaitable[None]]
"""The function that raises Problem `unauthenticated` for a personal token whose membership is over or another one."""


class Bearer(TypedDict, total=False):
    """The refs of whoever a token is for."""

    provider: str | None
    staff: str | None
    device: str | None
    client: str | None
    member: str | None


class Tokens:
    """Makes and verifies tokens. Signing keys are 32 secret bytes each; the first signs, all verify."""

    def __init__(self, keys: Iterable[bytes], clock: Clock, issuer: str | None = None) -> None:
        """`issuer` is our public address. Tokens of the command line have ISSUER, so that another address ends none."""
        self._clock = clock
        self._issuer = issuer or ISSUER
        ours: ClaimsOption = {"essential": True, "values": [self._issuer, ISSUER]}
        self._claims = jwt.JWTClaimsRegistry(lambda: int(self._now()), LEEWAY_SECONDS, iss=ours, **_CLAIMS)
        self._keys = [_signing_key(key) for key in keys]
        self._verifying = KeySet(list(self._keys))
        self._remembered: dict[bytes, tuple[Caller, float]] = {}

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def mint(
        self,
        municipality_id: int,
        role: str,
        *,
        scopes: Iterable[str] = (),
        ttl_seconds: int = 3600,
        token: str | None = None,
        work_shift: WorkShift | None = None,
        **bearer: Unpack[Bearer],
    ) -> str:
        """A signed token. Raises ValueError for an unknown role or scope, or a role without the ref that it needs."""
        provider, staff, client = bearer.get("provider"), bearer.get("staff"), bearer.get("client")
        if role not in ROLES:
            raise ValueError(f"role must be one of {', '.join(ROLES)}")
        if role == "staff" and not staff:
            raise ValueError("role staff needs a staff ref")
        if role == "planner" and not provider:
            raise ValueError("role planner needs a provider ref")
        scopes = tuple(scopes)
        if not SCOPES.keys() >= set(scopes):
            raise ValueError(f"a scope must be one of {', '.join(SCOPES)}")
        now = int(self._now())
        # The subject names the kind and the ref: neither a ref nor a client's id holds a slash.
        subject = staff or f"{OPERATOR}/{provider or role}"
        if client or (bearer.get("member") and not staff):
            subject = f"{municipality_id}.{client}" if client else f"member/{bearer.get('member')}"
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "aud": AUDIENCE,
            "sub": f"{municipality_id}:{role}:{subject}",
            "client_id": bearer.get("device") or client or OPERATOR,
            "iat": now,
            "exp": now + ttl_seconds,
            "jti": token or str(uuid.uuid4()),
            "municipality": municipality_id,
            "role": role,
        }
        optional = {**bearer, "work_shift": claim_of(work_shift), "scope": " ".join(scopes)}
        claims |= {name: value for name, value in optional.items() if value}
        key = self._keys[0]
        return jwt.encode({"alg": ALGORITHM, "typ": "at+jwt", "kid": key.kid}, claims, key, algorithms=[ALGORITHM])

    def public_keys(self) -> list[dict[str, Any]]:
        """The public half of every key as JWK with its `kid`, the one that signs first."""
        return [key.as_dict(private=False) for key in self._keys]

    def client_assertion(self, client_id: str, audience: str) -> str:
        """An assertion by which another service knows that it is us who ask, as its client (RFC 7523)."""
        now = int(self._now())
        claims = {"iss": client_id, "sub": client_id, "aud": audience, "iat": now, "exp": now + 60}
        key = self._keys[0]
        header = {"alg": ALGORITHM, "typ": "JWT", "kid": key.kid}
        return jwt.encode(header, claims | {"jti": str(uuid.uuid4())}, key, algorithms=[ALGORITHM])

    def caller(self, token: str) -> Caller:
        """The caller that the token stands for. Raises Problem `unauthenticated`.

        A verified token is remembered by its hash until it ends: verifying a signature costs more than all other checks
        here, and a phone taps so seldom that it would be done for nearly every tap. Revocation is asked for separately.
        """
        now = self._now()
        digest = hashlib.sha256(token.encode()).digest()
        known = self._remembered.pop(digest, None)
        if known is None or now >= known[1]:
            known = self._verify(token)
        if len(self._remembered) >= REMEMBERED_TOKENS:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[digest] = known  # last: the first is the one that was not used for longest
        return known[0]

    def _verify(self, token: str) -> tuple[Caller, float]:
        if len(token) > LONGEST_TOKEN:
            raise _unauthenticated()
        try:
            decoded = jwt.decode(token, self._verifying, algorithms=[ALGORITHM])
            self._claims.validate(decoded.claims)
        except (JoseError, ValueError, TypeError) as error:
            raise _unauthenticated() from error
        claims = decoded.claims
        # The end of a token is a promise to its owner: no leeway, unlike for its beginning.
        ended = claims["exp"] <= self._now()
        if ended or decoded.header.get("typ") != "at+jwt" or not _well_formed(claims):
            raise _unauthenticated()
        caller = Caller(
            claims["municipality"],
            claims["role"],
            claims.get("provider"),
            claims.get("staff"),
            claims.get("device"),
            claims["sub"],
            frozenset(claims.get("scope", "").split()),
            claims.get("client"),
            claims["jti"],
            shift_in(claims.get("work_shift")),
            claims.get("member"),
        )
        return caller, float(claims["exp"])


def _well_formed(claims: dict[str, Any]) -> bool:
    names = ("sub", "role", "provider", "staff", "device", "client", "member", "scope", "jti")
    if type(claims["municipality"]) is not int or not all(isinstance(claims.get(name, ""), str) for name in names):
        return False
    bound = {"staff": "staff", "planner": "provider"}.get(claims["role"])
    return bound is None or bool(claims.get(bound))


def _signing_key(secret: bytes) -> ECKey:
    key = ECKey.import_key(ec.derive_private_key(int.from_bytes(secret), ec.SECP256R1()))
    key.ensure_kid()
    return key


class Revocations:
    """The revoked devices, clients and tokens, and the work shifts that have just ended, half a minute old at most.

    The first request after that reads the new versions of records, so that most requests cost no round trip.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._revoked: dict[int, set[tuple[str, str]]] = {}
        self._ended: dict[int, set[str]] = {}
        self._read_up_to: dict[int, tuple[int, float]] = {}
        self._reading: dict[int, asyncio.Task[None]] = {}

    async def refuse(self, caller: Caller, *, taps: bool = False) -> None:
        """Raises Problem `unauthenticated` for a caller that is no longer trusted; of `taps`, for its token alone.

        A token from before the end of its work shift opens nothing after that, because it says of no end.
        """
        if not self._fresh(caller.municipality_id):
            await self._refresh(caller.municipality_id)
        revoked = self._revoked[caller.municipality_id]
        theirs = {("tokens", caller.token), ("devices", caller.device), ("clients", caller.client)}
        if not revoked.isdisjoint({("tokens", caller.token)} if taps else theirs):
            raise _unauthenticated()
        shift = caller.work_shift
        if shift and shift.ended_at is None and shift.id in self._ended[caller.municipality_id]:
            raise _unauthenticated()

    def look_again(self, municipality_id: int) -> None:
        """Have the next request read what was revoked or has ended."""
        seq, _ = self._read_up_to.get(municipality_id, (0, 0))
        self._read_up_to[municipality_id] = (seq, -math.inf)

    def _fresh(self, municipality_id: int) -> bool:
        known = self._read_up_to.get(municipality_id)
        return known is not None and time.monotonic() - known[1] < REVOCATIONS_FRESH_SECONDS

    async def _refresh(self, municipality_id: int) -> None:
        """Read new revocations. Requests meanwhile wait for the same read and fail with it, not one after the other."""
        reading = self._reading.get(municipality_id)
        if reading is None:
            reading = self._reading[municipality_id] = asyncio.create_task(self._read(municipality_id))
            reading.add_done_callback(lambda _: self._reading.pop(municipality_id))
        await asyncio.shield(reading)

    async def _read(self, municipality_id: int) -> None:
        asked_at = time.monotonic()
        seq, _ = self._read_up_to.get(municipality_id, (0, 0))
        async with self._database.read(municipality_id, "writes") as reading:
            more, seq = await revoked_since(reading, seq)
            ended = await work_shifts.ended(reading, reading.now - LONGEST_WORK_SHIFT_TOKEN)
        self._revoked.setdefault(municipality_id, set()).update(more)
        self._ended[municipality_id] = ended
        self._read_up_to[municipality_id] = (seq, asked_at)


def _unauthenticated() -> Problem:
    return Problem("unauthenticated", headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})


def digest_of(request: Request, purpose: str, secret: str) -> bytes:
    """The stored digest of a secret that we issued: HMAC-SHA256, bound to its purpose."""
    settings: Settings = request.app.state.settings
    return digest_with(settings.lookup_key, purpose, secret)


def digest_with(lookup_key: bytes, purpose: str, secret: str) -> bytes:
    """The same, with the key for look-ups."""
    return hmac.digest(lookup_key, f"{purpose}|{secret}".encode(), "sha256")


def database(request: Request) -> Database:
    """The application's database."""
    application_database: Database = request.app.state.database
    return application_database


def encryption_of(request: Request) -> FieldEncryption:
    """The encryption of this process."""
    encryption: FieldEncryption = request.app.state.encryption
    return encryption


@dataclass(frozen=True, slots=True)
class Allowed:
    """The first dependency of a route: the roles that may use it, and the scope that a token with scopes needs."""

    roles: frozenset[str]
    scope: str
    late: bool = False
    """True for what phones bring late: a token of a work shift that has ended is taken too, and nothing is counted."""

    async def __call__(self, request: Request) -> Caller:
        """The caller, if allowed and not revoked. Raises Problem as `caller` does, and `unauthenticated`."""
        return await self._trusted(request)

    async def tapping(self, request: Request) -> Caller:
        """The sender of taps, also with a revoked device: its taps are judged by their time. Raises as above."""
        return await self._trusted(request, taps=True)

    async def _trusted(self, request: Request, *, taps: bool = False) -> Caller:
        of_session: OfSession = request.app.state.session_caller
        caller = None if "authorization" in request.headers else await of_session(request)
        if caller is not None:
            self._allow(caller)
        else:
            caller = self.caller(request)
            revocations: Revocations = request.app.state.revocations
            await revocations.refuse(caller, taps=taps)
            if caller.member is not None:
                holds: StillHolds = request.app.state.still_holds
                await holds(request, caller)
        if not self.late:
            _count(request, caller)
        request.state.caller = caller
        return caller

    def caller(self, request: Request) -> Caller:
        """The caller, if allowed, revoked or not.

        Raises Problem: `unauthenticated`, then `forbidden_role`, then `insufficient_scope` (RFC 6750, 3.1).
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Problem("unauthenticated")
        tokens: Tokens = request.app.state.tokens
        caller = tokens.caller(token)
        self._allow(caller)
        return caller

    def _allow(self, caller: Caller) -> None:
        if caller.work_shift is not None and caller.work_shift.ended_at is not None and not self.late:
            raise _unauthenticated()
        if caller.role not in self.roles:
            raise Problem("forbidden_role")
        if caller.scopes and self.scope not in caller.scopes:
            raise insufficient_scope(self.scope)


def _count(request: Request, caller: Caller) -> None:
    """Count the request of a client, a device, a person or a token by itself. Raises Problem `too_many_requests`.

    A person's tokens are counted together: a person makes as many as it likes.
    """
    limits: Limits = request.app.state.limits
    person = caller.subject if caller.member else None
    usage = limits.count(caller.municipality_id, caller.client or caller.device or person or caller.token or "")
    request.scope["rate_limit"] = [
        (b"ratelimit-policy", limits.policy.encode()),
        (b"ratelimit", usage.field().encode()),
    ]
    if usage.exceeded:
        raise Problem("too_many_requests", headers={"Retry-After": str(usage.reset_seconds)})


def insufficient_scope(*needed: str) -> Problem:
    """The Problem for a token without the needed scopes."""
    challenge = f'Bearer error="insufficient_scope", scope="{" ".join(needed)}"'
    return Problem("insufficient_scope", headers={"WWW-Authenticate": challenge})


def allow(*roles: str, scope: str, late: bool = False) -> Allowed:
    """The first dependency of a route: `Annotated[Caller, Depends(allow("system", "admin", scope="pay:read"))]`."""
    unknown = {*roles, scope} - {*ROLES, *SCOPES}
    if unknown or not roles:
        raise ValueError(f"no such role or scope: {unknown}")
    return Allowed(frozenset(roles), scope, late)


def allowed_by(route: APIRoute) -> Allowed | None:
    """The `Allowed` of a route; None for one that is open to everybody."""
    asked = (one.call for one in route.dependant.dependencies)
    return next((one for one in asked if isinstance(one, Allowed)), None)
