"""The records of master data: an append-only chain of versions for each, and the reading of them into `MasterData`.

The typed tables (`store/register/register`, `store/register/orders`, …) are views of the newest versions for queries
and constraints; what the derivation uses is read from here, so that a process keeps up by reading only what is new.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json, to_json

from app.domain.register.contract import Contract
from app.domain.register.device import Device
from app.domain.register.intervention import Intervention
from app.domain.register.master import MasterData
from app.domain.register.order import ONE_DAY, Order, OrderLine, Pause
from app.domain.register.recipient import Recipient
from app.domain.register.staff import Delegation, Staff
from app.domain.register.tag import Tag
from app.domain.time import FIRST_DAY
from app.store.connection import Reading, Writing

Json = Mapping[str, Any]

OWN = "ledger"
"""The kind of records that say how many facts got their leaves, how many rows their hashes, how many were mended."""
SERVICE = "service"

REFRESH = """
SELECT kind, ref, version, removed, body, seq FROM record
WHERE municipality_id = $1 AND seq > $2 ORDER BY seq
"""
LATEST = """
SELECT version, removed, body FROM record
WHERE municipality_id = $1 AND kind = $2 AND ref = $3 ORDER BY version DESC LIMIT 1
"""
LATEST_OF_MANY = """
SELECT wanted.ref, newest.version, newest.removed, newest.body
FROM unnest($3::text[]) AS wanted(ref) CROSS JOIN LATERAL (
    SELECT version, removed, body FROM record
    WHERE municipality_id = $1 AND kind = $2 AND ref = wanted.ref ORDER BY version DESC LIMIT 1
) AS newest
"""
PAGE = """
SELECT DISTINCT ON (ref) ref, version, removed, body FROM record
WHERE municipality_id = $1 AND kind = $2 AND ref > $3 ORDER BY ref, version DESC LIMIT $4
"""
CHANGED = "SELECT DISTINCT ref FROM record WHERE municipality_id = $1 AND kind = $2 AND seq > $3"
APPEND = """
INSERT INTO record (municipality_id, kind, ref, version, seq, recorded_at, recorded_by, removed, body)
SELECT $1, kind, ref, version, seq, recorded_at, recorded_by, removed, body
FROM json_to_recordset($2::json) AS new(kind text, ref text, version int, seq bigint, recorded_at timestamptz,
    recorded_by text, removed boolean, body jsonb)
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """The newest version of one record."""

    ref: str
    version: int
    removed: bool
    body: dict[str, Any]


async def latest(reading: Reading, kind: str, ref: str) -> Stored | None:
    """The newest version of one record, also of a removed one; None if there never was one."""
    row = await reading.fetchrow(LATEST, kind, ref)
    return Stored(ref, row["version"], row["removed"], from_json(row["body"])) if row else None


async def latest_of_many(reading: Reading, kind: str, refs: list[str]) -> dict[str, Stored]:
    """The newest version of each of these records that ever existed, by ref."""
    rows = await reading.fetch(LATEST_OF_MANY, kind, refs)
    return {row["ref"]: Stored(row["ref"], row["version"], row["removed"], from_json(row["body"])) for row in rows}


async def page(reading: Reading, kind: str, after: str, limit: int) -> list[Stored]:
    """At most `limit` records of a kind after ref `after`, in the database's order. Removed ones are marked."""
    rows = await reading.fetch(PAGE, kind, after, limit)
    return [Stored(row["ref"], row["version"], row["removed"], from_json(row["body"])) for row in rows]


async def newest_seq(reading: Reading) -> int:
    """The number of the municipality's newest record, 0 without one."""
    return int(await reading.fetchval("SELECT master_seq FROM municipality WHERE municipality_id = $1") or 0)


async def changed_since(reading: Reading, kind: str, seq: int) -> list[str]:
    """The refs of a kind that have a record with a higher number."""
    return [row["ref"] for row in await reading.fetch(CHANGED, kind, seq)]


async def append(writing: Writing, kind: str, seq: int, by: str, versions: list[Stored]) -> None:
    """Append a version to each record, numbered after `seq`, and move the municipality's counter. `by` wrote them."""
    rows = [
        {
            "kind": kind,
            "ref": new.ref,
            "version": new.version,
            "seq": no,
            "recorded_at": writing.now,
            "recorded_by": by,
            "removed": new.removed,
            "body": new.body,
        }
        for no, new in enumerate(versions, seq + 1)
    ]
    for row in rows:
        writing.leaves.add("record", row)
    await writing.execute(APPEND, to_json(rows).decode())
    await writing.execute("UPDATE municipality SET master_seq = $2 WHERE municipality_id = $1", seq + len(versions))


async def tell(writing: Writing, ref: str, body: dict[str, Any]) -> None:
    """Record what the service itself has done with stored rows, as the next version of a record of its own."""
    before = await latest(writing, OWN, ref)
    record = Stored(ref, before.version + 1 if before else 1, removed=False, body=body)
    await append(writing, OWN, writing.master.seq, SERVICE, [record])
    await refresh(writing, writing.master)


async def refresh(reading: Reading, master: MasterData) -> None:
    """Bring `master` up to the newest stored record."""
    async for row in reading.cursor(REFRESH, master.seq, prefetch=1000):
        take_in(master, row["kind"], row["ref"], row["removed"], from_json(row["body"]))
        master.seq = row["seq"]


def take_in(master: MasterData, kind: str, ref: str, removed: bool, body: Json) -> None:
    """Apply one stored version to `master`. Versions of one record must come in order."""
    if removed:
        drop = {"orders": master.drop_order, "recipients": master.drop_recipient}.get(kind)
        if drop is not None:
            drop(ref)
    elif kind in {"providers", "payers"}:
        getattr(master, kind).add(ref)
    else:
        READERS[kind](master, ref, body)


def _day(value: str | None) -> dt.date | None:
    return dt.date.fromisoformat(value) if value else None


def _first_day(body: Json) -> dt.date:
    return _day(body.get("valid_from")) or FIRST_DAY


def _recipient(master: MasterData, ref: str, body: Json) -> None:
    master.put_recipient(
        Recipient(
            ref,
            _first_day(body),
            body["household"],
            body["area"],
            _day(body.get("birth_date")),
            _day(body.get("died_on")),
        )
    )


def staff_of(ref: str, body: Json) -> Staff:
    """An employment from its stored body."""
    given = tuple(
        Delegation(one["intervention"], dt.date.fromisoformat(one["valid_from"]), _day(one.get("valid_to")))
        for one in body["delegations"]
    )
    return Staff(
        ref,
        _first_day(body),
        _day(body.get("valid_to")),
        body["person"],
        body["provider"],
        body["role"],
        given,
        _day(body.get("registered_on")),
    )


def _staff(master: MasterData, ref: str, body: Json) -> None:
    master.put_staff(staff_of(ref, body))


def _intervention(master: MasterData, ref: str, body: Json) -> None:
    master.put_intervention(
        Intervention(ref, _first_day(body), body["category"], body["standard_minutes"], body.get("licensed"))
    )


def order_parts(body: Json) -> Iterator[tuple[dt.date, dt.date | None, Json]]:
    """The parts of an order's stored body, each with its first and last day: earlier ones, then the body itself.

    A part that was replaced before it began has its last day before its first.
    """
    parts = [*body.get("earlier", ()), body]
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        first = max(part["valid_from"], part.get("applies_from") or part["valid_from"])
        last = _day(part.get("valid_to"))
        if following is not None:
            until = dt.date.fromisoformat(following["applies_from"]) - ONE_DAY
            last = min(last or until, until)
        yield dt.date.fromisoformat(first), last, part


def order_of(ref: str, body: Json) -> tuple[Order, ...]:
    """The parts of an order from its stored body."""
    return tuple(
        Order(
            ref,
            part["recipient"],
            part["provider"],
            first,
            last,
            tuple(_line(line) for line in part["lines"]),
            tuple(_pause(one) for one in part["pauses"]),
        )
        for first, last, part in order_parts(body)
    )


def _pause(one: Json) -> Pause:
    notified = one.get("notified_at")
    return Pause(
        dt.date.fromisoformat(one["from"]),
        _day(one.get("to")),
        one["reason"],
        dt.datetime.fromisoformat(notified) if notified else None,
    )


def _line(line: Json) -> OrderLine:
    window = line.get("window")
    return OrderLine(
        line["ref"],
        line["intervention"],
        line.get("standard_minutes"),
        line["frequency"],
        line["period"],
        line["period_unit"],
        line["staff_count"],
        tuple(line.get("weekdays") or ()),
        (dt.time.fromisoformat(window[0]), dt.time.fromisoformat(window[1])) if window else None,
        tuple(line.get("answered_by", ())),
    )


def _order(master: MasterData, ref: str, body: Json) -> None:
    master.put_order(*order_of(ref, body))


def _contract(master: MasterData, ref: str, body: Json) -> None:
    master.put_contract(
        Contract(
            ref,
            body["provider"],
            dt.date.fromisoformat(body["valid_from"]),
            _day(body.get("valid_to")),
            body["split_policy"],
            body["report_required"],
            body.get("manual_attest_minutes"),
        )
    )


def tag_of(ref: str, body: Json) -> Tag:
    """A tag from its stored body, mounts and states by time."""
    mounts = sorted((dt.datetime.fromisoformat(one["at"]), one["household"]) for one in body.get("mounts", ()))
    states = sorted((dt.datetime.fromisoformat(one["at"]), one["state"]) for one in body.get("states", ()))
    epochs = tuple((one["keyset"], one["key_version"]) for one in body.get("epochs", ()))
    return Tag(ref, body["kind"], body["uid"], tuple(mounts), tuple(states), epochs)


def _tag(master: MasterData, ref: str, body: Json) -> None:
    master.put_tag(tag_of(ref, body))


def _device(master: MasterData, ref: str, body: Json) -> None:
    revoked_at = body["revoked_at"]
    ends_at = dt.datetime.fromisoformat(revoked_at) if revoked_at else None
    master.devices[ref] = Device(ref, body["staff"], ends_at, body.get("provider"))


def _no_part_of_visits(_: MasterData, __: str, ___: Json) -> None:
    """Nothing to take in: no visit depends on clients, members, notices, consents or the like."""


def _keyset(master: MasterData, ref: str, body: Json) -> None:
    master.keysets[ref] = body["state"]


READERS: Mapping[str, Callable[[MasterData, str, Json], None]] = {
    "recipients": _recipient,
    "staff": _staff,
    "interventions": _intervention,
    "orders": _order,
    "contracts": _contract,
    "tags": _tag,
    "devices": _device,
    "clients": _no_part_of_visits,
    "tokens": _no_part_of_visits,
    "issuers": _no_part_of_visits,
    "members": _no_part_of_visits,
    "pins": _no_part_of_visits,
    "links": _no_part_of_visits,
    "passkeys": _no_part_of_visits,
    "strangers": _no_part_of_visits,
    "sessions": _no_part_of_visits,
    "declines": _no_part_of_visits,
    "consents": _no_part_of_visits,
    "access_samples": _no_part_of_visits,
    "keysets": _keyset,
    "clock": _no_part_of_visits,
    "purges": _no_part_of_visits,
    "archives": _no_part_of_visits,
    "retention": _no_part_of_visits,
    OWN: _no_part_of_visits,
}
