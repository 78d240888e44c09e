"""What the ledger holds of a fact: a leaf that tells its public fields and commits to its personal ones.

    leaf = SHA256(0x00 || 0x01 || public || SHA256(salt || personal))

`public` and `personal` are JSON objects of the fact's columns (`KINDS`) in one way of writing: keys sorted, no spaces,
UTF-8 without escapes that are not needed, instants in UTC with six decimals and `Z`, bytes in hex, fields that are null
left out, numbers without a fraction as integers. `public` has `fact` (the kind) and `municipality` beside the columns.
So a leaf is recomputed from the stored row alone, and a proof stays valid when payload and salt are erased.
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
"""Stands in the tree where a leaf was missing or not made by the service when it was to be sealed."""


@dataclass(frozen=True, slots=True)
class FactKind:
    """A kind of fact, named as its table: which columns its leaf tells and which it commits to.

    A column added later must be null in the facts that are there, or their leaves would change.
    """

    public: tuple[str, ...]
    personal: tuple[str, ...]
    json: frozenset[str] = frozenset()
    """Columns that hold JSON."""
    id: str = "id"
    """The column that names the fact: a UUID, or a number, which is then written as a UUID of that value."""
    at: str = "received_at"
    """The column that says when the fact reached us."""

    @property
    def numbered(self) -> bool:
        """Whether its facts are named by a number."""
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
}


def fact_id(kind: str, fields: Mapping[str, Any]) -> UUID:
    """What a fact is called in the ledger."""
    named = fields[KINDS[kind].id]
    if isinstance(named, int):
        return UUID(int=named)
    return named if isinstance(named, UUID) else UUID(named)


def public_of(kind: str, municipality_id: int, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The public fields as JSON has them."""
    return _read(_public(kind, municipality_id, fields))


def personal_of(kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The personal fields as JSON has them."""
    return _read(_personal(kind, fields))


def leaf_for(kind: str, municipality_id: int, fields: Mapping[str, Any], salt: bytes) -> bytes:
    """The leaf hash of a fact: of its columns as they are stored, with JSON as values."""
    committed = sha256(salt + _personal(kind, fields)).digest()
    return leaf_hash(VERSION + _public(kind, municipality_id, fields) + committed)


def commitment(salt: bytes, personal: Mapping[str, Any]) -> bytes:
    """What a leaf holds of the personal fields."""
    return sha256(salt + canonical(personal)).digest()


def leaf_of(public: Mapping[str, Any], committed: bytes) -> bytes:
    """The leaf hash of a fact, from its public fields and the commitment to the personal ones."""
    return leaf_hash(VERSION + canonical(public) + committed)


def mac_of(key: bytes, municipality_id: int, index: int, kind: str, fact: UUID, leaf: bytes) -> bytes:
    """What only the service can write beside a leaf: a row that somebody else inserted does not have it."""
    told = municipality_id.to_bytes(4) + index.to_bytes(8) + fact.bytes + leaf + kind.encode()
    return blake2b(told, key=key, digest_size=MAC_BYTES, person=b"taggad leaf").digest()


def row_mac(key: bytes, table: str, columns: Sequence[str], row: Sequence[Any]) -> bytes:
    """What only the service can write in a row that has no leaf. Columns that are null are left out, as in a leaf."""
    told = [f'"{name}":{_written(value)}' for name, value in zip(columns, row, strict=True) if value is not None]
    return blake2b(
        f"{table}{{{','.join(told)}}}".encode(), key=key, digest_size=MAC_BYTES, person=b"taggad row"
    ).digest()


def is_ours(
    keys: Iterable[bytes], municipality_id: int, index: int, kind: str, fact: UUID, leaf: bytes, mac: bytes
) -> bool:
    """Whether the service stored this leaf, under any of its keys."""
    return any(compare_digest(mac, mac_of(key, municipality_id, index, kind, fact, leaf)) for key in keys)


@dataclass(frozen=True, slots=True)
class Entry:
    """One leaf of the tree beside what is stored of its fact now."""

    index: int
    sealed: bytes
    """The leaf hash in the tree."""
    public: Mapping[str, Any] | None
    """None where the fact is gone."""
    committed: bytes
    authentic: bool
    """Whether the stored leaf is one that the service made for this fact at this index."""

    def fault(self) -> str | None:
        """What is wrong with it, None where nothing is."""
        named = f"{self.public.get('fact')} {self.public.get('id', self.public.get('seq'))}" if self.public else "fact"
        if self.sealed == VOID:
            return "no leaf of the service stood here when it was to be sealed"
        if self.public is None:
            return "the fact is gone"
        if leaf_of(self.public, self.committed) != self.sealed:
            return f"{named} is not as it was when it was sealed"
        return None if self.authentic else f"the stored leaf of {named} is not the service's"


def canonical(value: Mapping[str, Any]) -> bytes:
    """A JSON object in the one way of writing that is hashed."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _public(kind: str, municipality_id: int, fields: Mapping[str, Any]) -> bytes:
    return _written_object(_PUBLIC[kind], {**fields, "fact": kind, "municipality": municipality_id})


def _personal(kind: str, fields: Mapping[str, Any]) -> bytes:
    return _written_object(_PERSONAL[kind], fields)


def _read(told: bytes) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(told)
    return read


def _prefixes(names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, f'"{name}":') for name in sorted(names))


_PUBLIC = {name: _prefixes((*kind.public, "fact", "municipality")) for name, kind in KINDS.items()}
_PERSONAL = {name: _prefixes(kind.personal) for name, kind in KINDS.items()}


def _written_object(columns: Iterable[tuple[str, str]], fields: Mapping[str, Any]) -> bytes:
    """Columns as `canonical` writes them. Written straight away, because every tap pays for it."""
    told = [prefix + _written(value) for name, prefix in columns if (value := fields.get(name)) is not None]
    return f"{{{','.join(told)}}}".encode()


def _written(value: Any) -> str:
    write = _WRITTEN.get(type(value))
    if write is not None:
        return write(value)
    if isinstance(value, UUID):  # the driver's own class of them
        return f'"{value}"'
    raise TypeError(f"no fact has a {type(value).__name__}")


@lru_cache(maxsize=1024)  # a tap tells the moment it was made twice, and a batch one moment of receipt for each tap
def _instant(value: dt.datetime) -> str:
    return f'"{value.astimezone(dt.UTC).isoformat("T", "microseconds")[:-6]}Z"'


def _number(value: float) -> float | int:
    # PostgreSQL keeps the decimal that was written, and gives 1e300 back as an integer.
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
