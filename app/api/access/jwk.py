"""Public keys as JSON Web Keys (RFC 7517), as phones and clients hand them in."""

from typing import Annotated, Any, Literal

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from app.api.http.shapes import Wire

Coordinate = Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_-]{43}$")]
# Of 2048, 3072 or 4096 bits, the first of which is set.
Modulus = Annotated[
    str, StringConstraints(pattern="^[g-z0-9_-]([A-Za-z0-9_-]{341}|[A-Za-z0-9_-]{511}|[A-Za-z0-9_-]{682})$")
]
KeyId = Annotated[str, StringConstraints(min_length=1, max_length=100)]

MOST_KEYS = 8


class PublicKey(Wire):
    """A P-256 public key as JWK (RFC 7517), in the form in which browsers export it."""

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: Coordinate
    y: Coordinate
    ext: bool | None = None
    key_ops: list[str] | None = None
    alg: Literal["ES256"] | None = None
    use: Literal["sig"] | None = None
    kid: KeyId | None = None

    @model_validator(mode="after")
    def _on_the_curve(self) -> "PublicKey":
        try:
            ECKey.import_key(self.kept()).public_key  # noqa: B018 - made when it is first asked for
        except (JoseError, ValueError) as error:
            raise PydanticCustomError("invalid_value", "not a point of the curve") from error
        return self

    def kept(self) -> dict[str, Any]:
        """The members that make up the key; all others are dropped."""
        return {"kty": self.kty, "crv": self.crv, "x": self.x, "y": self.y}


class RsaPublicKey(Wire):
    """An RSA public key of 2048, 3072 or 4096 bits as JWK (RFC 7517)."""

    kty: Literal["RSA"]
    n: Modulus
    e: Literal["AQAB"]
    ext: bool | None = None
    key_ops: list[str] | None = None
    alg: Literal["PS256"] | None = None
    use: Literal["sig"] | None = None
    kid: KeyId | None = None

    @model_validator(mode="after")
    def _of_rsa(self) -> "RsaPublicKey":
        try:
            RSAKey.import_key(self.kept()).public_key  # noqa: B018 - as above
        except (JoseError, ValueError) as error:
            raise PydanticCustomError("invalid_value", "not an RSA key") from error
        return self

    def kept(self) -> dict[str, Any]:
        """The members that make up the key; all others are dropped."""
        return {"kty": self.kty, "n": self.n, "e": self.e}


class ClientKeys(Wire):
    """The public keys of a client as JWK Set (RFC 7517). During a rotation it holds the new key and the old one."""

    keys: Annotated[
        list[Annotated[PublicKey | RsaPublicKey, Field(discriminator="kty")]],
        Field(
            min_length=1,
            max_length=MOST_KEYS,
            description="The keys, 1 to 8: P-256 for ES256, or RSA for PS256. Public keys only.",
        ),
    ]

    @model_validator(mode="after")
    def _no_name_twice(self) -> "ClientKeys":
        named = [key.kid for key in self.keys if key.kid is not None]
        if len(set(named)) != len(named):
            raise PydanticCustomError("invalid_value", "two keys have the same kid")
        return self

    def kept(self) -> dict[str, Any]:
        """The set as it is stored: of each key what makes it up, and its name if it has one."""
        return {"keys": [key.kept() | ({"kid": key.kid} if key.kid else {}) for key in self.keys]}
