"""What the queries answer is what the definitions say, on generated municipalities."""

import datetime as dt
from collections import Counter, defaultdict
from itertools import combinations

import pytest
from town import FIRST, INTERVENTIONS, MONTHS, Town

from app.domain.measures.alarms import alarms
from app.domain.measures.indices import SCOPES
from app.domain.measures.indices import tallies as tallied
from app.domain.measures.licensed_care import licensed_care
from app.domain.measures.measures import KOLADA_CLASSIC, continuity, evidence, sol_seconds
from app.domain.measures.ordered import Ordered
from app.domain.measures.outcomes import outcomes as became
from app.domain.time import local_date, month_days
from app.store.measures.alarms import alarms as answered_alarms
from app.store.measures.executed_time import FIGURES, KEYS, Question, statement
from app.store.measures.indices import tallies
from app.store.measures.licensed_care import licensed_care as counted_care
from app.store.measures.measures import continuity as measured
from app.store.measures.measures import evidence_by_provider
from app.store.measures.outcomes import outcomes
from app.store.measures.performed import ALL


async def answered(reading, question):
    text, arguments = statement(question)
    rows = await reading.fetch(text, *arguments)
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
            found = await measured(reading, KOLADA_CLASSIC, FIRST, **who)
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
                    performed = visit.status == "complete" and visit.took_place
                    if asked and performed and days[0] <= visit.local_date <= days[1]:
                        ends[visit.provider].append((visit.evidence_in, visit.evidence_out, 1))
                found = await evidence_by_provider(reading, days, **who)
                assert found == {provider: evidence(counted) for provider, counted in ends.items()}, (days, who)
        everything = await evidence_by_provider(reading, MONTHS)
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
            cared = await counted_care(reading, days, **who)
            called = await answered_alarms(reading, days, **who)
            for provider in providers:
                if who.get("provider") not in {None, provider}:
                    continue
                own = [one for one in visits if one.provider == provider]
                own_orders = ordered_of(town, provider or "nobody", who.get("recipient"))
                assert cared.get((False, provider), licensed_care([], NOTHING, days)) == licensed_care(
                    own, own_orders, days
                )
                assert called.get((False, provider), alarms([], NOTHING, days)) == alarms(own, ordered_of(town), days)
            assert cared[ALL] == licensed_care(visits, ordered_of(town, **who), days)
            assert called[ALL] == alarms(visits, ordered_of(town), days)


NOTHING = Ordered({}, lambda _, __: None, {})

ASKED = [{}, {"provider": "P-2"}, {"recipient": "B-05"}, {"provider": "P-1", "recipient": "B-04"}]


def of(things, provider=None, recipient=None):
    """Those of a provider's, or everybody's, for one recipient or all."""
    return [one for one in things if provider in {None, one.provider} and recipient in {None, one.recipient}]


async def test_indices_of_all_of_a_provider_and_of_one(town, database):
    met = set()
    async with database.read(188) as reading:
        for days in SPANS:
            for scope in SCOPES.values():
                for who in ASKED:
                    found = await tallies(reading, scope, days, **who)
                    assert found == tallied(scope, days, of(town.visits, **who)), (days, scope.name, who)
                    met |= {(one.visits > one.pairs + 1, 0 < one.again < one.pairs) for one in found.values()}
    assert (True, True) in met, "somebody with a double staffing whom some follow again"


@pytest.mark.parametrize("who", ASKED)
async def test_outcomes_of_all_of_a_provider_and_of_one(town, database, who):
    provider, recipient = who.get("provider"), who.get("recipient")
    async with database.read(188) as reading:
        for days in SPANS:
            visits = [one for one in of(town.visits, provider) if days[0] <= one.local_date <= days[1]]
            notices = [one for one in of(town.notices, provider) if days[0] <= local_date(one.at) <= days[1]]
            counted = became(visits, notices, ordered_of(town))
            wanted = {whose: counts for whose, counts in counted.items() if recipient in {None, whose[1]}}
            assert await outcomes(reading, days, **who) == wanted, days
        kinds = {kind for counts in (await outcomes(reading, MONTHS, **who)).values() for kind, _ in counts}
    assert who or kinds == {"performed", "declined_in_advance", "declined_at_door", "no_answer", "declined_single"}
