"""Memberships and identity providers: which login opens which role of a municipality."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from app.domain.closed_sets import Role

BOUND_ROLES: frozenset[Role] = frozenset({"planner", "staff"})
"""The roles that are held for one provider."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """An identity provider that a municipality trusts (OpenID Connect). `ref` is the municipality's name of it.

    `issuer` is its address, byte for byte. `claims` gives the claim that holds each of `subject`, `hsa_id` and `email`.
    `acr` gives the accepted levels of authentication by role; a role without any accepts every level.
    """

    ref: str
    issuer: str
    client_id: str
    claims: Mapping[str, str]
    acr: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    private_key_jwt: bool = False
    max_age_seconds: int | None = None
    provider: str | None = None
    """The provider whose people log in there; None for the municipality's own."""

    @property
    def asked_acr(self) -> tuple[str, ...]:
        """Every level that any role accepts, to be asked for."""
        return tuple(dict.fromkeys(level for levels in self.acr.values() for level in levels))

    def accepts(self, role: str, acr: str | None) -> bool:
        """True when a login at this level of authentication is strong enough for the role."""
        levels = self.acr.get(role)
        return not levels or acr in levels


@dataclass(frozen=True, slots=True)
class Identity:
    """A person as an identity provider names it. An `email` is here only if the provider has verified it."""

    issuer: str
    subject: str
    hsa_id: str | None = None
    email: str | None = None
    acr: str | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A membership: a role of the municipality, on inclusive days, and the identity that opens it.

    At most one of `subject`, `hsa_id` and `email` is given. Without any, only links and passkeys open it.
    """

    ref: str
    role: Role
    issuer: str | None
    subject: str | None
    hsa_id: str | None
    email: str | None
    provider: str | None
    staff: str | None
    valid_from: dt.date
    valid_to: dt.date | None

    def holds(self, on: dt.date) -> bool:
        """True when the membership has begun and is not over that day."""
        return self.valid_from <= on <= (self.valid_to or on)

    def is_of(self, identity: Identity, issuer: Issuer) -> bool:
        """True when this identity, vouched for by this issuer, is the member.

        A provider's own issuer opens that provider's memberships alone: it could name anybody. A subject is a name
        within one issuer, so it opens nothing where the membership names no issuer.
        """
        if self.issuer not in {None, issuer.ref} or (issuer.provider is not None and issuer.provider != self.provider):
            return False
        if self.subject is not None:
            return self.issuer is not None and self.subject == identity.subject
        if self.hsa_id is not None:
            return identity.hsa_id is not None and self.hsa_id.upper() == identity.hsa_id.upper()
        return self.email is not None and identity.email is not None and self.email.lower() == identity.email.lower()


@dataclass(frozen=True, slots=True)
class Opened:
    """The memberships that a login opens, and those of the person for which its level of authentication is too low."""

    members: tuple[Member, ...]
    too_weak: tuple[Member, ...]


def opened_by(identity: Identity, issuer: Issuer, members: Iterable[Member], on: dt.date) -> Opened:
    """The memberships that hold that day and are this identity's, sorted by ref."""
    theirs = sorted((one for one in members if one.holds(on) and one.is_of(identity, issuer)), key=lambda one: one.ref)
    strong = tuple(one for one in theirs if issuer.accepts(one.role, identity.acr))
    return Opened(strong, tuple(one for one in theirs if one not in strong))
