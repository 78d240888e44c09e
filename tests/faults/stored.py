"""What the database holds of a municipality at the end, read as its superuser, and told to the reference model."""

import json
from collections import defaultdict
from dataclasses import dataclass, replace
from uuid import UUID

from beginning import first_facts
from driver import utc
from facts import Correction, Report, Tap, local
from place import PROVIDER
from reference import visits_of

TABLES = {
    "tap": "id",
    "report": "id",
    "attempt": "id",
    "correction": "seq",
    "period_close": "month",
    "period_line": "month, line_no",
    "ledger_leaf": "leaf_index",
    "municipality": "1",
}
ALREADY_RIGHT_SECONDS = 30


@dataclass
class Stored:
    """The rows by table, and where in the ledger each fact stands, by kind and id."""

    rows: dict
    place: dict

    def __getitem__(self, table):
        return self.rows[table]

    def days(self):
        """The local days that anything was tapped on: what happens on one has nothing to do with another."""
        return sorted({local(row["at"]).date() for row in self["tap"]})

    def facts(self, before=None):
        """By day, what the reference model is told; only what stands in the ledger `before` an index, if given."""

        def within(kind, row):
            return before is None or self.place.get((kind, row["id"]), -1) < before

        taps, reports, corrections = defaultdict(dict), [], []
        for row in self["tap"]:
            if within("tap", row):
                taps[local(row["at"]).date()][row["id"]] = _tap(row)
        reports = [_report(row) for row in self["report"] if within("report", row)]
        corrections = [_correction(row) for row in self["correction"] if within("correction", row)]
        [municipality] = self["municipality"]
        beginning = replace(
            first_facts(), now=municipality["as_of"], contracts={PROVIDER: ("proportional", False, None)}
        )
        for day, own in taps.items():
            yield (
                day,
                replace(
                    beginning,
                    taps=own,
                    reports={one.id: one for one in reports if one.tap in own},
                    corrections=[one for one in corrections if one.tap in own],
                ),
            )

    def derived(self, before=None, month=None):
        """Every visit that the reference model derives, by id."""
        found = {}
        for day, facts in self.facts(before):
            if month is None or f"{day:%Y-%m}" == month:
                found |= visits_of(facts)[0]
        return found


async def read(owner, code):
    """Everything of a municipality."""
    rows = {}
    for table, order in TABLES.items():
        found = await owner.fetch(f"SELECT * FROM {table} WHERE municipality_id = $1 ORDER BY {order}", code)
        rows[table] = [dict(row) for row in found]
    return Stored(rows, {(row["kind"], row["fact"]): row["leaf_index"] for row in rows["ledger_leaf"]})


def _tap(row):
    return Tap(
        id=row["id"],
        staff=row["staff"],
        direction=row["direction"],
        at=row["at"],
        tag=row["tag"],
        household=row["household"],
        evidence=row["evidence"],
        dispute=row["code"] if row["verdict"] == "disputed" else None,
        flags=tuple(row["flags"]),
        said_at=row["tapped_at"],
    )


def _report(row):
    off = row["received_at"] - row["sent_at"]
    return Report(
        id=row["id"],
        staff=row["staff"],
        tap=row["tap"],
        reported_at=row["reported_at"],
        outcome=row["outcome"],
        told=tuple(tuple(one) for one in json.loads(row["interventions"])),
        received_at=row["received_at"],
        shift=off if abs(off.total_seconds()) > ALREADY_RIGHT_SECONDS else off * 0,
    )


def _correction(row):
    body = json.loads(row["body"])
    if row["kind"] == "set_end":
        value = utc(body["ended_at"])
    else:
        value = tuple((one["intervention"], one["minutes"]) for one in body["interventions"])
    seen = frozenset(UUID(str(one)) for one in row["seen"])
    return Correction(row["id"], row["tap"], row["recipient"], row["kind"], value, seen)
