"""Memberships and identity providers, read from their newest records."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json

from app.domain.access.member import Issuer, Member
from app.store.connection import Reading

NEWEST = """
SELECT DISTINCT ON (ref) ref, body FROM record WHERE municipality_id = $1 AND kind = $2 ORDER BY ref, version DESC
"""
TOKENS = """
SELECT DISTINCT ON (ref) ref, body FROM record
WHERE municipality_id = $1 AND kind = 'tokens' AND body->>'member' = $2 ORDER BY ref, version DESC
"""


def member_of(ref: str, body: Mapping[str, Any]) -> Member:
    """A membership from its stored body."""
    last = body["valid_to"]
    return Member(
        ref=ref,
        valid_from=dt.date.fromisoformat(body["valid_from"]),
        valid_to=dt.date.fromisoformat(last) if last else None,
        **{name: body[name] for name in ("role", "issuer", "subject", "hsa_id", "email", "provider", "staff")},
    )


def issuer_of(ref: str, body: Mapping[str, Any]) -> Issuer:
    """An identity provider from its stored body."""
    return Issuer(
        ref=ref,
        issuer=body["issuer"],
        client_id=body["client_id"],
        claims={name: claim for name, claim in body["claims"].items() if claim},
        acr={role: tuple(levels) for role, levels in body["acr"].items()},
        private_key_jwt=body["private_key_jwt"],
        max_age_seconds=body["max_age_seconds"],
        provider=body["provider"],
    )


async def members(reading: Reading) -> list[Member]:
    """Every membership, over or not."""
    return [member_of(row["ref"], from_json(row["body"])) for row in await reading.fetch(NEWEST, "members")]


async def tokens_of(reading: Reading, member: str) -> list[tuple[str, dict[str, Any]]]:
    """The tokens that a member has made, ended or not: id and stored body."""
    return [(row["ref"], from_json(row["body"])) for row in await reading.fetch(TOKENS, member)]


async def passkeys_of(reading: Reading, member: str) -> dict[str, str]:
    """The passkeys of a member that are not removed: when each was made, by credential id in base64url."""
    found = [(row["ref"], from_json(row["body"])) for row in await reading.fetch(NEWEST, "passkeys")]
    return {ref: body["made_at"] for ref, body in found if member in body["members"] and not body["revoked_at"]}


async def issuers(reading: Reading) -> list[tuple[Issuer, str]]:
    """Every identity provider with its title, sorted by ref."""
    found = [(row["ref"], from_json(row["body"])) for row in await reading.fetch(NEWEST, "issuers")]
    return [(issuer_of(ref, body), body["title"] or ref) for ref, body in found]
