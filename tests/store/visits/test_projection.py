"""Whatever the order, batching and duplication of arrival, the stored visits are what the pure rules derive at once."""

import contextlib
import datetime as dt
import random
import uuid
from collections import defaultdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from service import LEDGER_KEY

from app.actions.register.place_order import Placed, place_orders
from app.actions.taps.foresee import foresee
from app.actions.taps.record_reports import record_reports
from app.actions.taps.record_taps import Submission, record_taps
from app.actions.versions import Condition
from app.actions.visits import project
from app.actions.visits.correct_visit import correct_visit
from app.actions.visits.validate_correction import CorrectionRefusedError, CorrectionRequest
from app.domain.author import Author
from app.domain.taps.judging import LARGE_SHIFT, Claim, Envelope
from app.domain.taps.report import Report, ReportedIntervention
from app.domain.time import LONGEST_PRESENCE
from app.domain.visits.correction import correct
from app.domain.visits.derive_visits import visits_at
from app.domain.visits.pairing import own_spans, pair, presence_order, tap_order
from app.domain.visits.presence import Tap
from app.domain.visits.wrong_clocks import Said
from app.store.database import Database
from app.store.register import records
from app.store.visits.projection import anomaly_counts, beside, month_sums, write
from app.store.visits.visit_row import COLUMNS, StoredVisit, visit_of
from app.store.visits.visits import standing

DAY = dt.datetime(2026, 10, 24, 6, tzinfo=dt.UTC)  # the night of the clock change follows
RECEIVED = DAY + dt.timedelta(days=5)
AS_OF = DAY + dt.timedelta(hours=30)
LATE = dt.timedelta(days=30)
HOUSEHOLDS = ("H-1", "H-2", "H-3")

WORLD = [
    ("providers", "P-1", {"form": "in_house"}),
    ("interventions", "dusch", {"category": "CARE", "standard_minutes": 20}),
    ("interventions", "insulin", {"category": "DELEGATED_HSL", "standard_minutes": 10}),
    ("interventions", "städ", {"category": "SERVICE", "standard_minutes": 45}),
    ("recipients", "B-1", {"household": "H-1", "area": "URBAN"}),
    ("recipients", "B-2", {"household": "H-1", "area": "URBAN"}),
    ("recipients", "B-3", {"household": "H-2", "area": "RURAL"}),
    ("recipients", "B-4", {"household": "H-3", "area": "RURAL"}),
    *(
        ("staff", f"S-{n}", {"person": f"p{min(n, 3)}", "provider": "P-1", "role": "care_assistant", "delegations": []})
        for n in (1, 2, 3, 4)
    ),
    ("contracts", "K-1", {"provider": "P-1", "valid_from": "2026-01-01", "split_policy": "hsl_first",
                          "report_required": False}),
]  # fmt: skip


def line(ref, intervention, *, staff_count=1, window=None):
    return {
        "ref": ref, "intervention": intervention, "frequency": 2, "period": 1, "period_unit": "d",
        "staff_count": staff_count, "window": window,
    }  # fmt: skip


def order(recipient, *lines, valid_from="2026-01-01", valid_to=None):
    return {
        "recipient": recipient, "provider": "P-1", "valid_from": valid_from, "valid_to": valid_to,
        "lines": list(lines), "pauses": [],
    }  # fmt: skip


ORDERS = [
    ("orders", "O-1", order("B-1", line("1", "dusch"), line("2", "insulin", window=["07:00", "11:00"]))),
    ("orders", "O-2", order("B-2", line("1", "städ", staff_count=2))),
    ("orders", "O-3", order("B-3", line("1", "dusch"), valid_to="2026-10-24")),
]


async def put(writing, items):
    stored = [records.Stored(ref, 1, False, body) for _, ref, body in items]
    for (kind, _, _), one in zip(items, stored, strict=True):
        await records.append(writing, kind, writing.master.seq, "test", [one])
        await records.refresh(writing, writing.master)


def clocks_of(taps, off):
    """What the phones said of a person's taps: each beside every other one that a presence could reach."""
    said = {tap.id: tap.at - off[tap.id] for tap in taps}
    return {
        tap.id: Said(
            tap.at,
            said[tap.id],
            any(
                (other.at < tap.at and said[other.id] > said[tap.id])
                or (other.at > tap.at and said[other.id] < said[tap.id])
                for other in taps
                if abs(other.at - tap.at) <= LONGEST_PRESENCE
            ),
        )
        for tap in taps
    }


def pure(master, claims, off, reports, chains, as_of):
    """Every visit derived from nothing, by the domain alone. `off` is how far the clock was behind that told each."""
    by_person = defaultdict(list)
    for staff, claim in claims:
        at = claim.tapped_at + off[claim.id]
        flags = ("clock_adjusted",) if abs(off[claim.id]) > LARGE_SHIFT else ()
        tap = Tap(claim.id, staff, claim.household, claim.direction, at, None, "manual", None, flags)
        by_person[master.person_of(staff)].append(tap)
    clocks = {id_: said for taps in by_person.values() for id_, said in clocks_of(taps, off).items()}
    corrected = defaultdict(list)
    for person, taps in by_person.items():
        paired = pair(person, [], sorted(taps, key=tap_order), as_of)
        for presence in correct(paired, chains, master.person_of, as_of):
            corrected[presence.person].append(presence)
    at_household = defaultdict(list)
    for presences in corrected.values():
        for presence in own_spans(sorted(presences, key=presence_order)):
            at_household[presence.household].append(presence)
    by_tap = defaultdict(list)
    for report in reports:
        by_tap[report.tap].append(report)
    visits = [
        visit for presences in at_household.values() for visit in visits_at(presences, by_tap, master, chains, clocks)
    ]
    return sorted(visits, key=lambda visit: visit.id)


KINDS = ("set_start", "set_end", "set_end", "set_staff", "set_recipient", "set_interventions", "omit", "restore",
         "acknowledge", "resolve")  # fmt: skip


async def correct_one(writing, owner, dice):
    """One correction of a visit that stands, made by chance; one that cannot be made is refused."""
    rows = await writing._driver.fetch(f"SELECT {', '.join(COLUMNS)} FROM visit ORDER BY id")
    if not rows:
        return
    visit = visit_of(dice.choice(rows)).visit
    kind = dice.choice(KINDS)
    boundary = dice.choice([visit.started_at, visit.ended_at, visit.anchor_at]) or visit.anchor_at
    moved = boundary + dt.timedelta(minutes=dice.choice([-600, -120, -20, -1, 0, 1, 20, 120, 600]))
    said = {
        "set_start": {"started_at": moved},
        "set_end": {"ended_at": moved},
        "set_staff": {"staff": dice.choice(["S-1", "S-2", "S-3"])},
        "set_recipient": {"recipient": dice.choice(["B-1", "B-2", "B-3", "B-4"])},
        "set_interventions": {"interventions": [{"intervention": dice.choice(["dusch", "insulin", "städ"])}]},
        "acknowledge": {"anomaly": dice.choice(visit.anomalies or ["overlap"])},
        "resolve": {"anomaly": dice.choice(visit.anomalies or ["overlap"])},
    }.get(kind, {})
    asked = CorrectionRequest(uuid.UUID(int=dice.getrandbits(128), version=4), kind, said, "equipment", None)
    with contextlib.suppress(CorrectionRefusedError):
        await correct_visit(writing, visit.id, asked, Author("test", None), Condition())


async def stored(owner):
    rows = await owner.fetch(f"SELECT {', '.join(COLUMNS)} FROM visit")
    return sorted((visit_of(row).visit for row in rows), key=lambda visit: visit.id)


def differences(found, expected):
    """Readable differences: visits on one side alone, and the fields in which two of the same id differ."""
    left, right = ({visit.id: visit._asdict() for visit in side} for side in (found, expected))
    alone = [f"{id_} stands on one side alone" for id_ in left.keys() ^ right.keys()]
    return alone + [
        f"{id_} {name}: {left[id_][name]} != {right[id_][name]}"
        for id_ in left.keys() & right.keys()
        for name in left[id_]
        if left[id_][name] != right[id_][name]
    ]


minutes = st.integers(0, 60 * 40)
tap_facts = st.tuples(
    st.integers(1, 4),
    st.sampled_from(HOUSEHOLDS),
    st.sampled_from(["in", "out", "in", "out", "auto"]),
    minutes,
    st.sampled_from([0, 0, 0, 30, 59]),
    st.sampled_from([0, 0, 0, 0, 200, 7200, -7200, 7230]),
)


def submission(staff, claim, off):
    """A batch of one, from a phone of its own whose clock is behind."""
    envelope = Envelope(RECEIVED, RECEIVED - off, None, f"{off}")
    return Submission(staff, None, envelope, [claim])


async def clear(owner):
    # Facts cannot be deleted by anybody else than a superuser who first lifts the trigger.
    await owner.execute("SET session_replication_role = replica")
    await owner.execute(
        "TRUNCATE record, tap, report, correction, manual_visit, attempt, attempt_count, presence, visit, visit_change,"
        " withdrawn_visit, month_sum, anomaly_count, phone_clock, ledger_leaf,"
        " provider, care_order, order_line, recipient_version, staff_version, contract"
    )
    await owner.execute("UPDATE municipality SET master_seq = 0, change_no = 0, as_of = $1", AS_OF)


@pytest.fixture
async def municipality(owner):
    await owner.execute("INSERT INTO municipality (municipality_id, name, as_of) VALUES (188, 'Norrtälje', $1)", AS_OF)


@pytest.fixture
async def two_processes(database_url):
    """Two ways to the test's database, each with master data of its own in memory."""
    both = [Database(database_url, pool_size=4, ledger_keys=[LEDGER_KEY]) for _ in range(2)]
    yield both
    for one in both:
        await one.close()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    facts=st.lists(tap_facts, min_size=1, max_size=24),
    reported=st.lists(st.tuples(st.integers(0, 23), st.sampled_from(["dusch", "insulin", "städ"]),
                                st.sampled_from([None, "B-1", "B-2"]), st.sampled_from(["performed", "declined"])),
                      max_size=5),
    corrections=st.integers(0, 8),
    written_at_once=st.sampled_from([1, 3, project.WRITTEN_AT_ONCE]),
    seed=st.integers(0, 2**32),
)  # fmt: skip
async def test_arrival_never_matters(
    facts, reported, corrections, written_at_once, seed, two_processes, owner, municipality, monkeypatch
):
    monkeypatch.setattr(project, "WRITTEN_AT_ONCE", written_at_once)
    await clear(owner)
    for database in two_processes:
        database._masters.clear()
    shuffler = random.Random(seed)
    claims = [
        (
            f"S-{staff}",
            Claim(uuid.UUID(int=shuffler.getrandbits(128), version=4), direction,
                  DAY + dt.timedelta(minutes=minute, seconds=second - behind), household=household, reason="other"),
        )
        for staff, household, direction, minute, second, behind in facts
    ]  # fmt: skip
    reports = [
        Report(uuid.UUID(int=shuffler.getrandbits(128), version=4), claims[index % len(claims)][0],
               claims[index % len(claims)][1].id, DAY + dt.timedelta(minutes=number), RECEIVED, outcome,
               (ReportedIntervention(intervention, recipient, None, "done"),))
        for number, (index, intervention, recipient, outcome) in enumerate(reported)
    ]  # fmt: skip
    off = {claim.id: dt.timedelta(seconds=fact[-1]) for (_, claim), fact in zip(claims, facts, strict=True)}
    arrivals = [("tap", one) for one in claims] + [("report", one) for one in reports]
    arrivals += shuffler.sample(arrivals, len(arrivals) // 4)
    arrivals += [("order", one) for one in ORDERS]
    arrivals += [("correction", None)] * corrections
    shuffler.shuffle(arrivals)

    async with database.write(188) as writing:
        await put(writing, WORLD)
        await writing._driver.execute("INSERT INTO provider VALUES (188, 'P-1', 'in_house')")
    while arrivals:
        size = shuffler.choice([1, 1, 2, 5, 12])
        batch, arrivals = arrivals[:size], arrivals[size:]
        # The process that remembers what the other has changed since foresees wrongly.
        database = shuffler.choice(two_processes)
        submitted = [
            submission(staff, claim, off[claim.id]) for kind, one in batch if kind == "tap" for staff, claim in [one]
        ]
        remembered = database.remembered(188)
        ahead = foresee(submitted, remembered) if remembered else None
        async with database.write(188, ahead=ahead) as writing:
            await record_taps(writing, submitted, LATE, str, ahead)
            for report in (one for kind, one in batch if kind == "report"):
                await record_reports(writing, report.staff, None, RECEIVED, [report])
            placed = [Placed(one[1], one[2]) for kind, one in batch if kind == "order"]
            await place_orders(writing, placed, by="test")
            for _ in (one for kind, one in batch if kind == "correction"):
                await correct_one(writing, owner, shuffler)

    async with database.write(188) as writing:
        _, _, chains = await standing(writing, [], [claim.id for _, claim in claims])
        expected = pure(writing.master, claims, off, reports, chains, writing.as_of)
    found = await stored(owner)
    assert differences(found, expected) == []
    sums = await owner.fetch("SELECT * FROM month_sum WHERE visits_intervention <> 0 OR executed_seconds <> 0")
    wanted = set(month_sums(expected))
    assert {tuple(row.values())[1:] for row in sums} == wanted
    counts = await owner.fetch("SELECT * FROM anomaly_count WHERE found <> 0")
    assert {tuple(row.values())[1:] for row in counts} == set(anomaly_counts(expected))


async def test_windows_that_nearly_meet_read_no_tap_twice(database, owner, municipality):
    await clear(owner)
    database._masters.clear()
    ids = [uuid.UUID(int=number, version=4) for number in range(4)]
    # The third lies in what is read around the second and around the last, which bounces off it.
    told = [("in", 0), ("out", 600), ("in", 600 + 16 * 3600 + 1790), ("in", 600 + 16 * 3600 + 1820)]
    claims = [
        Claim(id_, direction, DAY + dt.timedelta(seconds=second), household="H-1", reason="other")
        for id_, (direction, second) in zip(ids, told, strict=True)
    ]
    async with database.write(188) as writing:
        await put(writing, WORLD)
        await writing._driver.execute("INSERT INTO provider VALUES (188, 'P-1', 'in_house')")
    for batch in ([claims[2]], [claims[0], claims[1], claims[3]]):
        async with database.write(188) as writing:
            submitted = [Submission("S-1", None, Envelope(RECEIVED, RECEIVED), [claim]) for claim in batch]
            await record_taps(writing, submitted, LATE, str)
    found = await owner.fetch("SELECT in_tap, jsonb_array_length(side_taps) FROM presence ORDER BY started_at")
    assert [tuple(row) for row in found] == [(ids[0], None), (ids[2], 1)]


async def test_a_visit_takes_the_place_of_one_that_is_withdrawn_after_it(database, owner, municipality):
    async with database.write(188) as writing:
        await put(writing, WORLD)
        await owner.execute("INSERT INTO provider VALUES (188, 'P-1', 'in_house')")
        claim = Claim(uuid.UUID(int=1, version=4), "in", DAY, household="H-2", reason="other")
        await record_taps(writing, [Submission("S-1", None, Envelope(RECEIVED, RECEIVED), [claim])], LATE, str)
    [visit] = await stored(owner)
    other = visit._replace(id=uuid.UUID(int=2, version=4))
    async with database.write(188) as writing:
        async with beside(writing) as sets:
            await sets.write([], [StoredVisit(other, 1)], [])
        await write(writing, gone=[(StoredVisit(visit, 1), other.id)], before=[visit])
    assert await stored(owner) == [other]
    assert await owner.fetchval("SELECT replaced_by FROM withdrawn_visit WHERE id = $1", visit.id) == other.id
