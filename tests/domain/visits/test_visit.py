"""Households and teams told as lines: whose visit, who is paid, what asks to be seen."""

from uuid import UUID, uuid5

import pytest
from told import at, clock, contract, derive, order, recipient, report, staff, tap_id, taps, tell, world

from app.domain.register.master import MasterData
from app.domain.time import total_seconds
from app.domain.visits.visit import ANOMALIES, visit_id

COUPLE = (recipient("B-1"), recipient("B-2"))
HALF_HOUR = "08:00 in A | 08:30 out A"


@pytest.mark.parametrize(
    ("records", "says", "expected"),
    [
        # before a report: those with an order in force, by their lines together
        (
            (order("O-1", "B-1", "dusch"), order("O-2", "B-2", "tillsyn")),
            None,
            ["B-1 S-1 08:00-08:30 complete payable: dusch 1200", "B-2 S-1 08:00-08:30 complete payable: tillsyn 600"],
        ),
        # only one has the order: all minutes there
        ((order("O-1", "B-2", "dusch"),), None, ["B-2 S-1 08:00-08:30 complete payable: dusch 1800"]),
        # one order fits the moment, the other does not
        (
            (order("O-1", "B-1", "dusch 20 12:00-14:00"), order("O-2", "B-2", "tillsyn")),
            None,
            ["B-2 S-1 08:00-08:30 complete payable: tillsyn 1800"],
        ),
        # nobody has an order: all who live there, ties by ref
        (
            (),
            None,
            [
                "B-1 S-1 08:00-08:30 complete: - 900 not not_ordered [not_ordered]",
                "B-2 S-1 08:00-08:30 complete: - 900 not not_ordered [not_ordered]",
            ],
        ),
        # one of them has an order of old: the one without any is told apart
        (
            (order("O-1", "B-1", "dusch", last="2026-03-01"),),
            None,
            [
                "B-1 S-1 08:00-08:30 complete: - 900 not order_not_in_force [order_not_in_force]",
                "B-2 S-1 08:00-08:30 complete: - 900 not not_ordered [not_ordered]",
            ],
        ),
        # reported for one of them by name
        (
            (order("O-1", "B-1", "dusch"), order("O-2", "B-2", "dusch")),
            "dusch @B-2",
            ["B-2 S-1 08:00-08:30 complete payable: dusch 1800"],
        ),
        # reported without a name: each who has it
        (
            (order("O-1", "B-1", "dusch"), order("O-2", "B-2", "dusch 40")),
            "dusch",
            ["B-1 S-1 08:00-08:30 complete payable: dusch 600", "B-2 S-1 08:00-08:30 complete payable: dusch 1200"],
        ),
        # nobody has it: the first by ref
        (
            (order("O-2", "B-2", "dusch"),),
            "städ",
            ["B-1 S-1 08:00-08:30 complete: städ 1800 not not_ordered [not_ordered]"],
        ),
        # one split over all: weights are pooled, not halved
        (
            (order("O-1", "B-1", "dusch; städ"), order("O-2", "B-2", "tillsyn")),
            "dusch @B-1; städ @B-1; tillsyn @B-2",
            [
                "B-1 S-1 08:00-08:30 complete payable: dusch 400, städ 1200",
                "B-2 S-1 08:00-08:30 complete payable: tillsyn 200",
            ],
        ),
        # somebody who lives elsewhere may be named
        (
            (recipient("B-3", "B"), order("O-3", "B-3", "dusch")),
            "dusch @B-3",
            ["B-3 S-1 08:00-08:30 complete payable: dusch 1800"],
        ),
    ],
)
def test_a_presence_is_divided_between_those_it_served(
    records: tuple[object, ...], says: str | None, expected: list[str]
) -> None:
    master = world(*COUPLE, *records)  # type: ignore[arg-type]
    assert tell(master, HALF_HOUR, *([report(1, says)] if says else [])) == expected


def test_odd_seconds_go_to_somebody() -> None:
    master = world(*COUPLE, recipient("B-3"), *(order(f"O-{n}", f"B-{n}", "dusch") for n in (1, 2, 3)))
    found = derive(master, taps("08:00 in A | 08:00:11 out A"))
    assert [(visit.recipient, visit.seconds, visit.presence_seconds) for visit in found] == [
        ("B-1", 4, 11),
        ("B-2", 4, 11),
        ("B-3", 3, 11),
    ]


MOVED = (recipient("B-1"), recipient("B-1", "B", since="2026-03-02"))


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ((recipient("B-1"), recipient("B-1", "B", since="2026-03-03")), "B-1"),
        ((*MOVED, recipient("B-2")), "B-2"),
        # the door of one who has moved: still somebody's visit
        (MOVED, "B-1"),
        ((*MOVED, recipient("B-0"), recipient("B-0", "C", since="2025-05-01")), "B-1"),
        # and of one who is to come
        ((recipient("B-1", "A", since="2026-04-01"),), "B-1"),
        ((recipient("B-1", "C"), recipient("B-1", "A", since="2026-04-01"), recipient("B-2", "A")), "B-2"),
    ],
)
def test_who_lives_there_that_day(records: tuple[object, ...], expected: str) -> None:
    assert [visit.recipient for visit in derive(world(*records), taps(HALF_HOUR))] == [expected]  # type: ignore[arg-type]


def test_nobody_of_a_door_without_people_has_a_visit_until_one_is_told_of() -> None:
    assert tell(world(recipient("B-1", "B")), HALF_HOUR) == []
    assert len(tell(world(recipient("B-1", "B"), recipient("B-2", "A")), HALF_HOUR)) == 1


TWO = (staff("S-1"), staff("S-2"))
BOTH = "08:00 in A | 08:10 in A by S-2 | 08:30 out A | 08:40 out A by S-2"
CHAIN = "08:00 in A | 08:05 in A by S-2 | 08:10 out A | 08:15 in A by S-3 | 08:20 out A by S-2 | 08:30 out A by S-3"
THREE = "08:00 in A | 08:10 in A by S-2 | 08:20 in A by S-3 | 08:30 out A | 08:40 out A by S-2 | 08:50 out A by S-3"
END_TO_START = (
    "08:00 in A | 08:10 in A by S-2 | 08:20 out A | 08:20 in A by S-3 | 08:30 out A by S-2 | 08:40 out A by S-3"
)
SHORT_INSIDE = (
    "08:00 in A | 08:10 in A by S-2 | 08:15 out A by S-2 | 08:20 in A by S-3 | 08:40 out A | 08:50 out A by S-3"
)


@pytest.mark.parametrize(
    ("line", "others", "visit", "expected"),
    [
        # ordered two, came two
        (
            "dusch staff:2",
            TWO,
            BOTH,
            ["B-1 S-1 08:00-08:30 complete payable: dusch 1800", "B-1 S-2 08:10-08:40 complete payable: dusch 1800"],
        ),
        # ordered one, came two: what the later one did beside the first is not paid
        (
            "dusch",
            TWO,
            BOTH,
            [
                "B-1 S-1 08:00-08:30 complete payable: dusch 1800",
                "B-1 S-2 08:10-08:40 complete: dusch 600, dusch 1200 not extra_staff [extra_staff]",
            ],
        ),
        # wholly beside the first
        (
            "dusch",
            TWO,
            "08:00 in A | 08:10 in A by S-2 | 08:20 out A by S-2 | 08:30 out A",
            [
                "B-1 S-1 08:00-08:30 complete payable: dusch 1800",
                "B-1 S-2 08:10-08:20 complete: dusch 600 not extra_staff [extra_staff]",
            ],
        ),
        # at the same second: ties by the opening tap's id
        (
            "dusch",
            TWO,
            "08:00 in A by S-2 | 08:00 in A | 08:30 out A | 08:30 out A by S-2",
            [
                "B-1 S-1 08:00-08:30 complete: dusch 1800 not extra_staff [extra_staff]",
                "B-1 S-2 08:00-08:30 complete payable: dusch 1800",
            ],
        ),
        # one after the other: nobody is extra
        (
            "dusch",
            TWO,
            "08:00 in A | 08:10 out A | 08:10 in A by S-2 | 08:20 out A by S-2",
            ["B-1 S-1 08:00-08:10 complete payable: dusch 600", "B-1 S-2 08:10-08:20 complete payable: dusch 600"],
        ),
        # ordered two, came one
        (
            "dusch staff:2",
            TWO,
            HALF_HOUR,
            ["B-1 S-1 08:00-08:30 complete payable: dusch 1800 [staff_count]"],
        ),
        # ordered two, came two, but not together
        (
            "dusch staff:2",
            TWO,
            "08:00 in A | 08:10 out A | 08:10 in A by S-2 | 08:20 out A by S-2",
            [
                "B-1 S-1 08:00-08:10 complete payable: dusch 600 [staff_count]",
                "B-1 S-2 08:10-08:20 complete payable: dusch 600 [staff_count]",
            ],
        ),
        # together with the same third only, not with each other
        (
            "dusch staff:3",
            (*TWO, staff("S-3")),
            CHAIN,
            [
                "B-1 S-1 08:00-08:10 complete payable: dusch 600 [staff_count]",
                "B-1 S-2 08:05-08:20 complete payable: dusch 900",
                "B-1 S-3 08:15-08:30 complete payable: dusch 900 [staff_count]",
            ],
        ),
        # who comes the second somebody leaves has not met them
        (
            "dusch staff:3",
            (*TWO, staff("S-3")),
            END_TO_START,
            [
                "B-1 S-1 08:00-08:20 complete payable: dusch 1200 [staff_count]",
                "B-1 S-2 08:10-08:30 complete payable: dusch 1200",
                "B-1 S-3 08:20-08:40 complete payable: dusch 1200 [staff_count]",
            ],
        ),
        # a trainee is not paid, and nobody is extra beside one
        (
            "dusch",
            (staff("S-1", "trainee"), staff("S-2")),
            BOTH,
            [
                "B-1 S-1 08:00-08:30 complete: dusch 1800 not trainee",
                "B-1 S-2 08:10-08:40 complete payable: dusch 1800",
            ],
        ),
        (
            "dusch",
            (staff("S-1"), staff("S-2", "trainee")),
            BOTH,
            [
                "B-1 S-1 08:00-08:30 complete payable: dusch 1800",
                "B-1 S-2 08:10-08:40 complete: dusch 1800 not trainee",
            ],
        ),
        # and no second carer
        (
            "dusch staff:2",
            (staff("S-1"), staff("S-2", "trainee")),
            BOTH,
            [
                "B-1 S-1 08:00-08:30 complete payable: dusch 1800 [staff_count]",
                "B-1 S-2 08:10-08:40 complete: dusch 1800 not trainee",
            ],
        ),
        # the first is not confirmed: the second is paid
        (
            "dusch",
            TWO,
            "08:00 in A | 08:10 in A by S-2 | 08:40 out A by S-2",
            [
                "B-1 S-1 08:00-~08:20 incomplete [missing_out]",
                "B-1 S-2 08:10-08:40 complete payable: dusch 1800",
            ],
        ),
        # the first left for an alarm: what the second did meanwhile is paid
        (
            "dusch",
            TWO,
            "08:00 in A | 08:10 in B | 08:20 out B | 08:30 out A | 08:05 in A by S-2 | 08:25 out A by S-2",
            [
                "B-1 S-1 08:00-08:30 complete payable: dusch 1200",
                "B-1 S-2 08:05-08:25 complete: dusch 600, dusch 600 not extra_staff [extra_staff]",
                "B-9 S-1 08:10-08:20 complete: - 600 not not_ordered [not_ordered]",
            ],
        ),
        # three where one is ordered
        (
            "dusch",
            (*TWO, staff("S-3")),
            THREE,
            [
                "B-1 S-1 08:00-08:30 complete payable: dusch 1800",
                "B-1 S-2 08:10-08:40 complete: dusch 600, dusch 1200 not extra_staff [extra_staff]",
                "B-1 S-3 08:20-08:50 complete: dusch 600, dusch 1200 not extra_staff [extra_staff]",
            ],
        ),
        # three where two are ordered
        (
            "dusch staff:2",
            (*TWO, staff("S-3")),
            THREE,
            [
                "B-1 S-1 08:00-08:30 complete payable: dusch 1800",
                "B-1 S-2 08:10-08:40 complete payable: dusch 1800",
                "B-1 S-3 08:20-08:50 complete: dusch 1200, dusch 600 not extra_staff [extra_staff]",
            ],
        ),
    ],
)
def test_teams(line: str, others: tuple[object, ...], visit: str, expected: list[str]) -> None:
    master = world(recipient("B-1"), recipient("B-9", "B"), order("O-1", "B-1", line), *others)  # type: ignore[arg-type]
    assert tell(master, visit) == expected


def test_extra_staff_is_told_line_by_line() -> None:
    master = world(recipient("B-1"), *TWO, order("O-1", "B-1", "dusch; städ 20; tillsyn 20 staff:2"))
    visit = "08:00 in A | 08:00 in A by S-2 | 08:30 out A | 09:00 out A by S-2"
    own = report(1, "dusch; tillsyn", number=1), report(2, "dusch; städ; tillsyn", by="S-2", number=2)
    assert tell(master, visit, *own) == [
        "B-1 S-1 08:00-08:30 complete payable: dusch 900, tillsyn 900",
        # the shower for half an hour beside the one ordered; nobody else cleaned; two may supervise
        "B-1 S-2 08:00-09:00 complete: dusch 600, dusch 600 not extra_staff, städ 1200, tillsyn 1200 [extra_staff]",
    ]


def test_a_declined_visit_fills_no_place() -> None:
    master = world(recipient("B-1"), *TWO, order("O-1", "B-1", "dusch"))
    assert tell(master, BOTH, report(1, outcome="declined")) == [
        "B-1 S-1 08:00-08:30 declined",
        "B-1 S-2 08:10-08:40 complete payable: dusch 1800",
    ]


def _groups(visit: str, *others: object) -> list[int]:
    master = world(recipient("B-1"), recipient("B-9", "B"), *TWO, staff("S-3"), *others)  # type: ignore[arg-type]
    return [found.group.int for found in derive(master, taps(visit))]


@pytest.mark.parametrize(
    ("visit", "groups"),
    [
        (BOTH, [1, 1]),
        ("08:00 in A | 08:10 out A | 08:10 in A by S-2 | 08:20 out A by S-2", [1, 3]),
        # a chain is one group; who comes the second somebody leaves overlaps only the third
        (CHAIN, [1, 1, 1]),
        (END_TO_START, [1, 1, 1]),
        # another door is another group
        ("08:00 in A | 08:10 in B by S-2 | 08:30 out A | 08:40 out B by S-2", [1, 2]),
        # a short one inside a long one does not end the group
        (SHORT_INSIDE, [1, 1, 1]),
        # who only has an out stands alone
        ("08:00 in A | 08:10 out A by S-2 | 08:30 out A", [1, 2]),
        # a provisional end ends it
        ("08:00 in A | 08:05 in B | 08:10 in A by S-2 | 08:20 out A by S-2", [1, 2, 3]),
    ],
)
def test_visits_that_overlap_share_a_group(visit: str, groups: list[int]) -> None:
    assert _groups(visit) == groups


def test_every_visit_of_a_couple_has_the_group() -> None:
    master = world(*COUPLE, *TWO)
    assert {visit.group for visit in derive(master, taps(BOTH))} == {tap_id(1)}


ONE = world(recipient("B-1"), recipient("B-9", "B"), recipient("B-8", "C"), order("O-1", "B-1", "dusch"))


@pytest.mark.parametrize(
    ("visit", "now", "expected"),
    [
        ("08:00 in A", "08:10", ["B-1 S-1 08:00-? open"]),
        ("08:00 in A", "00:00+1", ["B-1 S-1 08:00-? open"]),
        ("08:00 in A", "00:00:01+1", ["B-1 S-1 08:00-~08:20 incomplete [missing_out]"]),
        ("08:30 out A", "09:00", ["B-1 S-1 ?-08:30 incomplete [missing_in]"]),
        # the neighbour's door: no zero-minute visit there
        ("08:00 in A | 08:30 out B", "09:00", ["B-1 S-1 08:00-? open [tag_mismatch]"]),
        ("08:00 in A | 08:30 out B", "09:00+1", ["B-1 S-1 08:00-~08:20 incomplete [missing_out tag_mismatch]"]),
        ("08:00 in A | 08:29 out B | 08:30 out A", "09:00", ["B-1 S-1 08:00-08:30 complete payable: dusch 1800"]),
        # crossing asks to be seen, and is paid
        (
            "08:00 in A | 08:10 in B | 08:20 out A | 08:30 out B",
            "09:00",
            [
                "B-1 S-1 08:00-08:20 complete payable: dusch 600 [overlap]",
                "B-9 S-1 08:10-08:30 complete: - 1200 not not_ordered [overlap not_ordered]",
            ],
        ),
        ("08:00 in A ~device_revoked | 08:30 out A ~clock_adjusted", "09:00", [
            "B-1 S-1 08:00-08:30 complete payable: dusch 1800 [device_revoked]"
        ]),
        ("08:00 in A !tag_retired | 08:30 out A", "09:00", ["B-1 S-1 08:00-08:30 disputed [tag_retired]"]),
        ("08:00 in A !tag_lost", "09:00", ["B-1 S-1 08:00-? disputed [tag_lost]"]),
        ("08:00 in A !tag_lost | 08:30 out A !received_too_late", "09:00", [
            "B-1 S-1 08:00-08:30 disputed [tag_lost received_too_late]"
        ]),
    ],
)  # fmt: skip
def test_what_a_visit_says_of_itself(visit: str, now: str, expected: list[str]) -> None:
    assert tell(ONE, visit, now=at(now)) == expected


@pytest.mark.parametrize(
    ("visit", "outcome", "expected"),
    [
        (HALF_HOUR, "declined", "B-1 S-1 08:00-08:30 declined"),
        (HALF_HOUR, "no_answer", "B-1 S-1 08:00-08:30 no_answer"),
        ("08:00 in A", "declined", "B-1 S-1 08:00-~08:20 declined [missing_out]"),
        ("08:30 out A", "no_answer", "B-1 S-1 ?-08:30 no_answer [missing_in]"),
        ("08:00 in A !tag_lost | 08:30 out A", "declined", "B-1 S-1 08:00-08:30 disputed [tag_lost]"),
    ],
)
def test_of_two_states_the_graver_one_is_told(visit: str, outcome: str, expected: str) -> None:
    assert tell(ONE, visit, report(1, outcome=outcome)) == [expected]
    [found] = derive(ONE, taps(visit), [report(1, outcome=outcome)])
    assert (found.seconds, found.presence_seconds, found.spans, found.shares) == (0, 0, (), ())


@pytest.mark.parametrize(
    ("visit", "now", "code", "suggestion"),
    [
        ("08:00 in A | 08:30 out B", "09:00", "tag_mismatch", ("set_end", "08:30", "wrong_tag")),
        ("08:00 in A", "09:00+1", "missing_out", ("set_end", "08:20", "forgot_out")),
        ("08:00 in A | 08:10 in B", "09:00+1", "missing_out", ("set_end", "08:10", "forgot_out")),
        ("08:30 out A", "09:00", "missing_in", ("set_start", "08:10", "forgot_in")),
    ],
)
def test_what_would_repair_it_is_suggested(visit: str, now: str, code: str, suggestion: tuple[str, str, str]) -> None:
    found = next(one for one in derive(ONE, taps(visit), now=at(now)) if one.recipient == "B-1")
    told = found.suggestions[code]
    assert (told["kind"], clock(told.get("ended_at") or told.get("started_at")), told["reason"]) == suggestion


def test_where_nothing_is_ordered_no_start_is_suggested() -> None:
    [found] = derive(ONE, taps("08:30 out B"))
    assert found.anomalies == ("missing_in",)
    assert found.suggestions == {}


@pytest.mark.parametrize("named", [1, 2, 3, 4, 5])
def test_a_report_may_name_any_tap_of_the_presence(named: int) -> None:
    visit = "08:00 in A | 08:00:30 in A | 08:20 out B | 08:30 out A | 08:30:30 out A"
    assert tell(ONE, visit, report(named, "dusch")) == ["B-1 S-1 08:00-08:30 complete payable: dusch 1800"]
    assert tell(ONE, visit, report(named, outcome="declined")) == ["B-1 S-1 08:00-08:30 declined"]


def test_a_bounce_at_the_wrong_door_does_not_lend_its_report_to_an_older_visit() -> None:
    visit = "07:00 in B | 07:20 out B | 08:00 in A | 08:30 out B | 08:30:30 out B | 08:31 out A"
    assert tell(ONE, visit, report(5, outcome="declined")) == [
        "B-9 S-1 07:00-07:20 complete: - 1200 not not_ordered [not_ordered]",
        "B-1 S-1 08:00-08:31 declined",
    ]


def test_the_latest_report_wins_wherever_it_is_put() -> None:
    early, late = report(1, "dusch", when="08:40"), report(2, outcome="declined", when="08:50", number=2)
    for reports in ((early, late), (late, early), (late, early, late)):
        assert tell(ONE, HALF_HOUR, *reports) == ["B-1 S-1 08:00-08:30 declined"]
    tie = report(2, "dusch", when="08:50", number=3)
    assert tell(ONE, HALF_HOUR, tie, late) == tell(ONE, HALF_HOUR, late, tie)


def test_somebody_elses_report_says_nothing() -> None:
    assert tell(ONE, HALF_HOUR, report(1, outcome="declined", by="S-7")) == [
        "B-1 S-1 08:00-08:30 complete payable: dusch 1800"
    ]


PERSON = (staff("S-1", person="person-1", last="2026-03-14"), staff("S-8", person="person-1", provider="P-söder"))


def test_one_person_with_two_employments_is_one_person() -> None:
    master = world(
        recipient("B-1"),
        recipient("B-9", "B"),
        order("O-1", "B-1", "dusch"),
        order("O-9", "B-9", "dusch", provider="P-söder"),
        *PERSON,
    )
    visit = "08:00 in A | 08:10 in B by S-8 | 08:20 out B by S-1 | 08:30 out A by S-8"
    found = derive(master, taps(visit))
    assert [(one.recipient, one.staff, one.provider, one.person, one.seconds) for one in found] == [
        ("B-1", "S-1", "P-norr", "person-1", 1200),
        ("B-9", "S-8", "P-söder", "person-1", 600),
    ]
    assert tell(master, HALF_HOUR, report(1, outcome="no_answer", by="S-8")) == ["B-1 S-1 08:00-08:30 no_answer"]


@pytest.mark.parametrize(
    ("employment", "on", "employed"),
    [
        (staff("S-1", last="2026-03-02"), "08:00", True),
        (staff("S-1", last="2026-03-01"), "08:00", False),
        (staff("S-1", first="2026-03-03"), "08:00", False),
        (staff("S-1", first="2026-03-02"), "08:00", True),
        (staff("S-1", first="2026-03-03"), "08:00+1", True),
    ],
)
def test_who_is_not_employed_that_day_is_not_paid(employment: object, on: str, employed: bool) -> None:
    master = world(recipient("B-1"), order("O-1", "B-1", "dusch"), employment)  # type: ignore[arg-type]
    [found] = derive(master, taps(f"{on} in A | {on.replace('08:00', '08:30')} out A"))
    assert found.payable is employed
    assert ("not_employed" in found.anomalies) is not employed
    assert {share.reason for share in found.shares} == {"by_order" if employed else "not_employed"}
    assert found.provider == "P-norr"


def test_somebody_unheard_of_has_a_visit_that_heals() -> None:
    master = world(recipient("B-1"), order("O-1", "B-1", "dusch"))
    line = "08:00 in A by S-7 | 08:30 out A by S-7"
    assert tell(master, line) == ["B-1 S-7 08:00-08:30 complete: - 1800 not not_ordered [not_employed not_ordered]"]
    master.put_staff(staff("S-7"))
    assert tell(master, line) == ["B-1 S-7 08:00-08:30 complete payable: dusch 1800"]


def test_the_visit_that_finds_a_dead_recipient_stands_and_later_ones_ask() -> None:
    finding, later = "08:00 in A | 08:30 out A", "08:00+1 in A | 08:30+1 out A"
    # told three days after, so that its version begins then: the death holds from its own day
    master = world(
        recipient("B-1"),
        recipient("B-1", since="2026-03-05", died_on="2026-03-02"),
        order("O-1", "B-1", "dusch"),
    )
    assert tell(master, finding) == ["B-1 S-1 08:00-08:30 complete payable: dusch 1800"]
    assert tell(master, later) == [
        "B-1 S-1 08:00+1-08:30+1 complete: - 1800 not order_not_in_force [order_not_in_force]"
    ]
    assert tell(master, later, report(1, "dusch")) == [
        "B-1 S-1 08:00+1-08:30+1 complete: dusch 1800 not order_not_in_force [order_not_in_force]"
    ]


def test_a_visit_is_known_by_its_opening_tap_and_recipient() -> None:
    [found] = derive(ONE, taps("08:00 in A | 08:30 out A"))
    assert found.id == visit_id(tap_id(1), "B-1") == uuid5(tap_id(1), "B-1")
    assert (found.presence, found.group, found.in_tap, found.out_tap) == (tap_id(1), tap_id(1), tap_id(1), tap_id(2))
    assert {found.id.version} == {5}
    [before_report] = derive(ONE, taps("08:00 in A"), now=at("08:01"))
    assert before_report.id == found.id


def test_a_visit_belongs_to_the_local_day_it_starts() -> None:
    over_midnight = derive(ONE, taps("23:50 in A | 00:10+1 out A"))
    assert [(one.local_date.isoformat(), one.seconds) for one in over_midnight] == [("2026-03-02", 1200)]
    [only_out] = derive(ONE, taps("00:10+1 out A"))
    assert only_out.local_date.isoformat() == "2026-03-03"
    assert only_out.anchor_at == at("00:10+1")


NIGHTS = [
    ("2026-03-29T01:40 in A | 2026-03-29T03:20 out A", 40),
    ("2026-10-25T01:40 in A | 2026-10-25T02:20b out A", 100),
]


@pytest.mark.parametrize(("visit", "minutes"), NIGHTS)
def test_a_night_when_the_clock_moves(visit: str, minutes: int) -> None:
    [found] = derive(ONE, taps(visit), now=at("2026-12-01T00:00"))
    assert (found.seconds, found.presence_seconds, found.payable) == (minutes * 60, minutes * 60, True)


def test_what_a_report_demanded_by_contract_holds_is_payable_once_it_comes() -> None:
    master = world(recipient("B-1"), order("O-1", "B-1", "dusch"), contract(demanded=True))
    assert not derive(master, taps(HALF_HOUR))[0].payable
    assert derive(master, taps(HALF_HOUR), [report(2, "dusch")])[0].payable


@pytest.mark.parametrize(
    ("visit", "expected"),
    [
        ("08:00 in A #1 | 08:00 out A #2", ["B-1 S-1 08:00-08:00 complete [no_duration]"]),
        # two doors in one second: the first of them has nothing left
        (
            "08:00 in A | 08:00 in B | 08:30 out A | 08:30 out B",
            [
                "B-1 S-1 08:00-08:30 complete [no_duration]",
                "B-9 S-1 08:00-08:30 complete: - 1800 not not_ordered [not_ordered]",
            ],
        ),
        # nobody can tell how long what is not confirmed was
        ("08:00 in A #1 !tag_lost | 08:00 out A #2", ["B-1 S-1 08:00-08:00 disputed [tag_lost]"]),
    ],
)
def test_a_confirmed_visit_of_no_seconds_is_none(visit: str, expected: list[str]) -> None:
    assert tell(ONE, visit) == expected


def test_no_seconds_are_no_visit_whatever_was_reported_of_them() -> None:
    line, turned_away = "08:00 in A #1 | 08:00 out A #2", report(1, "dusch declined", outcome="declined")
    assert tell(ONE, line, turned_away) == ["B-1 S-1 08:00-08:00 declined [no_duration]"]
    assert tell(ONE, line, report(1, "städ; insulin")) == ["B-1 S-1 08:00-08:00 complete [no_duration]"]
    [told] = derive(ONE, taps(line), [report(1, "dusch declined; städ")])
    assert (told.declined, told.took_place, told.payable) == ((), False, False)
    three_minutes = "08:00 in A | 08:03 out A"
    assert tell(ONE, three_minutes, turned_away) == ["B-1 S-1 08:00-08:03 declined"]


def test_who_is_left_without_a_second_of_a_presence_has_no_visit() -> None:
    """All the time was the other one's insulin; what they declined stands where somebody was visited."""
    master = world(
        *COUPLE,
        contract("hsl_first"),
        staff("S-1", delegations=[("insulin", "2026-01-01", None)]),
        order("O-1", "B-1", "dusch; städ"),
        order("O-2", "B-2", "insulin"),
    )
    short = "08:00 in A | 08:10 out A"
    says = report(1, "dusch; insulin; städ declined")
    assert tell(master, short, says) == [
        "B-1 S-1 08:00-08:10 complete [no_duration]",
        "B-2 S-1 08:00-08:10 complete payable: insulin 600",
    ]
    assert [one.declined for one in derive(master, taps(short), [says])] == [(), (("B-1", "städ"),)]


def test_nobody_is_beside_others_for_no_seconds() -> None:
    """Whose seconds are all elsewhere fills no place, names no group and is not counted among who came."""
    master = world(recipient("B-1"), recipient("B-2", "B"), staff("S-2"), order("O-1", "B-1", "dusch staff:2"))
    elsewhere = "08:00 in A | 08:00 in B | 08:30 out A | 08:30 out B"
    found = derive(master, taps(f"{elsewhere} | 08:10 in A by S-2 | 08:30 out A by S-2"))
    assert [(one.staff, one.recipient, one.anomalies) for one in found] == [
        ("S-1", "B-1", ("no_duration",)),
        ("S-1", "B-2", ("not_ordered",)),
        ("S-2", "B-1", ("staff_count",)),
    ]
    assert len({one.group for one in found}) == 3


def test_spans_of_a_visit_are_those_of_its_presence() -> None:
    found = derive(ONE, taps("08:00 in A | 08:10 in B | 08:20 out B | 08:30 out A"))
    assert [total_seconds(one.spans) for one in found] == [1200, 600]
    assert [[(clock(start), clock(end)) for start, end in one.spans] for one in found] == [
        [("08:00", "08:10"), ("08:20", "08:30")],
        [("08:10", "08:20")],
    ]


def test_refs_and_persons_answer_each_other() -> None:
    master = MasterData()
    for one in (staff("S-1", person="x"), staff("S-2", person="x"), staff("S-1", person="y", first="2026-03-01")):
        master.put_staff(one)
    master.put_staff(staff("S-3", person="S-4"))
    for name in ("x", "y", "S-1", "S-2", "S-3", "S-4", "S-5"):
        assert master.refs_of(name) == sorted(
            ref for ref in ("S-1", "S-2", "S-3", "S-4", "S-5", "x", "y") if master.person_of(ref) == name
        )


def test_every_anomaly_says_what_it_asks_for() -> None:
    acknowledged = {code for code, severity in ANOMALIES.items() if severity == "acknowledge"}
    assert acknowledged == {
        "overlap",
        "new_staff_by_hand",
        "extra_staff",
        "clock_adjusted",
        "claim_in_future",
        "device_revoked",
        "minutes_scaled",
        "split_by_order",
        "fact_after_correction",
    }
    assert set(ANOMALIES.values()) == {"fix", "acknowledge"}
    assert {"missing_in", "missing_out", "tag_mismatch", "received_too_late", "not_employed"} <= set(ANOMALIES)


def test_ids_of_a_couple_differ() -> None:
    found = derive(world(*COUPLE), taps(HALF_HOUR))
    assert [visit.id for visit in found] == [uuid5(UUID(int=1), "B-1"), uuid5(UUID(int=1), "B-2")]
