"""What the queries answer is what the definitions say, on generated municipalities."""

import datetime as dt
import random
from collections import Counter, defaultdict
from itertools import combinations
from uuid import UUID

import pytest

from app.domain.measures import (
    EVIDENCE_LEVELS,
    KOLADA_CLASSIC,
    Candidate,
    continuity,
    evidence,
    is_candidate,
    sol_seconds,
    weakest,
)
from app.domain.order import Order, OrderLine, Pause, granted_seconds
from app.domain.prescribed import Ordered, alarms, licensed
from app.domain.split import Share
from app.domain.time import STOCKHOLM, UTC, local_date, month_days
from app.domain.visit import Visit, visit_id
from app.store import orders as store_orders
from app.store import prescribed, projection
from app.store.executed_time import FIGURES, KEYS, Question, statement
from app.store.measures import continuity as measured
from app.store.measures import evidence_by_provider
from app.store.visits import StoredVisit

FIRST = dt.date(2026, 10, 15)  # the clocks change on the 25th
MONTHS = (month_days("2026-10")[0], month_days("2026-11")[1])
INTERVENTIONS = {
    "dusch": "CARE", "tillsyn": "CARE", "städ": "SERVICE", "insulin": "DELEGATED_HSL", "larm": "ALARM",
    "lunch": "MEAL", "sårvård": "LICENSED_HSL",
}  # fmt: skip
ROLES = [
    "care_assistant",
    "assistant_nurse",
    "care_assistant",
    "trainee",
    "licensed",
    "night_patrol",
    "alarm_team",
    None,
]
STATUSES = ["complete"] * 12 + ["declined", "open", "incomplete", "omitted", "disputed", "no_answer"]
CLOCKS = ["00:30", "02:30", "06:59", "07:00", "08:10", "09:00", "12:00", "16:30", "17:00", "21:59", "22:00", "23:55"]


def _birth(number):
    if number % 10 == 7:
        return None
    return FIRST.replace(year=1961) + dt.timedelta(days=[-9000, 0, 1, -3000, -1][number % 5])


class Town:
    """A municipality with its orders and visits, by seed: regular recipients, and every kind of exception."""

    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.people = [
            (f"S-{number}", f"p{number % 9}", self.dice.choice(ROLES), self.dice.choice(["P-1", "P-2", "P-3"]))
            for number in range(14)
        ]
        self.births = {f"B-{number:02}": _birth(number) for number in range(17)}
        self.deaths = {"B-02": FIRST + dt.timedelta(days=9), "B-08": FIRST, "B-09": FIRST - dt.timedelta(days=30)}
        self.orders = [order for number, ref in enumerate(self.births) for order in self._orders(number, ref)]
        self.visits = [visit for number, ref in enumerate(self.births) for visit in self._visits(number, ref)]
        self.told = [(visit, share, told_of(visit, share)) for visit in self.visits for share in visit.shares]

    def _orders(self, number, recipient):
        regular = number % 3 > 0
        orders = []
        for provider in self.dice.sample(["P-1", "P-2"], 1 if regular else self.dice.randrange(3)):
            first = FIRST - dt.timedelta(days=60) if regular else FIRST + dt.timedelta(days=self.dice.randint(-40, 20))
            last = None if regular else first + dt.timedelta(days=self.dice.randint(0, 60))
            lines = tuple(
                OrderLine(str(at), name, self.dice.choice([None, 7, 20, 45]), self.dice.randint(0, 4),
                          self.dice.randint(1, 3), self.dice.choice(["d", "wk", "mo"]), self.dice.randint(1, 2))
                for at, name in enumerate(self.dice.sample(sorted(INTERVENTIONS), 3))
            )  # fmt: skip
            starts = FIRST + dt.timedelta(days=self.dice.randint(-20, 30))
            pause = Pause(starts, self.dice.choice([None, starts + dt.timedelta(days=self.dice.randint(0, 9))]))
            if number == 5:
                pause = Pause(FIRST + dt.timedelta(days=13), None)
            pauses = (pause,) if number == 5 or self.dice.random() < (0.1 if regular else 0.5) else ()
            orders.append(Order(f"O-{recipient}-{provider}", recipient, provider, first, last, lines, pauses))
        return orders

    def _visits(self, number, recipient):
        regular = number % 3 > 0
        for offset in range(-16, 33):
            on = FIRST + dt.timedelta(days=offset)
            if regular:
                yield self._visit(recipient, on, "08:00", "complete", care=True)
                yield self._visit(recipient, on, "16:00", "complete", care=True)
                yield self._visit(recipient, on, "20:00", self.dice.choice(STATUSES))
            for clock in self.dice.sample(CLOCKS, self.dice.randint(0, 1)):
                yield self._visit(recipient, on, clock, self.dice.choice(STATUSES))

    def _visit(self, recipient, on, clock, status, *, care=False):
        staff, person, role, provider = self.dice.choice(self.people)
        start = dt.datetime.combine(on, dt.time.fromisoformat(clock), STOCKHOLM).astimezone(UTC)
        shares = tuple(self._shares(recipient, care=care)) if status == "complete" else ()
        seconds = sum(share.seconds for share in shares)
        presence = UUID(int=self.dice.getrandbits(128))
        levels = EVIDENCE_LEVELS if status == "complete" else (*EVIDENCE_LEVELS, None)
        return Visit(
            id=visit_id(presence, recipient), presence=presence, recipient=recipient, group=presence,
            provider=provider if role else None, staff=staff, person=person, role=role, household=recipient,
            in_tap=presence, out_tap=None, started_at=start, ended_at=start + dt.timedelta(seconds=seconds),
            provisional=False, local_date=local_date(start), status=status, payable=False,
            evidence_in=self.dice.choice(levels), evidence_out=self.dice.choice(levels),
            presence_seconds=seconds, seconds=seconds, spans=(), shares=shares, anomalies=(), suggestions={},
        )  # fmt: skip

    def _shares(self, recipient, *, care):
        """Some with their line, cut in two or not, some without one, or with nothing at all; an intervention once."""
        if not care and self.dice.random() < 0.1:
            yield Share(None, None, None, self.dice.randrange(4000), False, "not_ordered")
            return
        names = self.dice.sample(sorted(INTERVENTIONS), self.dice.randint(1, 4))
        for name in dict.fromkeys([*names, "dusch"] if care else names):
            line = self.dice.choice([None, f"O-{recipient}-P-1/{name}"])
            for payable in self.dice.choice([[True], [False], [True, False]]):
                yield Share(INTERVENTIONS[name], name, line, self.dice.randrange(3000), payable, "reported")

    async def settle(self, owner):
        """Write it all: orders as they are placed, visits with their months' sums as the projection keeps them."""
        await owner.execute("INSERT INTO municipality (municipality_id, name, as_of) VALUES (188, 'Norrtälje', now())")
        await owner.execute("INSERT INTO provider SELECT 188, 'P-' || n, 'external' FROM generate_series(1, 3) AS n")
        await owner.executemany(
            "INSERT INTO intervention_version VALUES (188, $1, '(,)', $2, 15)", list(INTERVENTIONS.items())
        )
        await owner.executemany(
            "INSERT INTO recipient_version VALUES (188, $1, $2, $1, 'URBAN', $3, $4, false)",
            [
                (ref, span, birth, self.deaths.get(ref))
                for ref, birth in self.births.items()
                for span in self._versions()
            ],
        )
        bodies = {
            order.ref: {
                "recipient": order.recipient, "provider": order.provider, "valid_from": order.valid_from,
                "valid_to": order.valid_to,
                "pauses": [{"from": pause.first_on, "to": pause.last_on} for pause in order.pauses],
                "lines": [{name: getattr(line, name) for name in ("ref", "intervention", "standard_minutes",
                           "frequency", "period", "period_unit", "staff_count")} for line in order.lines],
            }
            for order in self.orders
        }  # fmt: skip
        await store_orders.put_orders(owner, 188, bodies, [])
        await projection.write(owner, 188, 0, visits=[StoredVisit(visit, 1) for visit in self.visits])
        await owner.execute("ANALYZE")

    def _versions(self):
        """One version of a recipient since ever, or two, the later from the middle of the measured days."""
        from asyncpg import Range  # noqa: PLC0415 - the driver's own value, wanted here alone

        moved = FIRST + dt.timedelta(days=5)
        return self.dice.choice([[Range(None, None)], [Range(None, moved), Range(moved, None)]])

    def executed(self, question):
        """The rows of executed time from the definition, one share at a time."""
        sums = defaultdict(lambda: [0, 0, 0, {}])
        for visit, share, told in self.told:
            if question.days[0] <= visit.local_date <= question.days[1] and fits(question, told):
                row = sums[tuple(told[key] for key in question.by)]
                row[0] += share.seconds
                row[1] += share.seconds * share.payable
                row[3][visit.id] = weakest(visit.evidence_in, visit.evidence_out)
        for order in self.orders if question.has_granted else ():
            for line in order.lines:
                told = {
                    "recipient": order.recipient, "provider": order.provider, "intervention": line.intervention,
                    "category": INTERVENTIONS[line.intervention], "order_line": f"{order.ref}/{line.ref}",
                }  # fmt: skip
                minutes = 15 if line.standard_minutes is None else line.standard_minutes
                seconds = granted_seconds(order, line, minutes, question.days)
                if seconds and fits(question, told):
                    sums[tuple(told[key] for key in question.by)][2] += seconds
        return {
            key: (executed, payable, granted if question.has_granted else None, len(visits), *levels_of(visits))
            for key, (executed, payable, granted, visits) in sums.items()
        }

    def candidates(self, provider=None, recipient=None):
        for ref, birth in self.births.items():
            orders = [one for one in self.orders if one.recipient == ref and provider in {None, one.provider}]
            visits = [one for one in self.visits if one.recipient == ref and provider in {None, one.provider}]
            candidate = Candidate(ref, birth, orders, visits)
            if (ref == recipient) if recipient else is_candidate(KOLADA_CLASSIC, FIRST, candidate):
                yield candidate


def levels_of(visits):
    """How many of the visits are shown at each level, the weakest first, as `FIGURES` has them."""
    counts = Counter(visits.values())
    return [counts[level] for level in reversed(EVIDENCE_LEVELS)]


def told_of(visit, share):
    return {
        "recipient": visit.recipient, "provider": visit.provider, "staff": visit.staff, "category": share.category,
        "intervention": share.intervention, "order_line": share.order_line, "local_date": visit.local_date,
    }  # fmt: skip


def fits(question, told):
    wanted = {name: getattr(question, name) for name in ("recipient", "provider", "staff", "category")}
    return all(value is None or told.get(name) == value for name, value in wanted.items())


async def answered(reading, question):
    text, arguments = statement(188, question)
    rows = await reading.sql.fetch(text, *arguments)
    found = {tuple(row[key] for key in question.by): tuple(row[name] for name in FIGURES) for row in rows}
    assert len(found) == len(rows)
    return found


@pytest.fixture(params=[1, 2])
async def town(request, owner):
    made = Town(request.param)
    await made.settle(owner)
    return made


OCTOBER = month_days("2026-10")
SPANS = [OCTOBER, MONTHS, (FIRST, FIRST + dt.timedelta(days=20)), (FIRST, FIRST)]
PAIRS = [*combinations(KEYS, 2), ("intervention", "order_line", "category"), tuple(KEYS)]
GROUPINGS = [(), *((key,) for key in KEYS), ("order_line", "intervention"), ("local_date", "provider")]
FILTERS = [
    {"recipient": "B-04"},
    {"provider": "P-2"},
    {"staff": "S-3"},
    {"category": "CARE"},
    {"recipient": "B-05", "category": "SERVICE", "provider": "P-1"},
    {"staff": "S-5", "category": "CARE"},
]
QUESTIONS = [
    *(Question(days, by) for days in SPANS for by in GROUPINGS),
    *(Question(days, by) for days in (OCTOBER, SPANS[2]) for by in PAIRS),
    *(Question(days, by, **filters) for filters in FILTERS for days in (OCTOBER, SPANS[2]) for by in GROUPINGS),
]


async def test_executed_time_by_every_grouping_span_and_filter(town, database):
    async with database.read(188) as reading:
        for question in QUESTIONS:
            assert await answered(reading, question) == town.executed(question), question


async def test_the_months_sums_are_what_whole_months_read(town, database, owner):
    question = Question(OCTOBER, ("recipient", "category"))
    await owner.execute("TRUNCATE visit CASCADE")
    async with database.read(188) as reading:
        assert await answered(reading, question) == town.executed(question)
        assert await answered(reading, Question(OCTOBER, ("staff",))) == {}


async def test_continuity_of_all_of_a_provider_and_of_one(town, database):
    asked = [{}, {"provider": "P-1"}, {"provider": "P-2"}, {"provider": "P-3"}]
    asked += [{"recipient": ref} for ref in town.births] + [{"recipient": "B-03", "provider": "P-1"}]
    seen = Counter()
    async with database.read(188) as reading:
        for who in asked:
            found = await measured(reading.sql, 188, KOLADA_CLASSIC, FIRST, **who)
            assert found == continuity(KOLADA_CLASSIC, FIRST, town.candidates(**who)), who
            seen.update(found.excluded)
            seen["eligible"] += found.eligible
    assert all(seen.values()), "a municipality in which somebody is left out for each reason, and not everybody"


async def test_executed_share_sums_what_its_definition_sums(town, database):
    days = OCTOBER
    async with database.read(188) as reading:
        rows = await answered(reading, Question(days, ("category",)))
    sol = [figures for (category,), figures in rows.items() if category in {"SERVICE", "CARE"}]
    assert sum(figures[0] for figures in sol) == sol_seconds(town.visits, days)


async def test_evidence_of_each_provider_and_of_one_recipient(town, database):
    async with database.read(188) as reading:
        for days in SPANS:
            for who in ({}, {"provider": "P-2"}, {"recipient": "B-04"}, {"provider": "P-1", "recipient": "B-05"}):
                ends = defaultdict(list)
                for visit in town.visits:
                    asked = all(getattr(visit, name) == value for name, value in who.items())
                    if asked and visit.status == "complete" and days[0] <= visit.local_date <= days[1]:
                        ends[visit.provider].append((visit.evidence_in, visit.evidence_out, 1))
                found = await evidence_by_provider(reading.sql, 188, days, **who)
                assert found == {provider: evidence(counted) for provider, counted in ends.items()}, (days, who)
        everything = await evidence_by_provider(reading.sql, 188, MONTHS)
        executed = await answered(reading, Question(MONTHS, ("provider",)))
    assert all(all(one.levels.values()) for one in everything.values()), "each level is met at each provider"
    assert {provider: [*reversed(one.levels.values())] for provider, one in everything.items()} == {
        provider: [*figures[4:]] for (provider,), figures in executed.items()
    }, "the visits of each level in executed time"


def ordered_of(town, provider=None, recipient=None):
    """The orders of a provider's, or everybody's, for one recipient or all."""
    orders = defaultdict(list)
    for order in town.orders:
        if provider in {None, order.provider} and recipient in {None, order.recipient}:
            orders[order.recipient].append(order)
    return Ordered(orders, lambda name, _: INTERVENTIONS[name], town.deaths)


@pytest.mark.parametrize("who", [{}, {"provider": "P-2"}, {"recipient": "B-05"}])
async def test_licensed_care_and_alarms_of_each_provider_and_of_all(town, database, who):
    visits = [one for one in town.visits if all(getattr(one, name) == value for name, value in who.items())]
    providers = {one.provider for one in visits} | {one.provider for one in town.orders}
    async with database.read(188) as reading:
        for days in SPANS:
            cared = await prescribed.licensed(reading.sql, 188, days, **who)
            called = await prescribed.alarms(reading.sql, 188, days, **who)
            for provider in providers:
                if who.get("provider") not in {None, provider}:
                    continue
                own = [one for one in visits if one.provider == provider]
                own_orders = ordered_of(town, provider or "nobody", who.get("recipient"))
                assert cared.get((False, provider), licensed([], NOTHING, days)) == licensed(own, own_orders, days)
                assert called.get((False, provider), alarms([], NOTHING, days)) == alarms(own, ordered_of(town), days)
            assert cared[prescribed.ALL] == licensed(visits, ordered_of(town, **who), days)
            assert called[prescribed.ALL] == alarms(visits, ordered_of(town), days)


NOTHING = Ordered({}, lambda _, __: None, {})
