"""A presence becomes shares: by policy, by report, by order; to the second."""

from fractions import Fraction
from typing import get_args

import pytest
from told import MONDAY, at, contract, day, derive, order, recipient, report, staff, tap_id, taps, tell, world

from app.domain.register.intervention import Intervention
from app.domain.visits.plan import Part, Plan, SplitPolicy, plan
from app.domain.visits.split import Share, cut_extra, divide, largest_remainder

HALF_HOUR = "08:00 in A | 08:30 out A"
NURSE_LEAVE = staff("S-1", delegations=[("insulin", "2026-01-01", None)])


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (10, [1], [10]),
        (10, [1, 1], [5, 5]),
        (11, [1, 1], [6, 5]),
        (10, [1, 1, 1], [4, 3, 3]),
        (11, [1, 1, 1], [4, 4, 3]),
        (100, [3, 3, 1], [43, 43, 14]),
        (1, [1, 2, 1], [0, 1, 0]),
        (0, [1, 2], [0, 0]),
        (7, [0, 0], [4, 3]),
        (7, [0, 1], [0, 7]),
        (10, [Fraction(1, 3), Fraction(1, 6)], [7, 3]),
        (1799, [20, 15, 10], [799, 600, 400]),
        (10**15 + 1, [1, 10**12], [1000, 10**15 - 999]),
    ],
)
def test_largest_remainder(total: int, weights: list[Fraction | int], parts: list[int]) -> None:
    assert largest_remainder(total, weights) == parts


def test_nothing_cannot_be_divided_by() -> None:
    with pytest.raises(ValueError, match="nothing"):
        largest_remainder(10, [])


def part(intervention: str, weight: int, category: str = "CARE", reported: int | None = None) -> Part:
    return Part("B-1", intervention, category, f"O-1/{intervention}", weight, weight, "reported", reported)


CARE = part("dusch", 20)
INSULIN = part("insulin", 10, "DELEGATED_HSL")
DRESSING = part("omläggning", 20, "DELEGATED_HSL")


@pytest.mark.parametrize(
    ("policy", "parts", "seconds", "expected", "scaled"),
    [
        ("proportional", [CARE, INSULIN], 1800, [1200, 600], False),
        ("proportional", [CARE, INSULIN], 1799, [1199, 600], False),
        ("proportional", [part("dusch", 20, reported=5), part("städ", 10, reported=25)], 1800, [1200, 600], False),
        ("hsl_first", [CARE, INSULIN], 1800, [1200, 600], False),
        ("hsl_first", [CARE, INSULIN], 3600, [3000, 600], False),
        ("hsl_first", [CARE, INSULIN], 599, [0, 599], False),
        ("hsl_first", [CARE, part("städ", 40), INSULIN], 1801, [400, 801, 600], False),
        ("hsl_first", [CARE, part("insulin", 10, "DELEGATED_HSL", 25)], 1800, [300, 1500], False),
        ("hsl_first", [CARE, part("insulin", 10, "DELEGATED_HSL", 0)], 1800, [1800, 0], False),
        ("hsl_first", [INSULIN], 3600, [3600], False),
        ("hsl_first", [INSULIN, DRESSING], 3601, [1200, 2401], False),
        ("hsl_first", [INSULIN, CARE, DRESSING], 900, [300, 0, 600], False),
        ("hsl_first", [CARE, part("städ", 10)], 1800, [1200, 600], False),
        ("reported", [CARE, INSULIN], 1800, [1200, 600], False),
        ("reported", [part("dusch", 20, reported=10), part("städ", 10, reported=20)], 1800, [600, 1200], False),
        ("reported", [part("dusch", 20, reported=10), part("städ", 10)], 1200, [600, 600], False),
        ("reported", [part("dusch", 20, reported=0), part("städ", 10, reported=0)], 1801, [901, 900], True),
        ("reported", [part("dusch", 20, reported=0)], 60, [60], False),
        # 10 % of half an hour are three minutes: 27 and 33 minutes fit
        ("reported", [part("dusch", 20, reported=27)], 1800, [1800], False),
        ("reported", [part("dusch", 20, reported=27)], 1801, [1801], True),
        ("reported", [part("dusch", 20, reported=33)], 1800, [1800], False),
        ("reported", [part("dusch", 20, reported=33)], 1799, [1799], True),
        # 10 % of five minutes are half a minute: a minute is what counts
        ("reported", [part("dusch", 20, reported=5)], 360, [360], False),
        ("reported", [part("dusch", 20, reported=5)], 361, [361], True),
        ("reported", [part("dusch", 20, reported=5)], 240, [240], False),
        ("reported", [part("dusch", 20, reported=5)], 239, [239], True),
        ("unheard of", [CARE, INSULIN], 1800, [1200, 600], False),
    ],
)
def test_the_policies(policy: str, parts: list[Part], seconds: int, expected: list[int], scaled: bool) -> None:
    assert divide(Plan(tuple(parts), policy), seconds) == (expected, scaled)


@pytest.mark.parametrize(
    ("overlaps", "expected"),
    [
        ({}, [(900, True), (300, True)]),
        ({"a": 1200}, [(900, False), (300, True)]),
        ({"a": 600}, [(450, True), (450, False), (300, True)]),
        ({"a": 1200, "b": 1200}, [(900, False), (300, False)]),
        ({"a": 1, "b": 1}, [(899, True), (1, False), (300, True)]),
        # what is wholly beside others is wholly cut, whatever fraction the other line leaves
        ({"a": 1200, "b": 3}, [(900, False), (300, True)]),
        ({"a": 1200, "b": 4}, [(900, False), (299, True), (1, False)]),
        ({"a": 2, "b": 2}, [(898, True), (2, False), (300, True)]),
    ],
)
def test_what_is_beside_others_is_cut_in_two(overlaps: dict[str, int], expected: list[tuple[int, bool]]) -> None:
    shares = [
        Share("CARE", "dusch", "a", 900, payable=True, reason="reported"),
        Share("CARE", "frukost", "b", 300, payable=True, reason="reported"),
    ]
    cut = cut_extra(shares, lambda line: overlaps.get(line, 0), 1200)
    assert [(share.seconds, share.payable) for share in cut] == expected
    assert {share.reason for share in cut if not share.payable} <= {"extra_staff"}


def test_what_is_not_payable_anyway_is_not_cut() -> None:
    held = Share("CARE", "dusch", "a", 900, payable=False, reason="delegation_missing")
    unordered = Share("CARE", "städ", None, 300, payable=True, reason="reported")
    assert cut_extra([held, unordered], lambda _: 1200, 1200) == [held, unordered]
    nothing = Share("CARE", "dusch", "a", 0, payable=True, reason="reported")
    assert cut_extra([nothing], lambda _: 0, 0) == [nothing]


def told(*orders_and_more: object, visit: str = HALF_HOUR, says: str | None = None, **more: str) -> list[str]:
    """The visits of S-1 at A, where B-1 lives, as lines."""
    master = world(recipient("B-1"), *orders_and_more)  # type: ignore[arg-type]
    return tell(master, visit, *([report(1, says, **more)] if says is not None else []))


FITTING = order("O-1", "B-1", "frukost 15 07:00-10:00; lunch 15 11:00-14:00; tillsyn 5 07:00-10:00 on:1")
WHOLE = "B-1 S-1 08:00-08:30 complete"


@pytest.mark.parametrize(
    ("visit", "expected"),
    [
        # no report and none demanded: the lines that fit the moment
        (HALF_HOUR, f"{WHOLE} payable: frukost 1350, tillsyn 450"),
        ("12:00 in A | 12:30 out A", "B-1 S-1 12:00-12:30 complete payable: lunch 1800"),
        ("08:00+1 in A | 08:30+1 out A", "B-1 S-1 08:00+1-08:30+1 complete payable: frukost 1800"),
        ("09:59:59 in A | 10:30 out A", "B-1 S-1 09:59:59-10:30 complete payable: frukost 1351, tillsyn 450"),
        # none fits: all in force by what they are in a week (15, 15 and 5 minutes a day)
        (
            "20:00 in A | 20:35 out A",
            "B-1 S-1 20:00-20:35 complete payable: frukost 900, lunch 900, tillsyn 300 [split_by_order]",
        ),
    ],
)
def test_without_a_report_the_order_says(visit: str, expected: str) -> None:
    assert told(FITTING, visit=visit) == [expected]


def test_weekly_minutes_weigh_by_how_often() -> None:
    weekly = order("O-1", "B-1", "dusch 20 2/wk 07:00-10:00; tillsyn 10 07:00-10:00")
    assert told(weekly, visit="20:00 in A | 20:11 out A") == [
        "B-1 S-1 20:00-20:11 complete payable: dusch 240, tillsyn 420 [split_by_order]"
    ]


def test_night_windows_belong_to_the_day_they_start() -> None:
    night = order("O-1", "B-1", "tillsyn 10 22:00-06:00 on:1; larm 15 22:00-06:00 on:2")
    assert told(night, visit="03:00+1 in A | 03:10+1 out A") == [
        "B-1 S-1 03:00+1-03:10+1 complete payable: tillsyn 600"
    ]
    assert told(night, visit="23:00+1 in A | 23:10+1 out A") == ["B-1 S-1 23:00+1-23:10+1 complete payable: larm 600"]


ORDERED = order("O-1", "B-1", "dusch; städ 1/wk; insulin")


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        ("dusch", f"{WHOLE} payable: dusch 1800"),
        ("städ; dusch", f"{WHOLE} payable: dusch 450, städ 1350"),  # in the order's order, by standard minutes
        ("dusch; dusch", f"{WHOLE} payable: dusch 1800"),
        ("dusch; städ declined; insulin not_done", f"{WHOLE} payable: dusch 1800"),
        ("dusch; insulin", f"{WHOLE} payable: dusch 1200, insulin 600"),
        ("dusch; frukost", f"{WHOLE}: dusch 1029, frukost 771 not not_ordered [not_ordered]"),
        ("frukost", f"{WHOLE}: frukost 1800 not not_ordered [not_ordered]"),
    ],
)
def test_a_report_says_what_was_done(says: str, expected: str) -> None:
    assert told(NURSE_LEAVE, ORDERED, says=says) == [expected]


@pytest.mark.parametrize("demanded", [False, True])
@pytest.mark.parametrize("policy", get_args(SplitPolicy))
@pytest.mark.parametrize(
    ("says", "expected"),
    [
        # what is ordered and the report does not speak of may take the time, however it is divided
        ("dusch declined; insulin not_done", " payable: städ 1800"),
        ("städ not_done; insulin declined; frukost declined", " payable: dusch 1800"),
        ("dusch declined; städ declined 10", " payable: insulin 1800"),
        ("dusch declined @B-9; städ declined; insulin declined", " payable: dusch 1800"),
        # where nothing is left, nothing was done: no second is paid, and the share says why
        ("dusch declined; städ declined; insulin declined", ": - 1800 not nothing_done"),
        ("dusch not_done; städ declined @B-1; insulin not_done 20", ": - 1800 not nothing_done"),
    ],
)
def test_what_a_report_says_was_not_done_takes_no_time(policy: str, demanded: bool, says: str, expected: str) -> None:
    assert told(contract(policy, demanded=demanded), NURSE_LEAVE, ORDERED, says=says) == [WHOLE + expected]


@pytest.mark.parametrize(
    ("visit", "says", "expected"),
    [
        # what is ordered at other hours was not what somebody came for
        (HALF_HOUR, "frukost declined; tillsyn not_done", f"{WHOLE}: - 1800 not nothing_done"),
        (HALF_HOUR, "frukost declined", f"{WHOLE} payable: tillsyn 1800"),
        (
            "20:00 in A | 20:20 out A",
            "frukost declined",
            "B-1 S-1 20:00-20:20 complete payable: lunch 900, tillsyn 300 [split_by_order]",
        ),
        ("20:00 in A", "frukost not_done; lunch not_done; tillsyn not_done", "B-1 S-1 20:00-~20:35 incomplete"),
    ],
)
def test_only_lines_that_would_have_taken_it_take_the_time_of_what_was_not_done(
    visit: str, says: str, expected: str
) -> None:
    [found] = told(FITTING, visit=visit, says=says)
    assert found.removesuffix(" [missing_out]") == expected


def test_who_was_given_nothing_of_a_couple_has_no_part_and_where_nobody_was_both_have_their_time() -> None:
    both = (recipient("B-2"), order("O-1", "B-1", "dusch 20; lunch 5"), order("O-2", "B-2", "dusch 10"))
    for says, expected in [
        ("dusch declined @B-1; lunch not_done", ["B-2 {} payable: dusch 1800"]),
        ("dusch declined @B-2", ["B-1 {} payable: dusch 1440, lunch 360"]),
        ("dusch declined", ["B-1 {} payable: lunch 1800"]),
        (
            "dusch declined; lunch declined @B-1",
            ["B-1 {}: - 1286 not nothing_done", "B-2 {}: - 514 not nothing_done"],
        ),
        # told as done for nobody by name, it was for those who are not named as having gone without
        ("dusch; dusch declined @B-1", ["B-2 {} payable: dusch 1800"]),
        ("dusch; dusch not_done @B-2", ["B-1 {} payable: dusch 1800"]),
        # done and not done is done
        ("dusch @B-1; dusch declined @B-1", ["B-1 {} payable: dusch 1800"]),
        ("lunch; lunch declined @B-1", ["B-1 {} payable: lunch 1800"]),
    ]:
        assert told(*both, says=says) == [one.format("S-1 08:00-08:30 complete") for one in expected], says


def test_minutes_told_twice_add_up() -> None:
    assert told(contract("reported"), ORDERED, says="dusch 5; dusch 10; städ 15") == [
        f"{WHOLE} payable: dusch 900, städ 900"
    ]


def test_minutes_that_do_not_add_up_are_scaled() -> None:
    assert told(contract("reported"), ORDERED, says="dusch 20; städ 20") == [
        f"{WHOLE} payable: dusch 900, städ 900 [minutes_scaled]"
    ]


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        ("dusch; insulin", "dusch 1200, insulin 600"),
        ("dusch; insulin 20", "dusch 600, insulin 1200"),
        ("dusch; insulin 40", "dusch 0, insulin 1800"),
        ("insulin", "insulin 1800"),
        (None, "dusch 300, städ 900, insulin 600"),
    ],
)
def test_health_care_first(says: str | None, expected: str) -> None:
    assert told(contract("hsl_first"), NURSE_LEAVE, ORDERED, says=says) == [f"{WHOLE} payable: {expected}"]


def test_health_care_first_takes_its_standard_minutes_also_where_no_line_fits() -> None:
    apart = order("O-1", "B-1", "dusch 20 07:00-10:00; insulin 10 2/d 07:00-10:00")
    assert told(contract("hsl_first"), NURSE_LEAVE, apart, visit="20:00 in A | 20:30 out A") == [
        "B-1 S-1 20:00-20:30 complete payable: dusch 1200, insulin 600 [split_by_order]"
    ]


def test_a_report_that_is_demanded_and_missing_holds_the_visit() -> None:
    demanding = contract(demanded=True)
    assert told(demanding, order("O-1", "B-1", "dusch; insulin"), NURSE_LEAVE) == [
        f"{WHOLE}: dusch 1200 not report_missing, insulin 600 not report_missing [report_missing]"
    ]
    assert told(demanding, ORDERED, says="dusch") == [f"{WHOLE} payable: dusch 1800"]
    assert told(demanding, ORDERED, says="", outcome="declined") == ["B-1 S-1 08:00-08:30 declined"]
    # A report that names nothing is a report: the order says how its time is split.
    assert told(demanding, order("O-1", "B-1", "dusch"), says="") == [f"{WHOLE} payable: dusch 1800"]


@pytest.mark.parametrize(
    ("leave", "payable"),
    [
        ([], False),
        ([("insulin", "2026-01-01", None)], True),
        ([("insulin", "2026-03-02", "2026-03-02")], True),
        ([("insulin", "2026-01-01", "2026-03-01")], False),
        ([("insulin", "2026-03-03", None)], False),
        ([("omläggning", "2026-01-01", None)], False),
    ],
)
def test_delegated_health_care_needs_leave_that_day(leave: list[tuple[str, str, str | None]], payable: bool) -> None:
    expected = " payable: dusch 1200, insulin 600"
    held = ": dusch 1200, insulin 600 not delegation_missing [delegation_missing]"
    carer = staff("S-1", delegations=leave)
    assert told(carer, ORDERED, says="dusch; insulin") == [WHOLE + (expected if payable else held)]


def test_a_nurse_needs_no_leave() -> None:
    assert told(staff("S-1", "licensed"), ORDERED, says="insulin") == [f"{WHOLE} payable: insulin 1800"]


def test_unordered_health_care_without_leave_says_both() -> None:
    assert told(order("O-1", "B-1", "dusch"), says="insulin") == [
        f"{WHOLE}: insulin 1800 not delegation_missing [not_ordered delegation_missing]"
    ]


@pytest.mark.parametrize(
    ("placed", "expected"),
    [
        (order("O-1", "B-1", "dusch", last="2026-03-01"), "order_not_in_force"),
        (order("O-1", "B-1", "dusch", first="2026-03-03"), "order_not_in_force"),
        (order("O-1", "B-1", "dusch", pauses=[("2026-03-02", "2026-03-02")]), "order_not_in_force"),
        (order("O-1", "B-1", "frukost", last="2026-03-01"), "not_ordered"),
        (order("O-1", "B-1", "dusch", provider="P-söder"), "not_ordered"),
        (order("O-1", "B-2", "dusch"), "not_ordered"),
    ],
)
def test_what_no_order_in_force_has_is_kept_and_not_payable(placed: object, expected: str) -> None:
    assert told(placed, says="dusch") == [f"{WHOLE}: dusch 1800 not {expected} [{expected}]"]


@pytest.mark.parametrize(
    "placed",
    [
        order("O-1", "B-1", "dusch", last="2026-03-02"),
        order("O-1", "B-1", "dusch", first="2026-03-02"),
        order("O-1", "B-1", "dusch", pauses=[("2026-02-01", "2026-03-01"), ("2026-03-03", None)]),
    ],
)
def test_first_and_last_days_are_in_force(placed: object) -> None:
    assert told(placed, says="dusch") == [f"{WHOLE} payable: dusch 1800"]


def test_another_order_in_force_pays_where_one_has_ended() -> None:
    ended, new = order("O-1", "B-1", "dusch", last="2026-03-01"), order("O-2", "B-1", "dusch", first="2026-03-02")
    assert told(ended, new, says="dusch") == [f"{WHOLE} payable: dusch 1800"]


def test_nothing_to_split_by_is_one_share_that_says_so() -> None:
    assert told() == [f"{WHOLE}: - 1800 not not_ordered [not_ordered]"]
    ended = order("O-1", "B-1", "dusch", last="2026-03-01")
    assert told(ended) == [f"{WHOLE}: - 1800 not order_not_in_force [order_not_in_force]"]


@pytest.mark.parametrize(
    ("role", "says", "expected"),
    [
        ("alarm_team", None, " payable: larm 1800"),
        ("licensed", None, " payable: sårvård 1800"),
        ("licensed", "sårvård not_done", ": - 1800 not nothing_done"),
        ("alarm_team", "dusch declined; larm declined", ": - 1800 not nothing_done"),
        ("alarm_team", "dusch declined", " payable: larm 1800"),
        ("trainee", "dusch declined; larm declined; sårvård declined", ": - 1800 not nothing_done"),
        ("alarm_team", "dusch", " payable: dusch 1800"),
        ("night_patrol", None, " payable: dusch 655, larm 491, sårvård 654"),
    ],
)
def test_a_crew_of_one_purpose(role: str, says: str | None, expected: str) -> None:
    placed = order("O-1", "B-1", "dusch; larm; sårvård")
    assert told(staff("S-1", role), placed, says=says) == [WHOLE + expected]


def test_a_crew_of_one_purpose_without_its_line_has_nothing_to_split_by() -> None:
    assert told(staff("S-1", "alarm_team"), order("O-1", "B-1", "dusch")) == [
        f"{WHOLE}: - 1800 not not_ordered [not_ordered]"
    ]


@pytest.mark.parametrize(
    ("visit", "line"),
    [
        ("08:00 in A | 08:10 out A", "O-1/2"),
        ("20:00 in A | 20:10 out A", "O-2/1"),
        ("13:00 in A | 13:10 out A", "O-1/1"),
    ],
)
def test_of_two_lines_with_the_same_intervention_the_fitting_one_else_the_first(visit: str, line: str) -> None:
    master = world(
        recipient("B-1"),
        order("O-2", "B-1", "tillsyn 19:00-22:00"),
        order("O-1", "B-1", "tillsyn 15:00-16:00; tillsyn 07:00-10:00"),
    )
    [found] = derive(master, taps(visit), [report(1, "tillsyn")])
    assert [share.order_line for share in found.shares] == [line]


def test_lines_own_minutes_come_before_the_catalogues() -> None:
    placed = order("O-1", "B-1", "dusch 40; frukost")
    assert told(placed, says="dusch; frukost", visit="08:00 in A | 08:55 out A") == [
        "B-1 S-1 08:00-08:55 complete payable: dusch 2400, frukost 900"
    ]


def test_a_line_of_no_minutes_has_no_share_unless_all_are_such() -> None:
    assert told(order("O-1", "B-1", "dusch 0; frukost")) == [f"{WHOLE} payable: frukost 1800"]
    assert told(order("O-1", "B-1", "dusch 0; frukost 0")) == [f"{WHOLE} payable: dusch 900, frukost 900"]


def test_the_start_day_decides_for_the_whole_visit() -> None:
    ended = order("O-1", "B-1", "tillsyn", last="2026-03-02")
    assert told(ended, visit="23:50 in A | 00:20+1 out A") == ["B-1 S-1 23:50-00:20+1 complete payable: tillsyn 1800"]
    assert told(ended, visit="00:00+1 in A | 00:20+1 out A") == [
        "B-1 S-1 00:00+1-00:20+1 complete: - 1200 not order_not_in_force [order_not_in_force]"
    ]


def test_an_order_that_comes_late_heals() -> None:
    late = order("O-1", "B-1", "dusch", first="2026-03-02")
    assert told(says="dusch")[0].endswith("[not_ordered]")
    assert told(late, says="dusch") == [f"{WHOLE} payable: dusch 1800"]


def test_every_share_has_its_category() -> None:
    placed = order("O-1", "B-1", "dusch; städ; insulin; larm; sårvård; lunch")
    [visit] = derive(world(recipient("B-1"), NURSE_LEAVE, placed), taps(HALF_HOUR))
    assert [share.category for share in visit.shares] == [
        "CARE", "SERVICE", "DELEGATED_HSL", "ALARM", "LICENSED_HSL", "MEAL",
    ]  # fmt: skip
    assert [share.order_line for share in visit.shares] == [f"O-1/{number}" for number in range(1, 7)]
    assert {share.reason for share in visit.shares} == {"by_order"}
    assert (visit.presence, visit.started_at) == (tap_id(1), at("08:00"))


def test_what_is_remembered_of_a_household_holds_on_each_day() -> None:
    """Every turn on a day of its own: a move, a death, a pause, an end, a month, what a kind of help is."""
    master = world(
        recipient("B-1", "A", died_on="2026-04-20"),
        recipient("B-2", "B"),
        recipient("B-2", "A", since="2026-03-12"),
        recipient("B-2", "C", since="2026-04-26"),
        staff("S-2", "licensed"),
        order("O-1", "B-1", "dusch on:1,3 2/wk; städ 1/mo", pauses=[("2026-03-17", "2026-03-19")]),
        order("O-2", "B-2", "insulin; sårvård 07:00-12:00", last="2026-04-05"),
        order("O-3", "B-2", "lunch", first="2026-03-25"),
    )
    for ref, since, category, minutes in (("dusch", "2026-03-08", "SERVICE", 25), ("lunch", "2026-04-10", "MEAL", 5)):
        master.put_intervention(Intervention(ref, day(since), category, minutes))

    moments = [at(f"{clock}+{days}") for days in range(70) for clock in ("08:00", "13:00")]
    visits = [(master.staff_on(ref, MONDAY), moment) for ref in ("S-1", "S-2") for moment in moments]
    remembered = [plan(master, one, "A", moment, None) for one, moment in visits]
    assert len(set(map(repr, remembered))) > 20
    for (one, moment), told in zip(visits, remembered, strict=True):
        master._memory.clear()
        assert plan(master, one, "A", moment, None) == told
