"""Comparison of the service's visits with the truth log: an anomaly on the visit must account for every difference."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from firmware_sim.people.phone import Verdict
from firmware_sim.people.truth import Presence, Truth

OPEN_FOR = timedelta(hours=16)
# The service leaves a clock alone that is up to 30 s off, and the way to it takes its time.
START_TOLERANCE = timedelta(seconds=35)


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference without an anomaly: `what` is a short name, `key` the tap that names the presence."""

    what: str
    key: str
    expected: str
    found: str
    context: str = ""

    def __str__(self) -> str:
        return f"{self.what} at {self.key} ({self.context}): expected {self.expected}, found {self.found}"


@dataclass
class Comparison:
    """`agreed` presences have no difference, `accounted` ones differ as their anomalies say (tap id to codes)."""

    agreed: int = 0
    accounted: dict[str, tuple[str, ...]] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)


def compare(visits: Iterable[Mapping[str, Any]], truths: Sequence[Truth], as_of: datetime) -> Comparison:
    """Compare visits as `GET /v1/visits` lists them with the logs of the same days, as of an instant.

    Visits of days outside the logs count as unexplained, so `visits` must be of the days of the logs alone.
    """
    by_key: dict[str, list[Mapping[str, Any]]] = {}
    for visit in visits:
        taps = visit["taps"]
        by_key.setdefault(taps["in"] or taps["out"] or visit["id"], []).append(visit)
    comparison = Comparison()
    for truth in truths:
        for presence in truth.presences:
            _presence(presence, by_key.pop(presence.key, []), as_of, comparison)
    for key, strangers in by_key.items():
        found = ", ".join(f"{one['recipient']} {one['status']}" for one in strangers)
        comparison.differences.append(Difference("unexplained_visit", key, "none", found, strangers[0]["household"]))
    return comparison


def compare_verdicts(verdicts: Mapping[str, Verdict], truths: Sequence[Truth]) -> list[Difference]:
    """Compare the phones' verdicts with the logs; an acceptance may have any flag."""
    wanted = {tap: verdict for truth in truths for tap, verdict in truth.verdicts.items()}
    differences = []
    for item, heard in verdicts.items():
        verdict, code = wanted.get(item, ("accepted", heard.code))
        if (heard.verdict, heard.code) != (verdict, code):
            differences.append(Difference("verdict", item, f"{verdict} {code}", f"{heard.verdict} {heard.code}"))
    unheard = wanted.keys() - verdicts.keys()
    differences += [Difference("verdict", item, " ".join(wanted[item]), "none") for item in sorted(unheard)]
    return differences


def _presence(presence: Presence, visits: list[Mapping[str, Any]], as_of: datetime, comparison: Comparison) -> None:
    found = list(_differences(presence, visits, as_of))
    if found:
        comparison.differences += found
    elif presence.codes:
        comparison.accounted[presence.key] = presence.codes
    else:
        comparison.agreed += 1


def _differences(presence: Presence, visits: list[Mapping[str, Any]], as_of: datetime) -> Iterable[Difference]:
    context = f"{presence.staff} {presence.household} {presence.mistake or presence.part}"

    def differ(what: str, expected: Any, found: Any) -> Difference:
        return Difference(what, presence.key, str(expected), str(found), context)

    if not visits:
        yield differ("missing_visit", presence.recipients, "none")
        return
    for what, expected, found in [
        ("recipients", presence.recipients, tuple(sorted(one["recipient"] for one in visits))),
        ("staff", {presence.staff}, {one["staff"] for one in visits}),
        ("provider", {presence.provider}, {one["provider"] for one in visits}),
        ("role", {presence.role}, {one["role"] for one in visits}),
        ("household", {presence.household}, {one["household"] for one in visits}),
        ("taps", {(presence.in_tap, presence.out_tap)}, {(one["taps"]["in"], one["taps"]["out"]) for one in visits}),
        ("evidence", {presence.evidence}, {(one["evidence"]["in"], one["evidence"]["out"]) for one in visits}),
        ("shares", [one["seconds"] for one in visits], [_share_seconds(one) for one in visits]),
    ]:
        if expected != found:
            yield differ(what, expected, found)
    statuses = {one["status"] for one in visits}
    if len(statuses) != 1 or not statuses <= _possible_statuses(presence, as_of):
        yield differ("status", sorted(_possible_statuses(presence, as_of)), sorted(statuses))
    payable = {one["payable"] for one in visits}
    # Of a visit's lines some may be held and others not, and of a home's visits one: held is "not all payable".
    if (payable == {True}) != presence.payable:
        yield differ("payable", presence.payable, payable)
    yield from _anomalies(presence, visits, statuses, differ)
    yield from _times(presence, visits, statuses, differ)


def _share_seconds(visit: Mapping[str, Any]) -> int:
    return sum(share["seconds"] for share in visit["shares"])


def _possible_statuses(presence: Presence, as_of: datetime) -> set[str]:
    possible = set(presence.statuses)
    if "open" in possible:
        due_at = presence.in_at + OPEN_FOR
        # The service looks at its open visits now and then, and phones time a start to half a minute.
        if as_of > due_at + timedelta(hours=1):
            possible.discard("open")
    return possible


def _anomalies(
    presence: Presence, visits: list[Mapping[str, Any]], statuses: set[str], differ: Any
) -> Iterable[Difference]:
    shown = {anomaly["code"] for one in visits for anomaly in one["anomalies"]}
    wanted = set(presence.codes)
    if statuses == {"open"}:
        wanted.discard("missing_out")  # not before 16 hours have passed
    if not wanted <= shown:
        yield differ("anomaly_absent", sorted(wanted), sorted(shown))
    if not shown <= set(presence.codes) | set(presence.possible_codes):
        yield differ("anomaly_unexpected", sorted({*presence.codes, *presence.possible_codes}), sorted(shown))


def _times(
    presence: Presence, visits: list[Mapping[str, Any]], statuses: set[str], differ: Any
) -> Iterable[Difference]:
    starts = {one["started_at"] for one in visits}
    if presence.in_tap is None:
        if starts != {None}:
            yield differ("started_at", None, starts)
    elif None in starts or any(
        abs(datetime.fromisoformat(start) - presence.in_at) > START_TOLERANCE for start in starts
    ):
        yield differ("started_at", presence.in_at.isoformat(), starts)
    if statuses != {"complete"}:
        # A visit without an end, or with nobody home, has no seconds; its anomaly or outcome explains that.
        if any(one["seconds"] for one in visits):
            yield differ("seconds", 0, [one["seconds"] for one in visits])
        return
    slack = presence.slack_seconds
    for one in visits:
        spans = [_seconds(span) for span in one["presence"]]
        true_spans = [_seconds(span) for span in presence.spans]
        near = len(spans) == len(true_spans) and all(
            abs(found - true) <= slack for found, true in zip(spans, true_spans, strict=True)
        )
        if not near:
            yield differ("presence", true_spans, spans)
        if one["presence_seconds"] != sum(spans):
            yield differ("presence_seconds", sum(spans), one["presence_seconds"])
    total = sum(one["seconds"] for one in visits)
    if abs(total - presence.seconds) > slack:
        yield differ("seconds", presence.seconds, total)


def _seconds(span: Sequence[str] | Sequence[datetime]) -> int:
    start, end = (one if isinstance(one, datetime) else datetime.fromisoformat(one) for one in span)
    return int((end - start).total_seconds())
