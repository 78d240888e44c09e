"""The row of the table `visit`, in both directions: a visit becomes a row, and a row becomes a visit again."""

import datetime as dt
from collections.abc import Mapping, Sequence
from itertools import starmap, zip_longest
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json

from app.domain.visits.split import Share
from app.domain.visits.visit import Visit
from app.store.visits.presence_row import flat_spans, spans_of

COLUMNS = (
    "municipality_id", "presence", "recipient", "id", "version", "group_id", "provider", "staff", "person", "role",
    "household", "in_tap", "out_tap", "anchor_at", "started_at", "ended_at", "provisional", "local_on", "status",
    "payable", "evidence_in", "evidence_out", "presence_seconds", "seconds", "spans", "share_category",
    "share_intervention", "share_line", "share_seconds", "share_payable", "share_reason", "anomalies", "suggestions",
    "anomaly_states", "corrections", "declined", "noted",
)  # fmt: skip
"""The columns of the table `visit`, in its order. Those of shares are the fields of a `Share`."""
NO_SHARES: Sequence[tuple[()]] = [()] * len(Share._fields)


class StoredVisit(NamedTuple):
    """A visit with the version it is stored under."""

    visit: Visit
    version: int


def visit_row(municipality_id: int, stored: StoredVisit) -> tuple[Any, ...]:
    """The row of a visit, one value for each of `COLUMNS`."""
    visit = stored.visit
    spans = flat_spans(visit.spans, visit.started_at, visit.ended_at, whole=visit.status == "complete")
    return (
        municipality_id,
        visit.presence,
        visit.recipient,
        visit.id,
        stored.version,
        visit.group,
        visit.provider,
        visit.staff,
        visit.person,
        visit.role,
        visit.household,
        visit.in_tap,
        visit.out_tap,
        visit.anchor_at,
        visit.started_at,
        visit.ended_at,
        visit.provisional,
        visit.local_date,
        visit.status,
        visit.payable,
        visit.evidence_in,
        visit.evidence_out,
        visit.presence_seconds,
        visit.seconds,
        spans,
        *(zip(*visit.shares, strict=True) if visit.shares else NO_SHARES),
        visit.anomalies,
        to_json(visit.suggestions).decode() if visit.suggestions else None,
        to_json(dict(visit.anomaly_states)).decode() if visit.anomaly_states else None,
        visit.corrections or None,
        to_json(visit.declined).decode() if visit.declined else None,
        visit.noted,
    )


def visit_of(row: Sequence[Any]) -> StoredVisit:
    """The visit of a stored row, the inverse of `visit_row`. `row` has `COLUMNS` in their order."""
    (
        _, presence, recipient, id_, version, group, provider, staff, person, role, household, in_tap, out_tap, _,
        started_at, ended_at, provisional, local_on, status, payable, evidence_in, evidence_out, presence_seconds,
        seconds, spans, categories, interventions, lines, share_seconds, share_payable, reasons, anomalies, suggestions,
        anomaly_states, corrections, declined, noted,
    ) = row  # fmt: skip
    shares = (categories, interventions, lines, share_seconds, share_payable, reasons)
    visit = Visit(
        id_,
        presence,
        recipient,
        group,
        provider,
        staff,
        person,
        role,
        household,
        in_tap,
        out_tap,
        started_at,
        ended_at,
        provisional,
        local_on,
        status,
        payable,
        evidence_in,
        evidence_out,
        presence_seconds,
        seconds,
        spans_of(spans, started_at, ended_at) if status == "complete" else (),
        # Arrays that somebody made of unequal length give a share with zeros, which no derived visit has.
        tuple(starmap(Share, zip_longest(*shares, fillvalue=0))),
        tuple(anomalies),
        _suggestions(suggestions),
        from_json(anomaly_states) if anomaly_states else {},
        tuple(corrections) if corrections else (),
        tuple(map(tuple, from_json(declined))) if declined else (),
        noted,
    )
    return StoredVisit(visit, version)


def _suggestions(stored: str | None) -> Mapping[str, Any]:
    if stored is None:
        return {}
    suggestions: dict[str, dict[str, Any]] = from_json(stored)
    for suggestion in suggestions.values():
        for one in (suggestion, *suggestion.get("corrections", ())):
            for name in ("started_at", "ended_at"):
                if name in one:
                    one[name] = dt.datetime.fromisoformat(one[name])
    return suggestions
