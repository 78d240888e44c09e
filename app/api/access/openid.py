"""Log in by an identity provider: OpenID Connect, the authorization code flow with PKCE (S256).

Authlib asks, joserfc verifies. Every value of the answer that an attacker could choose is compared with what was sent
or with what the municipality has registered: state, nonce, issuer, audience, and the age of the authentication.
"""

import math
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.common.security import generate_token
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from pydantic_core import from_json, to_json

from app.api.access.assertions import CLIENT_ASSERTION
from app.api.http.access import LEEWAY_SECONDS, Tokens
from app.domain.access.member import Identity, Issuer

Json = Mapping[str, Any]

DISCOVERY = "/.well-known/openid-configuration"
SCOPE = "openid profile email"
ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
"""Signatures by a key that only the identity provider has. One by a shared secret would not say who made it."""
REMEMBERED_SECONDS = 600
MOST_REMEMBERED = 200
PATIENCE_SECONDS = 10
PAUSE_SECONDS = 5
SECRET_LETTERS = 43
MOST_BYTES = 1024 * 1024
"""The limit of one answer: a municipality chooses whom we ask."""
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
MORE_ENDPOINTS = ("userinfo_endpoint",)
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class NotVouchedError(Exception):
    """The identity provider does not answer, or not as it should. The message is for the log, not for the person."""


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """A login that has begun: what has to come back with it, and where the person wanted to go."""

    issuer: str
    state: str
    nonce: str
    verifier: str
    to: str

    def to_text(self) -> str:
        """The attempt as a text, to be kept by the browser."""
        return to_json(asdict(self)).decode()

    @classmethod
    def from_text(cls, text: str) -> "LoginAttempt":
        """The attempt in such a text."""
        return cls(**from_json(text))


class Returned(NamedTuple):
    """The parameters with which the identity provider sent the person back."""

    code: str
    issuer: str | None


@dataclass(frozen=True, slots=True)
class _Provider:
    metadata: Json
    keys: Json
    read_at: float


class IdentityProviders:
    """Asks identity providers. Their metadata and keys are remembered for ten minutes."""

    def __init__(self, tokens: Tokens) -> None:
        """`tokens` sign for us where an identity provider knows us by a key."""
        self._tokens = tokens
        self._known: dict[str, _Provider] = {}
        self._failed_at: dict[str, float] = {}

    async def begin(self, issuer: Issuer, redirect_uri: str, to: str) -> tuple[str, LoginAttempt]:
        """The address to send the person to, and the attempt to compare the answer with. Raises NotVouchedError."""
        async with self._client(issuer, None, redirect_uri) as client:
            provider = await self._provider(client, issuer)
            state, nonce, verifier = (generate_token(SECRET_LETTERS) for _ in range(3))
            asked: dict[str, Any] = {"nonce": nonce}
            if issuer.max_age_seconds is not None:
                asked["max_age"] = issuer.max_age_seconds
            if issuer.asked_acr:
                asked["acr_values"] = " ".join(issuer.asked_acr)
            endpoint = provider.metadata["authorization_endpoint"]
            url, _ = client.create_authorization_url(endpoint, state=state, code_verifier=verifier, **asked)
        return url, LoginAttempt(issuer.ref, state, nonce, verifier, to)

    async def identity(
        self,
        issuer: Issuer,
        secret: str | None,
        redirect_uri: str,
        attempt: LoginAttempt,
        returned: Returned,
        *,
        now: float,
    ) -> Identity:
        """The person whom the identity provider vouches for, `now` in seconds. Raises NotVouchedError."""
        async with self._client(issuer, secret, redirect_uri) as client:
            provider = await self._provider(client, issuer)
            # RFC 9207: of several issuers, the one that was asked must be the one that answers.
            says_who = provider.metadata.get("authorization_response_iss_parameter_supported") is True
            if returned.issuer != issuer.issuer and (says_who or returned.issuer is not None):
                raise NotVouchedError("another issuer answers")
            _authenticate(client, provider.metadata, secret)
            token = await self._token(client, issuer, provider.metadata, attempt, returned.code)
            claims = await self._claims(client, issuer, provider, token, attempt.nonce, now)
            needed = {claim for name, claim in issuer.claims.items() if name != "subject"}
            if not needed <= claims.keys() and provider.metadata.get("userinfo_endpoint"):
                claims = await _with_userinfo(client, provider.metadata["userinfo_endpoint"], token, claims)
        return _identity(issuer, claims)

    def _client(self, issuer: Issuer, secret: str | None, redirect_uri: str) -> Any:
        return AsyncOAuth2Client(
            issuer.client_id,
            secret,
            scope=SCOPE,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            token_endpoint_auth_method="none",  # noqa: S106 - until the metadata say which
            timeout=PATIENCE_SECONDS,
            headers={"Accept-Encoding": "identity"},
            event_hooks={"response": [_limit]},
        )

    async def _provider(self, client: Any, issuer: Issuer, *, anew: bool = False) -> _Provider:
        known = self._known.get(issuer.issuer)
        if known is None or anew or time.monotonic() - known.read_at > REMEMBERED_SECONDS:
            known = self._known[issuer.issuer] = await self._asked(client, issuer)
            if len(self._known) > MOST_REMEMBERED:
                del self._known[next(iter(self._known))]
        return known

    async def _asked(self, client: Any, issuer: Issuer) -> _Provider:
        """The metadata and keys, asked for. After a failure nobody is made to wait for the next one for a moment."""
        if time.monotonic() - self._failed_at.get(issuer.issuer, -math.inf) < PAUSE_SECONDS:
            raise NotVouchedError("it failed a moment ago")
        try:
            return await _discovered(client, issuer)
        except NotVouchedError:
            self._failed_at[issuer.issuer] = time.monotonic()
            raise

    async def _token(self, client: Any, issuer: Issuer, metadata: Json, attempt: LoginAttempt, code: str) -> Json:
        endpoint = metadata["token_endpoint"]
        proof = {}
        if issuer.private_key_jwt:
            signed = self._tokens.client_assertion(issuer.client_id, endpoint)
            proof = {"client_assertion_type": CLIENT_ASSERTION, "client_assertion": signed}
        try:
            token: Json = await client.fetch_token(endpoint, code=code, code_verifier=attempt.verifier, **proof)
        except (httpx2.HTTPError, AuthlibBaseError, ValueError) as error:
            raise NotVouchedError(f"the code is not taken: {type(error).__name__}") from error
        return token

    async def _claims(
        self, client: Any, issuer: Issuer, provider: _Provider, token: Json, nonce: str, now: float
    ) -> dict[str, Any]:
        """The verified claims of the ID token."""
        try:
            try:
                decoded = _decoded(token["id_token"], provider)
            except InvalidKeyIdError:  # the key may be newer than those that are remembered
                decoded = _decoded(token["id_token"], await self._provider(client, issuer, anew=True))
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                {
                    "iss": {"essential": True, "value": issuer.issuer},
                    "aud": {"essential": True, "value": issuer.client_id},
                    "nonce": {"essential": True, "value": nonce},
                },
                {
                    "nonce": nonce,
                    "client_id": issuer.client_id,
                    "max_age": issuer.max_age_seconds,
                    "access_token": token.get("access_token"),
                },
            )
            claims.validate(now=int(now), leeway=LEEWAY_SECONDS)
        except (JoseError, AuthlibBaseError, KeyError, TypeError, ValueError) as error:
            raise NotVouchedError(f"the ID token does not hold: {error}") from error
        if issuer.max_age_seconds is not None and claims["auth_time"] + issuer.max_age_seconds + LEEWAY_SECONDS < now:
            raise NotVouchedError("the authentication is too old")
        return dict(claims)


class _Limited(httpx2.AsyncByteStream):
    """The body of an answer, up to MOST_BYTES and for as long as PATIENCE_SECONDS."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left, until = MOST_BYTES, time.monotonic() + PATIENCE_SECONDS
        async for piece in self._stream:
            left -= len(piece)
            if left < 0 or time.monotonic() > until:
                raise httpx2.ReadError("too long an answer")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _limit(response: httpx2.Response) -> None:
    if response.headers.get("content-encoding", "identity") != "identity":  # small bytes may unpack to large ones
        raise httpx2.DecodingError("packed, though nobody asked for that", request=response.request)
    response.stream = _Limited(response.stream)  # type: ignore[arg-type] # an asynchronous one, as the client is


def _is_safe(address: str, issuer: str) -> bool:
    """True for an address by TLS, and on this machine for an issuer that is there too."""
    asked = urlsplit(address)
    here = asked.scheme == "http" == urlsplit(issuer).scheme and asked.hostname in LOOPBACK
    return asked.scheme == "https" or here


def _decoded(id_token: str, provider: _Provider) -> jwt.Token:
    keys = KeySet.import_key_set(dict(provider.keys))  # type: ignore[arg-type] # as it was read
    signed = set(provider.metadata.get("id_token_signing_alg_values_supported", ["RS256"]))
    # Identity providers put headers of their own beside those that are registered.
    registry = JWSRegistry(algorithms=sorted(ALGORITHMS & signed), strict_check_header=False)
    return jwt.decode(id_token, keys, registry=registry)


def _authenticate(client: Any, metadata: Json, secret: str | None) -> None:
    """Let the client send its secret in the way that the identity provider takes."""
    if secret is not None:
        ways = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        client.token_endpoint_auth_method = (
            "client_secret_basic" if "client_secret_basic" in ways else "client_secret_post"
        )


async def _discovered(client: Any, issuer: Issuer) -> _Provider:
    metadata = await _read(client, issuer.issuer.rstrip("/") + DISCOVERY)
    if metadata.get("issuer") != issuer.issuer:
        raise NotVouchedError("the metadata are those of another issuer")
    named = {name: metadata.get(name, "") for name in ENDPOINTS}
    named |= {name: metadata[name] for name in MORE_ENDPOINTS if name in metadata}
    if not all(_is_safe(str(address), issuer.issuer) for address in named.values()):
        raise NotVouchedError("an address of the metadata is missing or unsafe")
    return _Provider(metadata, await _read(client, metadata["jwks_uri"]), time.monotonic())


async def _read(client: Any, url: str, **more: Any) -> dict[str, Any]:
    try:
        headers = {"Accept": "application/json"} | more
        answer = await client.request("GET", url, withhold_token=True, headers=headers)
        answer.raise_for_status()
        read = answer.json()
    except (httpx2.HTTPError, ValueError) as error:
        raise NotVouchedError(f"{urlsplit(url).path}: {type(error).__name__}") from error
    if not isinstance(read, dict):
        raise NotVouchedError(f"{urlsplit(url).path}: no JSON object")
    return read


async def _with_userinfo(client: Any, endpoint: str, token: Json, claims: dict[str, Any]) -> dict[str, Any]:
    """The claims with those of the userinfo endpoint, which may add to an ID token and change nothing of it."""
    more = await _read(client, endpoint, Authorization=f"Bearer {token.get('access_token')}")
    if more.get("sub") != claims["sub"]:
        raise NotVouchedError("the userinfo is another person's")
    return more | claims


def _identity(issuer: Issuer, claims: Json) -> Identity:
    def text(name: str) -> str | None:
        value = claims.get(issuer.claims.get(name, ""))
        return value if isinstance(value, str) and value else None

    subject = text("subject")
    if subject is None:
        raise NotVouchedError("the person has no name")
    acr = claims.get("acr")
    found = Identity(issuer.issuer, subject, text("hsa_id"), text("email"), acr if isinstance(acr, str) else None)
    return found if claims.get("email_verified") is True else replace(found, email=None)
