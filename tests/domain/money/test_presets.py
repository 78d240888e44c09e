"""The worked example of each preset, as docs/compensation.md tells it: every amount here was computed by hand."""

import pytest
from paid import declined, order, rated, shown, visit, world

from app.domain.money.presets import PRESETS

URBAN = {"B-1": "URBAN"}
DAILY = "dusch 20"  # 20 minutes a day: 10 hours in the 30 days of November 2026


def use(preset):
    return {"preset": preset}


def care(number, on, start, end, what="dusch", recipient="B-1", **more):
    return visit(number, recipient, f"{on}T{start}", end, what, **more)


def test_norrtalje_2020():
    master = world(
        {"B-1": "RURAL", "B-2": "URBAN", "B-3": "ARCHIPELAGO"},
        order("O-1", "B-1", "städ 60 1/wk;dusch 20;insulin 10;larm 15;sårvård 20 1/wk;rehab 30 1/mo",
              pauses=[("2026-11-10", "2026-11-19", "hospital")]),
        order("O-3", "B-3", "städ 60 1/wk"),
    )  # fmt: skip
    mixed = care(1, "2026-11-02", "08:00", "09:45", "städ 60;dusch 20;insulin 10;larm 15")
    visits = [
        mixed,
        care(2, "2026-11-03", "08:00", "08:20", "sårvård"),
        care(3, "2026-11-05", "08:00", "08:45", "sårvård"),
        care(4, "2026-11-06", "10:00", "10:30", "rehab"),
        care(5, "2026-11-07", "10:00", "10:20", "larm", recipient="B-2"),
    ]
    assert shown(rated(use("norrtalje-2020"), master, visits)) == [
        # 20 of 30 days: 60 min x 20/7 = 2.857 h; 20 min x 20 = 6.667 h
        "B-1 service RURAL granted 2.857 hour x 39400 = 112571",
        "B-1 care RURAL granted 6.667 hour x 47700 = 318000",
        "B-1 alarm RURAL executed 0.25 hour x 47700 = 11925",
        "B-1 delegated RURAL executed 0.167 hour x 47700 = 7950",
        "B-1 nurse-month RURAL enrolled 1 month x 122500 = 122500",
        "B-1 nurse-visit RURAL visit 2 visit x 47600 = 95200",
        "B-1 rehab-visit RURAL visit 1 visit x 106000 = 106000",
        "B-2 alarm URBAN executed 0.333 hour x 39400 = 13133",
        "B-3 service ARCHIPELAGO granted 4.286 hour x 44800 = 192000",
    ]


def test_executed():
    visits = [care(1, "2026-11-02", "08:00", "08:50"), care(2, "2026-11-03", "08:00", "08:40", held=("dusch",))]
    assert shown(rated(use("executed"), world(URBAN), visits)) == [
        "B-1 executed URBAN executed 0.833 hour x 40000 = 33333"  # 50 min; what is held is not paid
    ]


def test_executed_capped():
    master = world({"B-1": "URBAN", "B-2": "URBAN"}, order("O-1", "B-1", DAILY), order("O-2", "B-2", DAILY))
    visits = [
        care(1, "2026-11-02", "08:00", "20:00"),
        care(2, "2026-11-03", "08:00", "16:00", recipient="B-2"),
    ]
    assert shown(rated(use("executed-capped"), master, visits)) == [
        "B-1 executed_at_most_granted URBAN executed 10 hour x 40000 = 400000 [at_most_granted]",  # of 12 h
        "B-2 executed_at_most_granted URBAN executed 8 hour x 40000 = 320000",
    ]


def test_executed_capped_lends_between_service_and_care_and_never_from_health_care():
    """In November 10 h of care, 5 h of service and 10 h of delegated health care are granted."""
    master = world(URBAN, order("O-1", "B-1", "dusch 20;städ 10;insulin 20"))
    visits = [
        care(1, "2026-11-02", "08:00", "20:00", "dusch"),  # 2 h more than granted, lent by service
        care(2, "2026-11-03", "08:00", "10:00", "städ"),
        care(3, "2026-11-04", "08:00", "16:00", "insulin"),  # 2 h less than granted, lent to nobody
    ]
    lent = [
        "B-1 executed_at_most_granted URBAN executed 12 hour x 40000 = 480000",
        "B-1 executed_at_most_granted URBAN executed 2 hour x 40000 = 80000",
        "B-1 executed_at_most_granted URBAN executed 8 hour x 40000 = 320000",
    ]
    assert shown(rated(use("executed-capped"), master, visits)) == lent
    # 14 h of care with 2 h of service are 16 h of the 15: both are cut alike, and health care is none of it.
    visits[0] = care(1, "2026-11-02", "08:00", "22:00", "dusch")
    assert shown(rated(use("executed-capped"), master, visits)) == [
        "B-1 executed_at_most_granted URBAN executed 13.125 hour x 40000 = 525000 [at_most_granted]",
        "B-1 executed_at_most_granted URBAN executed 1.875 hour x 40000 = 75000 [at_most_granted]",
        lent[2],
    ]


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ("15:54", "B-1 executed URBAN executed 7.9 hour x 40000 x 95 % = 300200 [below_threshold]"),
        ("16:00", "B-1 executed URBAN executed 8 hour x 40000 = 320000"),  # 80 % of 10 h exactly is enough
    ],
)
def test_executed_threshold_80(end, expected):
    master = world(URBAN, order("O-1", "B-1", DAILY))
    assert shown(rated(use("executed-threshold-80"), master, [care(1, "2026-11-02", "08:00", end)])) == [expected]


def test_hsl_included():
    visits = [care(1, "2026-11-02", "08:00", "08:30", "dusch 20;insulin 10")]
    assert shown(rated(use("hsl-included"), world(URBAN), visits)) == [
        "B-1 executed URBAN executed 0.333 hour x 40000 = 13333",
        "B-1 hsl URBAN executed 0.167 hour x 0 = 0",
    ]


def test_hsl_executed():
    visits = [care(1, "2026-11-02", "08:00", "08:30", "dusch 20;insulin 10")]
    assert shown(rated(use("hsl-executed"), world(URBAN), visits)) == [
        "B-1 executed URBAN executed 0.333 hour x 40000 = 13333",
        "B-1 hsl URBAN executed 0.167 hour x 40000 = 6667",
    ]


def test_hsl_cap_17():
    visits = [
        care(1, "2026-11-02", "08:00", "18:00"),  # 10 h SoL: at most 1.7 h of the 2.5 h HSL is paid, 68 % of it
        care(2, "2026-11-03", "08:00", "10:00", "insulin"),
        care(3, "2026-11-04", "08:00", "08:30", "insulin", recipient="B-2"),
    ]
    assert shown(rated(use("hsl-cap-17"), world({"B-1": "URBAN", "B-2": "RURAL"}), visits)) == [
        "B-1 executed URBAN executed 10 hour x 40000 = 400000",
        "B-1 hsl URBAN executed 1.36 hour x 40000 = 54400 [capped_ratio]",
        "B-2 hsl RURAL executed 0.34 hour x 40000 = 13600 [capped_ratio]",
    ]


def test_granted_alarm_month():
    master = world(URBAN, order("O-1", "B-1", f"{DAILY};larm 15"))
    assert shown(rated(use("granted-alarm-month"), master, [care(1, "2026-11-02", "08:00", "08:10", "larm")])) == [
        "B-1 granted URBAN granted 10 hour x 40000 = 400000",
        "B-1 alarm URBAN enrolled 1 month x 20000 = 20000",
    ]


def test_granted_alarm_occasion():
    master = world(URBAN, order("O-1", "B-1", f"{DAILY};larm 15"))
    visits = [care(number, f"2026-11-{number:02}", "08:00", "08:10", "larm") for number in (2, 3, 4)]
    assert shown(rated(use("granted-alarm-occasion"), master, visits)) == [
        "B-1 granted URBAN granted 10 hour x 40000 = 400000",
        "B-1 alarm URBAN occasion 3 occasion x 25000 = 75000",
    ]


@pytest.mark.parametrize(
    ("form", "hour", "half", "night", "alarm"),
    [("in_house", 48500, 24250, 24500, 18500), ("external", 51600, 25800, 26000, 19700)],
)
def test_stockholm_2024(form, hour, half, night, alarm):
    master = world(URBAN, order("O-1", "B-1", "larm 15"))
    visits = [
        care(1, "2026-11-02", "21:30", "22:30"),  # half an hour of it is day; it did not begin at night
        care(2, "2026-11-02", "23:00", "23:30", "tillsyn;insulin"),
    ]
    assert shown(rated(use("stockholm-2024"), master, visits, form=form)) == [
        f"B-1 day URBAN day executed 0.5 hour x {hour} = {half}",
        f"B-1 night URBAN night occasion 1 occasion x {night} = {night}",  # tillsyn
        f"B-1 night URBAN night occasion 1 occasion x {night} = {night}",  # insulin, on a line of its category
        f"B-1 alarm URBAN enrolled 1 month x {alarm} = {alarm}",
    ]


def test_solna_2024():
    master = world(
        {"B-1": "URBAN", "B-2": "URBAN"},
        order("O-1", "B-1", DAILY, pauses=[("2026-11-10", "2026-11-20", "hospital")]),
        order("O-2", "B-2", DAILY, first="2026-11-29"),
    )
    visits = [
        care(1, "2026-11-02", "08:00", "08:50"),
        care(2, "2026-11-03", "08:00", "08:40", "städ"),  # 96 min whatever it took
    ]
    turned_down = [
        declined("B-1", "2026-11-04T08:00", "städ", "at_door"),  # 75 % of 96 min
        declined("B-1", "2026-11-05T08:00", "inköp", "at_door"),  # 55 % of 60 min
        declined("B-1", "2026-11-06T08:00", "dusch", "no_answer"),  # 50 % of 20 min
    ]
    assert shown(rated(use("solna-2024"), master, visits, turned_down=turned_down)) == [
        "B-1 care URBAN executed 0.833 hour x 46400 = 38667",
        "B-1 care URBAN declined_no_answer 0.333 hour x 46400 x 50 % = 7733",
        "B-1 care URBAN absence 0.333 hour x 46400 x 75 % = 11600 [absence_hospital]",
        "B-1 care URBAN absence 1.333 hour x 46400 x 25 % = 15467 [absence_hospital]",
        "B-1 service URBAN flat_minutes 1.6 hour x 38200 = 61120",
        "B-1 service URBAN declined_at_door 1.6 hour x 38200 x 75 % = 45840",
        "B-1 service URBAN declined_at_door 1 hour x 38200 x 55 % = 21010",
        "B-2 care URBAN startup 4 hour x 46400 = 185600",
    ]


BOTKYRKA = "dusch 30;tillsyn 10 23:00-05:00"
LAST_VISITS = [  # the day team came last on 27 April, the night team on the 25th
    care(1, "2026-04-27", "08:00", "08:30"),
    care(2, "2026-04-25", "23:30", "23:40", "tillsyn"),
]


@pytest.mark.parametrize(
    ("month", "expected"),
    [
        (
            "2026-04",
            [
                "B-1 day URBAN day granted 13.5 hour x 40000 = 540000",  # 27 days
                "B-1 day URBAN day absence 1.5 hour x 40000 = 60000 [absence_hospital]",  # 28–30 April
                "B-1 night URBAN night granted 4.5 hour x 40000 = 180000",
                "B-1 night URBAN night absence 0.5 hour x 40000 = 20000 [absence_hospital]",  # days 3–5 of five
            ],
        ),
        (
            "2026-05",
            [
                "B-1 day URBAN day absence 1 hour x 40000 = 40000 [absence_hospital]",  # 1–2 May: the quota goes on
                "B-1 day URBAN day granted 10.5 hour x 40000 = 420000",  # home on the 11th: 21 days
                "B-1 night URBAN night granted 3.5 hour x 40000 = 140000",
            ],
        ),
    ],
)
def test_botkyrka_2025(month, expected):
    away = order("O-1", "B-1", BOTKYRKA, pauses=[("2026-04-28", "2026-05-10", "hospital", "2026-04-28T09:00")])
    assert shown(rated(use("botkyrka-2025"), world(URBAN, away), LAST_VISITS, month=month)) == expected


@pytest.mark.parametrize(("notified", "paid"), [("2026-04-23T23:00", 0), ("2026-04-24T00:30", 60000)])
def test_botkyrka_2025_planned_absence_pays_nothing(notified, paid):
    away = order("O-1", "B-1", "dusch 30", pauses=[("2026-04-28", "2026-05-10", "journey", notified)])
    lines = rated(use("botkyrka-2025"), world(URBAN, away), LAST_VISITS, month="2026-04")
    assert sum(line.amount_ore for line in lines if line.price.reason == "absence") == paid


@pytest.mark.parametrize(
    ("form", "licensed", "half", "only"), [("external", 21650, 20700, 43600), ("in_house", 21200, 20350, 43600)]
)
def test_enkoping_2021(form, licensed, half, only):
    master = world(
        {"B-1": "URBAN", "B-2": "RURAL"}, order("O-1", "B-1", "dusch;städ;insulin"), order("O-2", "B-2", "städ")
    )
    visits = [
        care(1, "2026-11-02", "08:00", "09:30", "dusch 30;städ 30;insulin 30"),
        care(2, "2026-11-03", "08:00", "09:00", "städ", recipient="B-2"),
    ]
    lines = rated(use("enkoping-2021"), master, visits, form=form)
    assert [(one.price.recipient, one.price.rule, one.price.category, one.amount_ore) for one in lines] == [
        ("B-1", "licensed", "DELEGATED_HSL", licensed),
        ("B-1", "care", "CARE", half),  # 414 or 407 an hour
        ("B-1", "care", "SERVICE", half),
        ("B-2", "service", "SERVICE", only),
    ]


@pytest.mark.parametrize(
    ("on", "start", "end", "expected"),
    [
        ("2026-11-04", "18:30", "19:30", {"day": 20650, "evening": 22000}),
        ("2026-11-04", "21:30", "2026-11-05T07:30", {"evening": 22000, "night": 429300, "day": 20650}),
        ("2026-11-06", "18:30", "22:30", {"day": 20650, "weekend": 166950}),  # from Friday at 19
        ("2026-11-09", "06:30", "07:30", {"weekend": 23850, "day": 20650}),  # to Monday at 7
        ("2026-12-24", "08:00", "10:00", {"major_holiday": 108400}),
        ("2026-12-28", "06:00", "08:00", {"major_holiday": 54200, "day": 41300}),  # Boxing Day is a Saturday
        ("2026-04-02", "17:30", "18:30", {"day": 20650, "major_holiday": 27100}),  # Maundy Thursday from 18
    ],
)
def test_lss_sol_2022(on, start, end, expected):
    lines = rated(use("lss-sol-2022"), world(URBAN), [care(1, on, start, end)], month=on[:7])
    assert {one.price.band: one.amount_ore for one in lines} == expected


def test_sollentuna_bonus():
    visits = [care(1, "2026-01-31", "22:00", "2026-02-01T02:00"), care(2, "2026-04-30", "08:00", "09:30")]
    assert shown(rated(use("sollentuna-bonus"), world(URBAN), visits, month="2026-05")) == [
        "B-1 bonus bonus 5.5 hour x 1000 = 5500"
    ]
    assert [one.price.rule for one in rated(use("sollentuna-bonus"), world(URBAN), visits, month="2026-04")] == [
        "executed"
    ]


def test_every_preset_has_its_example():
    tested = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert {name.replace("-", "_") for name in PRESETS} <= tested
