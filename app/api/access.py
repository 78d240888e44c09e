"""Who calls: bearer tokens (JWT as RFC 9068 has them), the roles, and the one question every route asks first."""

import hashlib
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import Request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from app.api.problems import Problem
from app.settings import Settings
from app.store.database import Database

ROLES = ("staff", "planner", "system", "controller", "inspector", "auditor", "admin")
ISSUER = "taggad"
AUDIENCE = "taggad"
ALGORITHM = "ES256"
REMEMBERED_SECONDS = 60
REMEMBERED_TOKENS = 20_000
LONGEST_TOKEN = 4096

_CLAIMS = jwt.JWTClaimsRegistry(
    leeway=0,
    iss={"essential": True, "value": ISSUER},
    aud={"essential": True, "value": AUDIENCE},
    sub={"essential": True},
    client_id={"essential": True},
    jti={"essential": True},
    iat={"essential": True},
    exp={"essential": True},
    municipality={"essential": True},
    role={"essential": True, "values": list(ROLES)},
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as the token says. `provider`, `staff` and `device` are refs, where the role has them."""

    municipality_id: int
    role: str
    provider: str | None
    staff: str | None
    device: str | None
    subject: str
    scopes: frozenset[str]


class Tokens:
    """Mints and verifies. Signing keys are 32 secret bytes each; the first signs, every one verifies."""

    def __init__(self, keys: Iterable[bytes]) -> None:
        self._keys = [_signing_key(key) for key in keys]
        self._verifying = KeySet(list(self._keys))
        self._remembered: dict[bytes, tuple[Caller, float]] = {}

    def mint(
        self,
        municipality_id: int,
        role: str,
        *,
        provider: str | None = None,
        staff: str | None = None,
        device: str | None = None,
        scopes: Iterable[str] = (),
        ttl_seconds: int = 3600,
        client: str = "operator",
    ) -> str:
        """A signed token. Raises ValueError for a role that is none, or that lacks the ref it lives by."""
        if role not in ROLES:
            raise ValueError(f"role must be one of {', '.join(ROLES)}")
        if role == "staff" and not staff:
            raise ValueError("role staff needs a staff ref")
        if role == "planner" and not provider:
            raise ValueError("role planner needs a provider ref")
        now = int(time.time())
        subject = staff or provider or role
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": f"{municipality_id}:{role}:{subject}",
            "client_id": client,
            "iat": now,
            "exp": now + ttl_seconds,
            "jti": str(uuid.uuid4()),
            "municipality": municipality_id,
            "role": role,
        }
        optional = {"provider": provider, "staff": staff, "device": device, "scope": " ".join(scopes)}
        claims |= {name: value for name, value in optional.items() if value}
        key = self._keys[0]
        return jwt.encode({"alg": ALGORITHM, "typ": "at+jwt", "kid": key.kid}, claims, key, algorithms=[ALGORITHM])

    def caller(self, token: str) -> Caller:
        """Who the token speaks for. Raises Problem `unauthenticated`.

        A verified token is remembered by its hash, for a minute at most and never past its end: checking a signature
        costs more than everything else at this door.
        """
        now = time.time()
        digest = hashlib.sha256(token.encode()).digest()
        known = self._remembered.get(digest)
        if known is not None and now < known[1]:
            return known[0]
        caller, expires_at = self._verify(token)
        self._remembered.pop(digest, None)  # so that the oldest always stands first
        if len(self._remembered) >= REMEMBERED_TOKENS:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[digest] = (caller, min(expires_at, now + REMEMBERED_SECONDS))
        return caller

    def _verify(self, token: str) -> tuple[Caller, float]:
        if len(token) > LONGEST_TOKEN:
            raise _unauthenticated()
        try:
            decoded = jwt.decode(token, self._verifying, algorithms=[ALGORITHM])
            _CLAIMS.validate(decoded.claims)
        except (JoseError, ValueError, TypeError) as error:
            raise _unauthenticated() from error
        claims = decoded.claims
        if decoded.header.get("typ") != "at+jwt" or not _well_formed(claims):
            raise _unauthenticated()
        caller = Caller(
            claims["municipality"],
            claims["role"],
            claims.get("provider"),
            claims.get("staff"),
            claims.get("device"),
            claims["sub"],
            frozenset(claims.get("scope", "").split()),
        )
        return caller, float(claims["exp"])


def _well_formed(claims: dict[str, Any]) -> bool:
    names = ("sub", "role", "provider", "staff", "device", "scope")
    if type(claims["municipality"]) is not int or not all(isinstance(claims.get(name, ""), str) for name in names):
        return False
    bound = {"staff": "staff", "planner": "provider"}.get(claims["role"])
    return bound is None or bool(claims.get(bound))


def _signing_key(secret: bytes) -> ECKey:
    key = ECKey.import_key(ec.derive_private_key(int.from_bytes(secret), ec.SECP256R1()))
    key.ensure_kid()
    return key


def _unauthenticated() -> Problem:
    return Problem("unauthenticated", headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})


def database(request: Request) -> Database:
    """The app's database."""
    found: Database = request.app.state.database
    return found


def caller_of(request: Request, roles: Iterable[str]) -> Caller:
    """Who calls, when it is one of `roles`. Raises Problem: `unauthenticated`, then `forbidden_role`."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Problem("unauthenticated")
    tokens: Tokens = request.app.state.tokens
    caller = tokens.caller(token)
    if caller.role not in roles:
        raise Problem("forbidden_role")
    return caller


def allow(*roles: str) -> Callable[[Request], Awaitable[Caller]]:
    """The dependency of a route that these roles may use: `Annotated[Caller, Depends(allow("system", "admin"))]`."""
    unknown = set(roles) - set(ROLES)
    if unknown or not roles:
        raise ValueError(f"no such role: {unknown}")
    allowed = frozenset(roles)

    # async though nothing waits: FastAPI runs plain functions in a thread.
    async def allowed_caller(request: Request) -> Caller:
        return caller_of(request, allowed)

    allowed_caller.roles = allowed  # type: ignore[attr-defined] # read by whoever documents or tests who may do what
    return allowed_caller


@lru_cache(maxsize=8)
def _tokens(keys: tuple[bytes, ...]) -> Tokens:
    return Tokens(keys)


def mint(settings: Settings, *, municipality_id: int, role: str, **more: Any) -> str:
    """A token signed with the settings' key; `more` as `Tokens.mint` has it."""
    return _tokens(settings.token_key).mint(municipality_id, role, **more)
