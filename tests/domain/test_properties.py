"""What holds for any input: nothing added, nothing lost, nothing twice, whatever the order of arrival."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any, get_args
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from told import CATALOGUE, MONDAY, derive

from app.domain.register.contract import Contract
from app.domain.register.intervention import Intervention
from app.domain.register.master import MasterData
from app.domain.register.order import Order, OrderLine, Pause, active_days, granted_minutes, in_force
from app.domain.register.recipient import Recipient
from app.domain.register.staff import Delegation, Staff
from app.domain.taps.judging import Claim, Envelope, Shift, judge, shift_of
from app.domain.taps.report import Report, ReportedIntervention
from app.domain.time import FIRST_DAY, LONGEST_PRESENCE, UTC, Span, covered_by, days_in_month, subtract, total_seconds
from app.domain.visits.derive_visits import visits_at
from app.domain.visits.pairing import own_spans, pair, presence_order, quiet_before, reopen, tap_order
from app.domain.visits.plan import Part, Plan, SplitPolicy
from app.domain.visits.presence import Presence, Tap
from app.domain.visits.split import REASONS, Share, cut_extra, divide, largest_remainder
from app.domain.visits.visit import ANOMALIES, Visit

START = dt.datetime(2026, 3, 28, 12, tzinfo=UTC)  # the afternoon before the short night
SECOND = dt.timedelta(seconds=1)
HOUR = 3600
STEPS = (0, 1, 20, 59, 60, 61, 300, 1800, HOUR, 5 * HOUR, 16 * HOUR - 1, 16 * HOUR, 16 * HOUR + 1, 30 * HOUR)
HOUSEHOLDS = ("A", "B", "C")
RECIPIENTS = ("B-1", "B-2", "B-3", "B-4")
STAFF = ("S-1", "S-2", "S-3")
ROLES = ("care_assistant", "trainee", "licensed", "alarm_team", "night_patrol")

# How fast examples are made says nothing of the rules, only of the machine.
often = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
seldom = settings(often, max_examples=25)  # whole municipalities are dear to make


def day_of(number: int) -> dt.date:
    return MONDAY + dt.timedelta(days=number)


@st.composite
def tap_lists(draw: st.DrawFn, staff: Sequence[str] = STAFF, most: int = 16) -> list[Tap]:
    """Taps by steps on which something turns: bounces, 16 hours, the same second."""
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from(STEPS),
                st.sampled_from(("in", "out", "auto", "in", "out")),
                st.sampled_from(HOUSEHOLDS),
                st.sampled_from(staff),
                st.sampled_from((None, None, None, 1, 2)),
                st.sampled_from((None, None, None, None, "tag_lost")),
            ),
            max_size=most,
        )
    )
    names = draw(st.permutations(range(1, len(rows) + 1)))
    at, taps = START, []
    for name, (step, direction, household, who, counter, dispute) in zip(names, rows, strict=True):
        at += step * SECOND
        taps.append(Tap(UUID(int=name), who, household, direction, at, counter, dispute=dispute))  # type: ignore[arg-type]
    return taps


lines = st.builds(
    OrderLine,
    ref=st.sampled_from(("1", "2", "3")),
    intervention=st.sampled_from(tuple(CATALOGUE)),
    standard_minutes=st.one_of(st.none(), st.integers(0, 90)),
    frequency=st.integers(0, 4),
    period=st.integers(1, 3),
    period_unit=st.sampled_from(("d", "wk", "mo")),
    staff_count=st.sampled_from((1, 1, 2, 3)),
    weekdays=st.sampled_from(((), (), (6, 7), (1, 2, 3))),
    window=st.sampled_from((None, None, (dt.time(7), dt.time(15)), (dt.time(21), dt.time(7)))),
)
days = st.integers(20, 34).map(day_of)
pauses = st.builds(Pause, first_on=days, last_on=st.one_of(st.none(), days))
orders = st.builds(
    Order,
    ref=st.sampled_from(("O-1", "O-2", "O-3", "O-4")),
    recipient=st.sampled_from(RECIPIENTS),
    provider=st.sampled_from(("P-norr", "P-norr", "P-söder")),
    valid_from=st.sampled_from((FIRST_DAY, FIRST_DAY, day_of(27))),
    valid_to=st.sampled_from((None, None, day_of(28))),
    lines=st.lists(lines, min_size=1, max_size=3, unique_by=lambda line: line.ref).map(tuple),
    pauses=st.lists(pauses, max_size=1).map(tuple),
)
recipients = st.builds(
    Recipient,
    ref=st.sampled_from(RECIPIENTS),
    valid_from=st.sampled_from((FIRST_DAY, day_of(27), day_of(28))),
    household=st.sampled_from(HOUSEHOLDS),
    area=st.just("RURAL"),
    died_on=st.sampled_from((None, None, day_of(27))),
)
employments = st.builds(
    Staff,
    ref=st.sampled_from(STAFF),
    valid_from=st.sampled_from((FIRST_DAY, day_of(27))),
    valid_to=st.sampled_from((None, None, day_of(28))),
    person=st.sampled_from(("person-1", "person-2", "S-3")),
    provider=st.sampled_from(("P-norr", "P-norr", "P-söder")),
    role=st.sampled_from(ROLES),
    delegations=st.sampled_from(((), (Delegation("insulin", FIRST_DAY, None),))),
)
contracts = st.builds(
    Contract,
    ref=st.just("K-1"),
    provider=st.just("P-norr"),
    valid_from=st.just(FIRST_DAY),
    valid_to=st.none(),
    split_policy=st.sampled_from(get_args(SplitPolicy)),
    report_required=st.booleans(),
    manual_attest_minutes=st.sampled_from((None, None, 0, 20)),
)
Record = Recipient | Staff | Order | Contract


@st.composite
def records(draw: st.DrawFn) -> list[Record]:
    """Master data of which no two say different things of the same day."""
    return [
        *(
            Recipient(f"B-9{household}", FIRST_DAY, household, "RURAL")
            for household in HOUSEHOLDS
            if draw(st.booleans())
        ),
        *draw(st.lists(recipients, max_size=5, unique_by=lambda one: (one.ref, one.valid_from))),
        *draw(st.lists(employments, max_size=4, unique_by=lambda one: (one.ref, one.valid_from))),
        *draw(st.lists(orders, max_size=4, unique_by=lambda one: one.ref)),
        *draw(st.lists(contracts, max_size=1)),
    ]


def master_of(told: Sequence[Record]) -> MasterData:
    master = MasterData()
    for ref, (category, minutes) in CATALOGUE.items():
        master.put_intervention(Intervention(ref, FIRST_DAY, category, minutes))
    put: dict[type, Any] = {
        Recipient: master.put_recipient,
        Staff: master.put_staff,
        Order: master.put_order,
        Contract: master.put_contract,
    }
    for one in told:
        put[type(one)](one)
    return master


reported = st.builds(
    ReportedIntervention,
    intervention=st.sampled_from(tuple(CATALOGUE)),
    recipient=st.one_of(st.none(), st.sampled_from(RECIPIENTS)),
    minutes=st.one_of(st.none(), st.integers(0, 120)),
    outcome=st.sampled_from(("done", "done", "done", "declined", "not_done")),
)
reports = st.builds(
    Report,
    id=st.integers(1000, 9999).map(lambda number: UUID(int=number)),
    staff=st.sampled_from(STAFF),
    tap=st.integers(1, 16).map(lambda number: UUID(int=number)),
    reported_at=st.integers(0, 3).map(lambda number: START + number * 3600 * SECOND),
    received_at=st.integers(0, 5).map(lambda number: START + number * 3600 * SECOND),
    sent_at=st.one_of(st.none(), st.integers(0, 5).map(lambda number: START + number * 3600 * SECOND)),
    outcome=st.sampled_from(("performed", "performed", "performed", "declined", "no_answer")),
    interventions=st.lists(reported, max_size=4).map(tuple),
)


@dataclass(frozen=True)
class Facts:
    """Everything the derivation knows."""

    records: list[Record]
    taps: list[Tap]
    reports: list[Report]
    now: dt.datetime

    def visits(self) -> list[Visit]:
        return derive(master_of(self.records), self.taps, self.reports, self.now)


facts = st.builds(
    Facts,
    records(),
    tap_lists(),
    st.lists(reports, max_size=4, unique_by=lambda one: one.id),
    st.sampled_from((0, 16 * HOUR, 400 * HOUR)).map(lambda seconds: START + 20 * 24 * HOUR * SECOND + seconds * SECOND),
)


def of_persons(told: Facts) -> dict[str, list[Presence]]:
    master = master_of(told.records)
    by_person: defaultdict[str, list[Tap]] = defaultdict(list)
    for tap in sorted(told.taps, key=tap_order):
        by_person[master.person_of(tap.staff)].append(tap)
    return {person: own_spans(pair(person, [], taps, told.now)) for person, taps in by_person.items()}


# Dividing


weights = st.one_of(st.integers(0, 200), st.fractions(0, 50, max_denominator=60))


@often
@given(st.integers(0, 10**6), st.lists(weights, min_size=1, max_size=8), st.integers(1, 7))
def test_largest_remainder_is_exact_fair_and_stable(total: int, shares: list[Fraction | int], factor: int) -> None:
    parts = largest_remainder(total, shares)
    assert sum(parts) == total
    whole = sum(shares) or len(shares)
    quotas = [Fraction(total) * (share if sum(shares) else 1) / whole for share in shares]
    assert all(abs(part - quota) < 1 for part, quota in zip(parts, quotas, strict=True))
    by_weight: defaultdict[Fraction | int, list[int]] = defaultdict(list)
    for share, part in zip(shares, parts, strict=True):
        by_weight[share].append(part)
    # Of equals the first get the odd ones, and only as much as the size of the weights says matters.
    assert all(equals == sorted(equals, reverse=True) for equals in by_weight.values())
    assert largest_remainder(total, [share * factor for share in shares]) == parts


def second_by_second(total: int, shares: Sequence[Fraction | int]) -> list[int]:
    """Slow and plain: every second goes to whoever lacks most of its due, the first of equals first."""
    if not sum(shares):
        shares = [1] * len(shares)
    due = [Fraction(total) * share / sum(shares) for share in shares]
    given_out = [0] * len(shares)
    for _ in range(total):
        lacking = [want - got for want, got in zip(due, given_out, strict=True)]
        given_out[lacking.index(max(lacking))] += 1
    return given_out


@often
@given(st.integers(0, 60), st.lists(st.integers(0, 12), min_size=1, max_size=5))
def test_largest_remainder_is_what_counting_seconds_gives(total: int, shares: list[int]) -> None:
    assert largest_remainder(total, shares) == second_by_second(total, shares)


parts = st.builds(
    Part,
    recipient=st.sampled_from(RECIPIENTS),
    intervention=st.sampled_from(tuple(CATALOGUE)),
    category=st.sampled_from(("CARE", "SERVICE", "DELEGATED_HSL", "DELEGATED_HSL", None)),
    order_line=st.sampled_from((None, "O-1/1", "O-1/2")),
    weight=weights,
    standard_minutes=st.integers(0, 90),
    reason=st.just("reported"),
    reported_minutes=st.one_of(st.none(), st.integers(0, 300)),
)


@often
@given(st.lists(parts, min_size=1, max_size=6), st.sampled_from(get_args(SplitPolicy)), st.integers(0, 60_000))
def test_the_parts_of_a_split_add_up(told: list[Part], policy: str, seconds: int) -> None:
    divided, scaled = divide(Plan(tuple(told), policy), seconds)
    assert sum(divided) == seconds
    assert len(divided) == len(told)
    assert min(divided) >= 0
    assert policy == "reported" or not scaled


@often
@given(st.lists(parts, min_size=1, max_size=6), st.integers(0, 20_000))
def test_health_care_first_gets_its_minutes_and_no_more(told: list[Part], seconds: int) -> None:
    divided, _ = divide(Plan(tuple(told), "hsl_first"), seconds)
    nursing = [(part, got) for part, got in zip(told, divided, strict=True) if part.category == "DELEGATED_HSL"]
    wanted = 60 * sum(
        part.standard_minutes if part.reported_minutes is None else part.reported_minutes for part, _ in nursing
    )
    if nursing and len(nursing) < len(told):
        assert sum(got for _, got in nursing) == min(seconds, wanted)


shares = st.builds(
    Share,
    category=st.just("CARE"),
    intervention=st.sampled_from(tuple(CATALOGUE)),
    order_line=st.sampled_from((None, "O-1/1", "O-1/2", "O-1/3")),
    seconds=st.integers(0, 4000),
    payable=st.booleans(),
    reason=st.just("reported"),
)
beside = st.fixed_dictionaries({f"O-1/{number}": st.integers(0, 100) for number in (1, 2, 3)})


@often
@given(st.lists(shares, max_size=5), beside)
def test_cutting_what_is_extra_adds_nothing_and_loses_nothing(told: list[Share], percent: dict[str, int]) -> None:
    presence = sum(share.seconds for share in told)
    cut = cut_extra(told, lambda line: presence * percent[line] // 100, presence)
    exact = {
        number: Fraction(share.seconds * (presence * percent[share.order_line] // 100), presence)
        if share.order_line and share.payable and presence
        else Fraction(0)
        for number, share in enumerate(told)
    }
    left = list(cut)
    unpaid_in_all = 0
    for number, share in enumerate(told):
        pieces = [left.pop(0)]
        if left and pieces[0].seconds < share.seconds:
            pieces.append(left.pop(0))
        assert sum(piece.seconds for piece in pieces) == share.seconds
        unpaid = sum(piece.seconds for piece in pieces if piece.reason == "extra_staff")
        assert abs(unpaid - exact[number]) < 1
        unpaid_in_all += unpaid
    assert not left
    assert unpaid_in_all == int(sum(exact.values()))


# Time


small_spans = st.tuples(st.integers(0, 40), st.integers(0, 20)).map(
    lambda pair: (START + pair[0] * SECOND, START + (pair[0] + pair[1]) * SECOND)
)


def counted(spans: Sequence[Span]) -> Counter[int]:
    """How often each second since the start is in the spans."""
    return Counter(
        second
        for start, end in spans
        for second in range(int((start - START).total_seconds()), int((end - START).total_seconds()))
    )


@often
@given(small_spans, st.lists(small_spans, max_size=5))
def test_subtracting_spans_is_subtracting_seconds(span: Span, taken: list[Span]) -> None:
    left = subtract(span, taken)
    assert set(counted(left)) == set(counted([span])) - set(counted(taken))
    assert total_seconds(left) == len(counted(left))
    assert list(left) == sorted(left)
    assert all(start < end for start, end in left)
    assert all(before[1] < after[0] for before, after in pairwise(left))


@often
@given(small_spans, st.lists(small_spans, max_size=4), st.integers(1, 3))
def test_covering_is_counting(span: Span, layers: list[Span], depth: int) -> None:
    above = counted(layers)
    expected = sum(1 for second in counted([span]) if above[second] >= depth)
    assert covered_by([span], [[layer] for layer in layers], depth) == expected


any_instant = st.datetimes(timezones=st.just(UTC))
any_uptime = st.one_of(st.none(), st.integers(0, 2**70))
boots = st.sampled_from((None, "boot-1", "boot-2"))


@often
@given(any_instant, any_instant, any_uptime, boots, any_instant, any_uptime, boots, st.booleans())
def test_any_clock_is_judged(
    received_at: dt.datetime,
    sent_at: dt.datetime,
    sent_uptime_ms: int | None,
    sent_boot: str | None,
    tapped_at: dt.datetime,
    uptime_ms: int | None,
    boot: str | None,
    kept: bool,
) -> None:
    received_at = max(received_at, START)
    envelope = Envelope(received_at, sent_at, sent_uptime_ms, sent_boot)
    shift = shift_of(envelope, shift_of(replace(envelope, sent_at=received_at), None) if kept else None)
    claim = Claim(UUID(int=1), "auto", tapped_at, uptime_ms, boot, household="A", reason="other")
    master = master_of([Recipient("B-1", FIRST_DAY, "A", "URBAN")])
    found = judge(claim, envelope, shift, master, dt.timedelta(days=7))
    assert found.verdict in {"accepted", "disputed"}
    assert found.at <= received_at
    assert found.at.microsecond == 0
    assert set(found.flags) <= set(ANOMALIES)
    assert found.code is None or found.code in ANOMALIES


@often
@given(st.integers(-7200, 7200), st.integers(-60, 60))
def test_the_first_shift_of_a_phone_is_kept_while_it_fits(off: int, drift: int) -> None:
    """Two batches of one phone: unless its clock has moved away from the first shift, both are shifted alike."""
    first = shift_of(Envelope(START, START + off * SECOND), None)
    raw = (drift - off) * SECOND
    again = shift_of(Envelope(START, START - raw), Shift(wall=first.wall))
    if first.wall is not None and abs(raw - first.wall) <= 30 * SECOND:
        assert again.wall == first.wall
    else:
        assert again.wall == (raw if abs(raw) > 30 * SECOND else 0 * SECOND)


# Pairing


@often
@given(tap_lists(most=20))
def test_taps_have_one_order(taps: list[Tap]) -> None:
    assert len({tap_order(tap) for tap in taps}) == len(taps)


one_persons_taps = tap_lists(staff=("S-1", "S-2"), most=20)
moments = st.sampled_from((0, 15 * 24 * HOUR, 30 * 24 * HOUR)).map(lambda seconds: START + seconds * SECOND)


@often
@given(one_persons_taps, moments)
def test_presences_of_a_person(taps: list[Tap], now: dt.datetime) -> None:
    presences = own_spans(pair("person-1", [], sorted(taps, key=tap_order), now))
    assert presences == sorted(presences, key=presence_order)
    # Every tap belongs to one presence.
    assert Counter(tap.id for tap in taps) == Counter(tap for one in presences for tap in one.taps)
    for one in presences:
        assert one.id == (one.in_tap or one.out_tap)
        assert (one.state == "complete") == (one.in_tap is not None and one.out_tap is not None)
        if one.started_at and one.ended_at:
            assert dt.timedelta(0) <= one.ended_at - one.started_at <= LONGEST_PRESENCE
        if one.state == "open":
            assert one.started_at
            assert now - one.started_at <= LONGEST_PRESENCE
        assert one.confirmed or not (one.spans or one.overlap)
    # No second counts twice, and none is lost.
    spans = sorted(span for one in presences for span in one.spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    covered: list[Span] = []
    for one in presences:
        if one.confirmed and one.started_at and one.ended_at:
            covered += subtract((one.started_at, one.ended_at), covered)
    assert total_seconds(spans) == total_seconds(covered)


def presence(
    number: int,
    start: int,
    length: int | None,
    person: str = "S-1",
    dispute: str | None = None,
    *,
    by_hand: bool = False,
) -> Presence:
    began = START + start * SECOND
    ended = None if length is None else began + length * SECOND
    ident = UUID(int=number)
    tap = None if by_hand else ident
    return Presence(
        ident, person, person, "A", began, ended, ended, "open" if ended is None else "complete",
        tap, tap, dispute_in=dispute,
    )  # fmt: skip


stays = st.lists(
    st.tuples(
        st.integers(0, 30),
        st.one_of(st.integers(0, 25), st.integers(0, 25), st.none()),
        st.sampled_from((None, None, None, "tag_lost")),
        st.sampled_from((False, False, True)),
    ),
    max_size=6,
)


@often
@given(stays)
def test_each_second_belongs_to_the_presence_opened_last(rows: list[tuple[int, int | None, str | None, bool]]) -> None:
    """Unless that one was told by hand, and taps show the second."""
    told = sorted(
        (
            presence(number, start, length, dispute=dispute, by_hand=by_hand)
            for number, (start, length, dispute, by_hand) in enumerate(rows, 1)
        ),
        key=presence_order,
    )
    seconds = {
        one.id: set(counted([(one.started_at, one.ended_at)]))
        for one in told
        if one.confirmed and one.started_at and one.ended_at
    }
    taking = [*(one for one in told if one.by_hand), *(one for one in told if not one.by_hand)]
    owner = {second: one.id for one in taking if one.id in seconds for second in seconds[one.id]}
    found = own_spans(told)
    for one in found:
        assert set(counted(one.spans)) == {second for second, ident in owner.items() if ident == one.id}
        assert total_seconds(one.spans) == len(counted(one.spans))
    crossing = {
        ident
        for place, one in enumerate(told)
        for other in told[place + 1 :]
        if seconds.get(one.id, set()) & seconds.get(other.id, set())
        and (one.by_hand != other.by_hand or max(seconds[other.id]) > max(seconds[one.id]))
        for ident in (one.id, other.id)
    }
    assert {one.id for one in found if one.overlap} == crossing


@often
@given(tap_lists(staff=("S-1",), most=20), st.integers(0, 20), st.integers(-61, 61))
def test_pairing_from_a_quiet_moment_is_pairing_everything(taps: list[Tap], place: int, aside: int) -> None:
    told = sorted(taps, key=tap_order)
    now = START + 400 * HOUR * SECOND
    moment = (told[place % len(told)].at if told else START) + aside * SECOND
    start = quiet_before(moment, told)
    assert start <= moment
    assert not any(dt.timedelta(0) < start - tap.at <= dt.timedelta(seconds=60) for tap in told)
    whole = pair("S-1", [], told, now)
    carried = [one for one in own_spans(whole) if one.open_at(start)]
    later = pair("S-1", [reopen(one, start) for one in carried], [tap for tap in told if tap.at >= start], now)
    names = {one.id for one in carried}
    assert later == [one for one in whole if one.anchor_at >= start or one.id in names]


@often
@given(tap_lists(staff=("S-1",), most=18), st.data())
def test_any_batching_gives_the_same_presences(taps: list[Tap], data: st.DataObject) -> None:
    """Batches in any order, some sent twice, each deriving anew only from its own quiet moment on."""
    now = START + 400 * HOUR * SECOND
    arriving = data.draw(st.permutations(taps))
    stored: dict[UUID, Presence] = {}
    known: set[Tap] = set()
    while arriving:
        size = data.draw(st.integers(1, len(arriving)))
        batch, arriving = arriving[:size], arriving[size:]
        if data.draw(st.booleans()):
            batch = [*batch, *known]
        known |= set(batch)
        told = sorted(known, key=tap_order)
        start = quiet_before(min(tap.at for tap in batch), told)
        carried = [reopen(one, start) for one in stored.values() if one.open_at(start)]
        fresh = pair("S-1", carried, [tap for tap in told if tap.at >= start], now)
        stored = {one.id: one for one in stored.values() if one.anchor_at < start}
        stored |= {one.id: one for one in fresh}
    assert sorted(stored.values(), key=presence_order) == pair("S-1", [], sorted(taps, key=tap_order), now)


@often
@given(tap_lists(staff=("S-1",)), st.integers(0, 60))
def test_the_clock_alone_only_closes_what_is_open(taps: list[Tap], hours: int) -> None:
    told = sorted(taps, key=tap_order)
    last = told[-1].at if told else START
    early, late = pair("S-1", [], told, last), pair("S-1", [], told, last + hours * HOUR * SECOND)
    assert [one._replace(state="open") for one in early] == [one._replace(state="open") for one in late]
    for before, after in zip(early, late, strict=True):
        assert before.state == after.state or (before.state, after.state) == ("open", "incomplete")


# Visits


@seldom
@given(facts)
def test_visits_add_up_to_their_presence_and_shares_to_their_visit(told: Facts) -> None:
    presences = {one.id: one for own in of_persons(told).values() for one in own}
    seconds: Counter[UUID] = Counter()
    for visit in told.visits():
        assert sum(share.seconds for share in visit.shares) == visit.seconds
        assert visit.presence_seconds in (0, total_seconds(presences[visit.presence].spans))
        seconds[visit.presence] += visit.seconds
        if visit.status == "complete":
            assert visit.spans == presences[visit.presence].spans
        else:
            assert (visit.seconds, visit.presence_seconds, visit.spans, visit.shares) == (0, 0, (), ())
    for visit in told.visits():
        assert seconds[visit.presence] == visit.presence_seconds


@seldom
@given(facts)
def test_a_presence_where_anybody_lived_is_somebodys_visit(told: Facts) -> None:
    lived_in = {one.household for one in told.records if isinstance(one, Recipient)}
    visited = {visit.presence for visit in told.visits()}
    for own in of_persons(told).values():
        for one in own:
            assert one.id in visited or one.household not in lived_in


@seldom
@given(facts)
def test_everything_says_why(told: Facts) -> None:
    for visit in told.visits():
        assert len(set(visit.anomalies)) == len(visit.anomalies)
        assert set(visit.anomalies) <= set(ANOMALIES)
        assert set(visit.suggestions) <= set(visit.anomalies)
        assert {share.reason for share in visit.shares} <= REASONS.keys() | ANOMALIES.keys()
        assert all(share.seconds >= 0 for share in visit.shares)
        assert visit.payable == (
            visit.status == "complete" and bool(visit.shares) and all(share.payable for share in visit.shares)
        )
        if not visit.payable and visit.status == "complete":
            told_why = {share.reason for share in visit.shares if not share.payable}
            assert told_why <= {*visit.anomalies, "trainee", "nothing_done"}
            assert told_why or not visit.took_place
        if visit.payable:
            harmless = {code for code in ANOMALIES if ANOMALIES[code] == "acknowledge"} | {"staff_count"}
            assert set(visit.anomalies) <= harmless
        assert visit.provisional == (visit.started_at is not None and visit.ended_at is not None and not visit.out_tap)


@seldom
@given(facts)
def test_no_seconds_are_no_visit_and_nothing_else_is_none(told: Facts) -> None:
    presences = {one.id: one for own in of_persons(told).values() for one in own}
    for visit in told.visits():
        one = presences[visit.presence]
        lasted = visit.seconds if visit.status == "complete" else total_seconds(one.spans)
        assert visit.took_place is not (one.confirmed and visit.status != "omitted" and not lasted)
        assert visit.took_place or not (visit.payable or visit.shares or visit.declined)
        assert bool(visit.shares) == (visit.status == "complete" and visit.took_place)


@often
@given(facts, st.lists(reported, min_size=1, max_size=4))
def test_what_was_reported_not_done_has_no_payable_second_and_is_declined_or_paid_but_never_both(
    told: Facts, said: list[ReportedIntervention]
) -> None:
    """One report for each tap in, of its own staff; what it says was done and was not done was done."""
    says = [
        Report(
            id=UUID(int=5000 + place),
            staff=tap.staff,
            tap=tap.id,
            reported_at=START,
            received_at=START,
            outcome="performed",
            interventions=tuple(said),
        )
        for place, tap in enumerate(told.taps)
    ]
    undone = {(one.recipient, one.intervention) for one in said if one.outcome != "done"}
    done = {one.intervention for one in said if one.outcome == "done"}
    for visit in replace(told, reports=says).visits():
        paid = {(visit.recipient, share.intervention) for share in visit.shares if share.payable}
        assert not paid & {*visit.declined}
        for recipient, intervention in paid:
            assert intervention in done or not undone & {(recipient, intervention), (None, intervention)}
        assert not any(share.payable and share.intervention is None for share in visit.shares)


@seldom
@given(facts)
def test_ids_and_groups(told: Facts) -> None:
    visits = told.visits()
    assert len({visit.id for visit in visits}) == len(visits)
    assert len({(visit.presence, visit.recipient) for visit in visits}) == len(visits)
    # A door nobody is told to live at has presences without visits; they name groups all the same.
    presences = {one.id: one for own in of_persons(told).values() for one in own}
    for visit in visits:
        first = presences[visit.group]
        assert first.household == visit.household
        assert first.anchor_at <= visit.anchor_at


@seldom
@given(facts, st.data())
def test_any_order_of_arrival_gives_the_same_visits(told: Facts, data: st.DataObject) -> None:
    shuffled = Facts(
        [*(again := data.draw(st.permutations(told.records))), *again],
        data.draw(st.permutations([*told.taps, *data.draw(st.permutations(told.taps))[:5]])),
        data.draw(st.permutations([*told.reports, *told.reports])),
        told.now,
    )
    assert shuffled.visits() == told.visits()


crews = st.lists(
    st.tuples(
        st.integers(0, 30),
        st.one_of(st.integers(0, 25), st.integers(0, 25), st.none()),
        st.sampled_from(("care_assistant", "care_assistant", "trainee")),
    ),
    min_size=1,
    max_size=6,
)


@often
@given(crews, st.integers(1, 3))
def test_extra_staff_is_what_counting_seconds_gives(rows: list[tuple[int, int | None, str]], places: int) -> None:
    """Who came first fills the places; every second of anybody else with the places full is not paid."""
    line = OrderLine("1", "dusch", 20, 1, 1, "d", staff_count=places)
    ordered = Order("O-1", "B-1", "P-norr", FIRST_DAY, None, (line,))
    crew = [Staff(f"S-{number}", FIRST_DAY, None, f"S-{number}", "P-norr", row[2]) for number, row in enumerate(rows)]
    master = master_of([Recipient("B-1", FIRST_DAY, "A", "URBAN"), ordered, *crew])
    told: list[Presence] = []
    for number, (start, length, _) in enumerate(rows):
        told += own_spans([presence(number + 1, start, length, f"S-{number}")])
    visits = {visit.presence: visit for visit in visits_at(told, {}, master)}
    came: Counter[int] = Counter()
    for one in sorted(told, key=presence_order):
        visit = visits[one.id]
        trainee = visit.role == "trainee"
        if not one.confirmed:
            assert not visit.shares
            continue
        seconds = counted(one.spans)
        full = sum(1 for second in seconds if came[second] >= places)
        assert sum(share.seconds for share in visit.shares if share.reason == "extra_staff") == (0 if trainee else full)
        assert visit.payable is (not trainee and full == 0 and bool(seconds))
        if not trainee:
            came += seconds


# Orders


@often
@given(orders, st.integers(0, 60), st.integers(0, 60))
def test_granted_time_is_the_sum_of_its_days(told: Order, first: int, length: int) -> None:
    """Slow and plain: each day in force grants its part of the rate."""
    span = day_of(first), day_of(first + length)
    on = [day_of(number) for number in range(first, first + length + 1) if in_force(told, day_of(number))]
    assert active_days(told, span) == len(on)
    for line in told.lines:
        rate = Fraction((line.standard_minutes or 0) * line.staff_count * line.frequency, line.period)
        by_day = [rate / {"d": 1, "wk": 7, "mo": days_in_month(one)}[line.period_unit] for one in on]
        assert granted_minutes(told, line, line.standard_minutes or 0, span) == sum(by_day)
