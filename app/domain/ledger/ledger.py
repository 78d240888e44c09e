"""Leaves of the ledger: each holds the public fields of a fact and commits to its personal ones.

    leaf = SHA256(0x00 || 0x01 || public || SHA256(salt || personal))

`public` and `personal` are JSON objects of the fact's columns (`KINDS`) in one canonical form: keys sorted, no spaces,
UTF-8 without unneeded escapes, instants in UTC with six decimals and `Z`, bytes in hex, null fields left out, numbers
without a fraction as integers. `public` has `fact` (the kind) and `municipality` beside the columns. So a leaf is
recomputed from the stored row alone, and a proof stays valid when payload and salt are erased.
"""

import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b, sha256
from hmac import compare_digest
from json.encoder import encode_basestring
from typing import Any
from uuid import UUID

from app.domain.ledger.merkle import leaf_hash

VERSION = b"\1"
SALT_BYTES = 16
MAC_BYTES = 16
VOID = leaf_hash(b"\0")
"""The hash in the tree in place of a leaf that was missing, or not made by the service, when it was to be sealed."""


@dataclass(frozen=True, slots=True)
class FactKind:
    """A kind of fact, named as its table: the columns that its leaf holds and those that it commits to.

    A column added later must be null in the existing facts, or their leaves would change.
    """

    public: tuple[str, ...]
    personal: tuple[str, ...]
    json: frozenset[str] = frozenset()
    """Columns that hold JSON."""
    id: str = "id"
    """The column that identifies the fact: a UUID, or a number, which is written as the UUID of that value."""
    at: str = "received_at"
    """The column with the instant of receipt."""

    @property
    def numbered(self) -> bool:
        """True when its facts are identified by a number."""
        return self.id != "id"

    @property
    def columns(self) -> tuple[str, ...]:
        return self.public + self.personal


KINDS: Mapping[str, FactKind] = {
    "tap": FactKind(
        (
            *("id", "direction", "at", "tapped_at", "received_at", "reason", "evidence", "verdict", "code", "flags"),
            *("epoch", "counter"),
        ),
        ("staff", "device", "tag", "household", "note", "body_hash"),
    ),
    "report": FactKind(
        ("id", "tap", "reported_at", "received_at", "sent_at"),
        ("staff", "device", "outcome", "interventions", "note", "body_hash"),
        json=frozenset({"interventions"}),
    ),
    "correction": FactKind(
        ("id", "seq", "tap", "at", "kind", "seen", "recorded_at"),
        ("staff", "recipient", "body", "before", "reason", "note", "recorded_by", "body_hash"),
        json=frozenset({"body", "before"}),
        at="recorded_at",
    ),
    "manual_visit": FactKind(
        ("id", "presence", "started_at", "ended_at", "reason", "recorded_at"),
        ("staff", "recipient", "household", "interventions", "note", "recorded_by", "body_hash"),
        json=frozenset({"interventions"}),
        at="recorded_at",
    ),
    "attempt": FactKind(
        ("id", "kind", "item_id", "received_at", "code"),
        ("staff", "device", "body_hash", "claim"),
        json=frozenset({"claim"}),
    ),
    "record": FactKind(
        ("kind", "seq", "version", "recorded_at", "removed"),
        ("ref", "recorded_by", "body"),
        json=frozenset({"body"}),
        id="seq",
        at="recorded_at",
    ),
    "period_close": FactKind(
        ("id", "provider", "month", "closed_at", "change_no", "master_seq", "line_count", "total_ore", "lines_hash"),
        ("closed_by", "accepted"),
        at="closed_at",
    ),
    "access_block": FactKind(("id", "closed_at", "first_at", "last_at", "entries", "digest"), (), at="closed_at"),
}


def fact_id(kind: str, fields: Mapping[str, Any]) -> UUID:
    """The id of a fact in the ledger."""
    named = fields[KINDS[kind].id]
    if isinstance(named, int):
        return UUID(int=named)
    return named if isinstance(named, UUID) else UUID(named)


def public_of(kind: str, municipality_id: int, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The public fields as JSON values."""
    return _read(_public(kind, municipality_id, fields))


def personal_of(kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The personal fields as JSON values."""
    return _read(_personal(kind, fields))


def leaf_for(kind: str, municipality_id: int, fields: Mapping[str, Any], salt: bytes) -> bytes:
    """The leaf hash (32 bytes) of a fact, from its columns as stored, JSON columns as values."""
    committed = sha256(salt + _personal(kind, fields)).digest()
    return leaf_hash(VERSION + _public(kind, municipality_id, fields) + committed)


def commitment(salt: bytes, personal: Mapping[str, Any]) -> bytes:
    """The commitment to the personal fields in a leaf: SHA-256 of salt and canonical JSON."""
    return sha256(salt + canonical(personal)).digest()


def leaf_of(public: Mapping[str, Any], committed: bytes) -> bytes:
    """The leaf hash of a fact, from its public fields and the commitment to the personal ones."""
    return leaf_hash(VERSION + canonical(public) + committed)


def mac_of(key: bytes, municipality_id: int, index: int, kind: str, fact: UUID, leaf: bytes) -> bytes:
    """The MAC beside a leaf, 16 bytes: only the service can write it, so a row inserted by anybody else lacks it."""
    content = municipality_id.to_bytes(4) + index.to_bytes(8) + fact.bytes + leaf + kind.encode()
    return blake2b(content, key=key, digest_size=MAC_BYTES, person=b"taggad leaf").digest()


def row_mac(key: bytes, table: str, columns: Sequence[str], row: Sequence[Any]) -> bytes:
    """The MAC, 16 bytes, in a row that has no leaf. Null columns are left out, as in a leaf."""
    written = [f'"{name}":{_written(value)}' for name, value in zip(columns, row, strict=True) if value is not None]
    return blake2b(
        f"{table}{{{','.join(written)}}}".encode(), key=key, digest_size=MAC_BYTES, person=b"taggad row"
    ).digest()


def is_ours(
    keys: Iterable[bytes], municipality_id: int, index: int, kind: str, fact: UUID, leaf: bytes, mac: bytes
) -> bool:
    """True when the service stored this leaf, under any of its keys."""
    return any(compare_digest(mac, mac_of(key, municipality_id, index, kind, fact, leaf)) for key in keys)


@dataclass(frozen=True, slots=True)
class Entry:
    """One leaf of the tree beside the fact as it is stored now."""

    index: int
    sealed: bytes
    """The leaf hash in the tree."""
    public: Mapping[str, Any] | None
    """None if the fact is gone."""
    committed: bytes
    authentic: bool
    """True when the service made the stored leaf, for this fact at this index."""

    def fault(self) -> str | None:
        """A sentence about what is wrong with the leaf or its fact; None if nothing is."""
        named = f"{self.public.get('fact')} {self.public.get('id', self.public.get('seq'))}" if self.public else "fact"
        if self.sealed == VOID:
            return "no leaf of the service stood here when it was to be sealed"
        if self.public is None:
            return "the fact is gone"
        if leaf_of(self.public, self.committed) != self.sealed:
            return f"{named} is not as it was when it was sealed"
        return None if self.authentic else f"the stored leaf of {named} is not the service's"


def canonical(value: Mapping[str, Any]) -> bytes:
    """A JSON object in the canonical form that is hashed."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _public(kind: str, municipality_id: int, fields: Mapping[str, Any]) -> bytes:
    return _written_object(_PUBLIC[kind], {**fields, "fact": kind, "municipality": municipality_id})


def _personal(kind: str, fields: Mapping[str, Any]) -> bytes:
    return _written_object(_PERSONAL[kind], fields)


def _read(text: bytes) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(text)
    return read


def _prefixes(names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, f'"{name}":') for name in sorted(names))


_PUBLIC = {name: _prefixes((*kind.public, "fact", "municipality")) for name, kind in KINDS.items()}
_PERSONAL = {name: _prefixes(kind.personal) for name, kind in KINDS.items()}


def _written_object(columns: Iterable[tuple[str, str]], fields: Mapping[str, Any]) -> bytes:
    """Columns in the form of `canonical`, without a detour over `json`, because every tap pays for it."""
    written = [prefix + _written(value) for name, prefix in columns if (value := fields.get(name)) is not None]
    return f"{{{','.join(written)}}}".encode()


def _written(value: Any) -> str:
    write = _WRITTEN.get(type(value))
    if write is not None:
        return write(value)
    if isinstance(value, UUID):  # the driver's own class of them
        return f'"{value}"'
    raise TypeError(f"no fact has a {type(value).__name__}")


@lru_cache(maxsize=1024)  # a tap has its instant twice, and all taps of a batch the same instant of receipt
def _instant(value: dt.datetime) -> str:
    return f'"{value.astimezone(dt.UTC).isoformat("T", "microseconds")[:-6]}Z"'


def _number(value: float) -> float | int:
    # PostgreSQL keeps the decimal as written, and returns 1e300 as an integer.
    written = Decimal(repr(value))
    return int(written) if written == written.to_integral_value() else value


_WRITTEN: dict[type, Callable[[Any], str]] = {
    str: encode_basestring,
    int: str,
    bool: lambda value: "true" if value else "false",
    type(None): lambda _: "null",
    float: lambda value: str(_number(value)),
    dt.datetime: _instant,
    dt.date: lambda value: f'"{value}"',
    dt.timedelta: lambda value: str(value // dt.timedelta(microseconds=1)),
    bytes: lambda value: f'"{value.hex()}"',
    UUID: lambda value: f'"{value}"',
    list: lambda value: f"[{','.join(map(_written, value))}]",
    tuple: lambda value: f"[{','.join(map(_written, value))}]",
    dict: lambda value: f"{{{','.join([f'{_written(key)}:{_written(value[key])}' for key in sorted(value)])}}}",
}
