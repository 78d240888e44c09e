"""Every setting of the service, one class: environment variables `TAGGAD_*`."""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

PREFIX = "TAGGAD_"
VERSION = "0.1.0"
SECRETS = ("token_key", "field_keys", "lookup_key", "ledger_key")
SECRET_BYTES = 32
LEAST_DIFFERENT_BYTES = 12


class UnsafeSettingsError(Exception):
    """The settings in the environment are not valid or not safe. The message names settings, never their values."""


def _secret(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        raw = b64decode(value.strip().replace("-", "+").replace("_", "/"), validate=True)
    except (Base64Error, ValueError):
        raw = b""
    if len(raw) != SECRET_BYTES:
        raise ValueError("a secret must be 32 bytes in base64")
    return raw


def _secrets(value: object) -> object:
    return tuple(map(_secret, value.split(","))) if isinstance(value, str) else value


def _ring(value: object) -> object:
    if not isinstance(value, str):
        return value
    entries = [entry.strip().partition(":") for entry in value.split(",")]
    names = [name for name, _, _ in entries]
    if len(set(names)) != len(names) or not all(re.fullmatch(r"[A-Za-z0-9_-]{1,16}", name) for name in names):
        raise ValueError("every key needs a name of its own: name:base64")
    return {name: _secret(key) for name, _, key in entries}


def _networks(value: object) -> object:
    if not isinstance(value, str):
        return value
    names = [name.strip() for name in value.split(",")]
    for name in names:
        ip_network(name)  # without host bits, or it would match no address
    return tuple(names)


class Settings(BaseModel):
    """The settings, read once at start. The description of each field is its documentation."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    database_url: str | None = Field(
        default=None,
        description="An outside PostgreSQL 18, `postgresql://user:password@host/name`. Without it the embedded database"
        " of the data directory is used.",
    )
    pg_bin: Path | None = Field(
        default=None, description="The directory of PostgreSQL's programs for the embedded database [those installed]."
    )
    data_dir: Path = Field(
        default=Path(".taggad"),
        description="The embedded database, secrets that were made once, and how large each ledger was.",
    )
    public_url: str | None = Field(
        default=None,
        description="The address that callers know the service by, `https://host`: what codes and tags open, and what"
        " devices sign for. Without it, the address that a request says it came to.",
    )
    trusted_proxies: Annotated[tuple[str, ...], BeforeValidator(_networks)] = Field(
        default=(),
        description="Addresses or networks, with commas: of a proxy there it is believed whom a request comes from, by"
        " `X-Forwarded-For`, and whether by https. Of nobody else.",
    )
    token_key: Annotated[tuple[bytes, ...], BeforeValidator(_secrets)] = Field(
        default=(),
        repr=False,
        description="Signs access tokens: 32 random bytes in base64 (`openssl rand -base64 32`). Several, with commas:"
        " the first signs, all verify.",
    )
    field_keys: Annotated[dict[str, bytes], BeforeValidator(_ring)] = Field(
        default={},
        repr=False,
        description="Encrypt personal data and the keys of tags (AES-256-GCM): `name:base64 of 32 bytes`, several"
        " with commas. The first encrypts, all decrypt.",
    )
    lookup_key: Annotated[bytes, BeforeValidator(_secret)] = Field(
        default=b"", repr=False, description="Finds a personal number without opening any (HMAC): 32 bytes in base64."
    )
    ledger_key: Annotated[tuple[bytes, ...], BeforeValidator(_secrets)] = Field(
        default=(),
        repr=False,
        description="Marks the leaves of the ledger as ours and signs its heads: 32 random bytes in base64. Several,"
        " with commas: the first marks and signs, all are known.",
    )
    late_tap_days: int = Field(
        default=7, ge=0, le=36500, description="A tap received later than this many days is disputed until attested."
    )
    reminder_minutes: int = Field(
        default=60,
        ge=1,
        le=960,
        description="Staff are reminded of a visit that is open for so long where no order says how long it takes.",
    )
    work_shift_hours: int = Field(
        default=12, ge=1, le=16, description="The longest time for which a person uses a shared phone by one PIN."
    )
    caller_requests: int = Field(
        default=3000,
        ge=60,
        le=100_000_000,
        description="The most requests of one client, phone, person or token a minute in one worker, but for taps.",
    )
    municipality_requests: int = Field(
        default=30_000,
        ge=60,
        le=100_000_000,
        description="The same of a whole municipality. Above either: 429 `too_many_requests`.",
    )
    session_idle_minutes: int = Field(
        default=30, ge=1, le=600, description="A person who asks for nothing for so long must log in again."
    )
    session_hours: int = Field(
        default=10, ge=1, le=24, description="A person must log in again after so long, whatever they do."
    )
    max_body_bytes: int = Field(
        default=2 * 1024 * 1024, ge=1024, le=64 * 1024 * 1024, description="The largest body that is read."
    )
    pool_size: int = Field(
        default=12,
        ge=4,
        le=90,
        description="Database connections of one worker, and it has one more to ask how the database is. A quarter"
        " reads, a quarter exports, the rest writes.",
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """The settings in `TAGGAD_*`; an empty value counts as not set. Raises UnsafeSettingsError."""
        known = {PREFIX + name.upper(): name for name in cls.model_fields}
        given = {known[key]: value for key, value in environment.items() if key in known and value.strip()}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            faults = [
                f"{PREFIX}{str((*fault['loc'], 'settings')[0]).upper()}: {fault['msg']}"
                for fault in error.errors(include_input=False, include_url=False)
            ]
            raise UnsafeSettingsError("\n".join(faults)) from None

    def with_secrets(self, made: Mapping[str, str]) -> Self:
        """The same settings, with the secrets `made` in the data directory where the environment sets none."""
        missing = {name: made[name] for name in SECRETS if not getattr(self, name)}
        return type(self).model_validate(self.model_dump() | missing)

    def to_environment(self) -> dict[str, str]:
        """The environment from which `from_environment` makes these settings."""
        values: dict[str, str] = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, dict):
                value = ",".join(f"{key}:{b64encode(secret).decode()}" for key, secret in value.items())
            elif isinstance(value, tuple):
                value = ",".join(one if isinstance(one, str) else b64encode(one).decode() for one in value)
            elif isinstance(value, bytes):
                value = b64encode(value).decode()
            values[PREFIX + name.upper()] = "" if value is None else str(value)
        return values

    def require_secrets(self) -> None:
        """Raises UnsafeSettingsError unless every secret is set."""
        missing = [PREFIX + name.upper() for name in SECRETS if not getattr(self, name)]
        if missing:
            raise UnsafeSettingsError(f"an outside database needs {', '.join(missing)} to be set")

    def require_safe(self) -> None:
        """Raises UnsafeSettingsError for a secret that can be guessed or that serves two purposes."""
        named = {
            "TOKEN_KEY": self.token_key,
            "FIELD_KEYS": tuple(self.field_keys.values()),
            "LOOKUP_KEY": (self.lookup_key,),
            "LEDGER_KEY": self.ledger_key,
        }
        seen: dict[bytes, str] = {}
        for name, secrets in named.items():
            for secret in secrets:
                if len(set(secret)) < LEAST_DIFFERENT_BYTES or re.fullmatch(rb"[ -~]+", secret):
                    raise UnsafeSettingsError(
                        f"{PREFIX}{name} is not random (openssl rand -base64 32 makes one that is)"
                    )
                if secret in seen:
                    raise UnsafeSettingsError(f"{PREFIX}{name} repeats {seen[secret]}: each purpose needs its own")
                seen[secret] = PREFIX + name

    @field_validator("public_url")
    @classmethod
    def _origin(cls, url: str | None) -> str | None:
        if url is None or re.fullmatch(r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?/?", url):
            return url and url.rstrip("/")
        raise ValueError("must be https:// and a host, without a path")

    @field_validator("database_url")
    @classmethod
    def _driver(cls, url: str | None) -> str | None:
        if url is None:
            return None
        scheme, found, rest = url.partition("://")
        if not found or scheme not in {"postgres", "postgresql", "postgresql+asyncpg"}:
            raise ValueError("must begin with postgresql://")
        # The driver knows libpq's sslmode by the name ssl.
        return "postgresql+asyncpg://" + re.sub(r"(?<=[?&])sslmode=", "ssl=", rest)
