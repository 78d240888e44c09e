"""Signed assertions with which devices and clients prove who they are (RFC 7523): read, verified, and used once."""

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from fastapi import Request
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from pydantic_core import from_json

from app.api.http.access import ISSUER, LEEWAY_SECONDS, database
from app.api.http.address import address_of
from app.api.http.clock import now
from app.api.http.shapes import REF
from app.domain.time import UTC
from app.store.access import credentials

Json = Mapping[str, Any]

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CLIENT_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS: Mapping[str, type[ECKey] | type[RSAKey]] = {"ES256": ECKey, "PS256": RSAKey}
"""The algorithms that assertions are signed with, each with its kind of key."""
LONGEST_SECONDS = 300
TOKEN_SECONDS = 900
"""An access token that is got by an assertion or a secret is valid for so long."""
LONGEST_JTI = 128


class InvalidAssertionError(Exception):
    """The assertion is not one of a known key, made for us, fresh and unused."""


def signer_of(assertion: str) -> str:
    """The name that an assertion says it comes from, not yet verified. Raises InvalidAssertionError."""
    try:
        signer = from_json(jws.extract_compact(assertion.encode()).payload)["iss"]
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise InvalidAssertionError from error
    if not isinstance(signer, str) or not re.fullmatch(REF, signer):
        raise InvalidAssertionError
    return signer


async def accept(request: Request, municipality_id: int, assertion: str, signer: str, keys: Sequence[Json]) -> None:
    """Accept an assertion of `signer`, signed with one of its public `keys` (JWKs), once.

    Raises InvalidAssertionError.
    """
    audiences = [ISSUER, address_of(request, ""), address_of(request, "/oauth/token")]
    claims = _verified(assertion, keys, signer, audiences, int(now(request).timestamp()))
    jti = blake2b(claims["jti"].encode(), digest_size=16).digest()
    ends_at = dt.datetime.fromtimestamp(claims["exp"] + LEEWAY_SECONDS, UTC)
    async with database(request).write(municipality_id) as writing:
        fresh = await credentials.spend(writing, signer, jti, ends_at)
    if not fresh:
        raise InvalidAssertionError


def _verified(assertion: str, keys: Sequence[Json], signer: str, audiences: list[str], at: int) -> Json:
    """The claims of the signer's assertion `at` an instant, in seconds. Raises InvalidAssertionError."""
    # The leeway is for its end too: an assertion by a slow clock may have ended as it is made, and is good but once.
    registry = jwt.JWTClaimsRegistry(
        at,
        leeway=LEEWAY_SECONDS,
        iss={"essential": True, "value": signer},
        sub={"essential": True, "value": signer},
        aud={"essential": True, "values": audiences},
        exp={"essential": True},
        jti={"essential": True},
    )
    try:
        claims = _signed(assertion, keys)
        registry.validate(claims)
        too_long = claims["exp"] > at + LONGEST_SECONDS + LEEWAY_SECONDS
        if too_long or len(claims["jti"]) > LONGEST_JTI:
            raise InvalidAssertionError
    except (JoseError, ValueError, TypeError) as error:
        raise InvalidAssertionError from error
    return claims


def _signed(assertion: str, keys: Sequence[Json]) -> dict[str, Any]:
    """The claims that one of the keys has signed. Raises InvalidAssertionError, JoseError, ValueError, TypeError."""
    header = jws.extract_compact(assertion.encode()).headers()
    algorithm, kid = header.get("alg"), header.get("kid")
    # A name is the signer's choice: a key that has none fits any.
    named = (key for key in keys if kid is None or key.get("kid", kid) == kid)
    for key in _of_kind(named, ALGORITHMS.get(str(algorithm))):
        try:
            return jwt.decode(assertion, key, algorithms=[str(algorithm)]).claims
        except JoseError:
            continue
    raise InvalidAssertionError


def _of_kind(keys: Iterable[Json], kind: type[ECKey] | type[RSAKey] | None) -> Iterable[ECKey | RSAKey]:
    if kind is not None:
        for key in keys:
            if key["kty"] == kind.key_type:
                yield kind.import_key(dict(key))
