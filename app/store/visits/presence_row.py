"""The row of the table `presence`, in both directions: a presence becomes a row, and a row becomes a presence again."""

import datetime as dt
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from app.domain.time import Span
from app.domain.visits.presence import Presence, SideTap

COLUMNS = (
    "municipality_id", "id", "person", "staff", "household", "anchor_at", "reach_at", "started_at", "ended_at",
    "closed_at", "state", "in_tap", "out_tap", "evidence_in", "evidence_out", "dispute_in", "dispute_out", "flags_in",
    "flags_out", "side_taps", "next_in_at", "spans", "overlap", "paired_by", "paired_at", "paired",
)  # fmt: skip
"""The columns of the table `presence`, in its order."""
# Columns that only serve look-ups by index; their values follow from the others.
LOOK_UPS = {"municipality_id", "anchor_at", "reach_at", "paired_by", "paired_at"}
READ = tuple(name for name in COLUMNS if name not in LOOK_UPS)
"""The columns that `presence_of` reads, in their order."""

PAIRED = TypeAdapter(tuple[Presence, ...])
"""The JSON of the column `paired`."""


def spans_of(
    flat: Sequence[dt.datetime] | None, start: dt.datetime | None, end: dt.datetime | None
) -> tuple[Span, ...]:
    """The spans of a stored column: flattened instants, or null for the one span from start to end."""
    if flat is None:
        return ((start, end),) if start and end and start < end else ()
    return tuple(zip(flat[::2], flat[1::2], strict=True))


def flat_spans(
    spans: Sequence[Span], start: dt.datetime | None, end: dt.datetime | None, *, whole: bool
) -> list[dt.datetime] | None:
    """The column of spans: flattened instants, or null for the one span from start to end, which is usual."""
    if whole and tuple(spans) == spans_of(None, start, end):
        return None
    return [at for span in spans for at in span]


def presence_row(municipality_id: int, presence: Presence) -> tuple[Any, ...]:
    """The row of a presence, one value for each of `COLUMNS`."""
    spans = flat_spans(presence.spans, presence.started_at, presence.ended_at, whole=presence.confirmed)
    sides = [[side.tap, side.at, side.household] for side in presence.side_taps]
    return (
        municipality_id,
        presence.id,
        presence.person,
        presence.staff,
        presence.household,
        presence.anchor_at,
        presence.reach_at,
        presence.started_at,
        presence.ended_at,
        presence.closed_at,
        presence.state,
        presence.in_tap,
        presence.out_tap,
        presence.evidence_in,
        presence.evidence_out,
        presence.dispute_in,
        presence.dispute_out,
        presence.flags_in,
        presence.flags_out,
        to_json(sides).decode() if sides else None,
        presence.next_in_at,
        spans,
        presence.overlap,
        *(_paired(presence) if presence.paired else (None, None, None)),
    )


def _paired(presence: Presence) -> tuple[str, dt.datetime, str]:
    raw = presence.as_paired
    return raw.person, raw.anchor_at, PAIRED.dump_json(presence.paired).decode()


def presence_of(row: Any) -> Presence:
    """The presence of a stored row, the inverse of `presence_row`. `row` has `READ` in their order."""
    (
        id_, person, staff, household, started_at, ended_at, closed_at, state, in_tap, out_tap, evidence_in,
        evidence_out, dispute_in, dispute_out, flags_in, flags_out, side_taps, next_in_at, spans, overlap, paired,
    ) = row  # fmt: skip
    confirmed = state == "complete" and dispute_in is None and dispute_out is None
    return Presence(
        id_,
        person,
        staff,
        household,
        started_at,
        ended_at,
        closed_at,
        state,
        in_tap,
        out_tap,
        evidence_in,
        evidence_out,
        dispute_in,
        dispute_out,
        tuple(flags_in),
        tuple(flags_out),
        _side_taps(side_taps) if side_taps else (),
        next_in_at,
        spans_of(spans, started_at, ended_at) if confirmed else (),
        overlap,
        PAIRED.validate_json(paired) if paired else (),
    )


def _side_taps(stored: str) -> tuple[SideTap, ...]:
    return tuple(
        SideTap(UUID(tap), dt.datetime.fromisoformat(at), household) for tap, at, household in from_json(stored)
    )
