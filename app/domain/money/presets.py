"""Compensation documents of known models, to be named in a contract or copied into one.

Prices are öre. If a source gives no price or parameter, the rule's `title` says so: replace it by the contract's own.
"""

from collections.abc import Mapping
from typing import Any, get_args

from app.domain.closed_sets import ALARM, DELEGATED, LICENSED, SOL_TIME, Area, Category

Document = dict[str, Any]
SOL: list[Category] = [category for category in get_args(Category) if category in SOL_TIME]
SOL_HSL: list[Category] = [*SOL, DELEGATED]
AREAS: tuple[Area, ...] = get_args(Area)
FORMS = ("in_house", None)
OWN_PRICE = "Exempelpris: ersätt med avtalets"
EXAMPLE_ORE = 40_000


def _by_area(*kronor: int) -> list[Document]:
    return [{"area": area, "ore": price * 100} for area, price in zip(AREAS, kronor, strict=True)]


def _by_form(*kronor: int, **where: str) -> list[Document]:
    """In house first, then everybody else."""
    return [
        {**({"form": form} if form else {}), **where, "ore": price * 100}
        for form, price in zip(FORMS, kronor, strict=True)
    ]


def _rule(ref: str, basis: str, categories: list[Category], rates: list[Document], title: str, **more: Any) -> Document:
    return {"ref": ref, "basis": basis, "categories": categories, "rates": rates, "title": title, **more}


def _daily(band: str, opens: str, closes: str) -> Document:
    return {"band": band, "times": [{"from": opens, "to": closes}]}


def _example(
    basis: str, categories: list[Category] = SOL_HSL, *, ref: str = "", ore: int = EXAMPLE_ORE, **more: Any
) -> Document:
    """A rule with an example price."""
    return _rule(ref or basis, basis, categories, [{"ore": ore}], OWN_PRICE, **more)


def _enkoping(
    ref: str, title: str, categories: list[Category], external: tuple[int, int], own: tuple[int, int], **more: Any
) -> Document:
    rates: list[Document] = [
        {"form": "in_house", "area": "URBAN", "ore": own[0] * 100},
        {"form": "in_house", "ore": own[1] * 100},
        {"area": "URBAN", "ore": external[0] * 100},
        {"ore": external[1] * 100},
    ]
    return _rule(ref, "executed", categories, rates, title, **more)


MAJOR_HOLIDAYS = [
    {
        "holiday": eve,
        "days_before": before,
        "from": "18:00",
        "until_holiday": last,
        "until_workday": True,
        "to": "07:00",
    }
    for eve, before, last in (
        ("maundy_thursday", 0, "easter_monday"),
        ("pentecost_eve", 1, "pentecost"),
        ("midsummer_eve", 1, "midsummer_day"),
        ("christmas_eve", 1, "boxing_day"),
        ("new_years_eve", 1, "new_years_day"),
    )
]
"""Hours around the major holidays as in agreements of the sector; a contract states its own."""

PRESETS: Mapping[str, Document] = {
    "norrtalje-2020": {
        "rules": [
            _rule("service", "granted", ["SERVICE"], _by_area(325, 394, 448), "Service, beviljad tid"),
            _rule("care", "granted", ["CARE"], _by_area(394, 477, 543), "Omsorg, beviljad tid"),
            _rule("alarm", "executed", [ALARM], _by_area(394, 477, 543), "Larm, utförd tid"),
            _rule("delegated", "executed", [DELEGATED], _by_area(394, 477, 543), "Delegerad HSL, utförd tid"),
            _rule(
                "nurse-month",
                "per_month",
                [LICENSED],
                _by_area(1071, 1225, 1300),
                "Sjuksköterska, inskriven månad",
                licensed="nursing",
            ),
            _rule(
                "nurse-visit",
                "per_visit",
                [LICENSED],
                _by_area(413, 476, 510),
                "Sjuksköterska, besök",
                licensed="nursing",
            ),
            _rule(
                "rehab-visit",
                "per_visit",
                [LICENSED],
                _by_area(920, 1060, 1124),
                "Rehab, besök",
                licensed="rehabilitation",
            ),
        ]
    },
    "executed": {"rules": [_example("executed")]},
    "executed-capped": {"rules": [_example("executed_at_most_granted", pool="law")]},
    "executed-threshold-80": {
        "rules": [
            _example("executed", SOL, pool="law", threshold={"percent": 80, "pay_percent": 95, "per": "provider"})
        ]
    },
    "hsl-included": {"rules": [_example("executed", SOL), _example("executed", [DELEGATED], ref="hsl", ore=0)]},
    "hsl-executed": {"rules": [_example("executed", SOL), _example("executed", [DELEGATED], ref="hsl")]},
    "hsl-cap-17": {
        "rules": [
            _example("executed", SOL),
            _example("executed", [DELEGATED], ref="hsl", caps={"ratio": {"of": SOL, "percent": 17}}),
        ]
    },
    "granted-alarm-month": {
        "rules": [_example("granted", SOL), _example("per_month", [ALARM], ref="alarm", ore=20_000)]
    },
    "granted-alarm-occasion": {
        "rules": [_example("granted", SOL), _example("per_occasion", [ALARM], ref="alarm", ore=25_000)]
    },
    "stockholm-2024": {
        "bands": [_daily("night", "22:00", "07:00"), _daily("day", "07:00", "22:00")],
        "rules": [
            _rule("day", "executed", SOL_HSL, _by_form(485, 516), "Dag och kväll 07–22, utförd tid", bands=["day"]),
            _rule("night", "per_occasion", SOL_HSL, _by_form(245, 260), "Natt 22–07, per insats", bands=["night"]),
            _rule("alarm", "per_month", [ALARM], _by_form(185, 197), "Larm, per månad"),
        ],
    },
    "solna-2024": {
        "rules": [
            _rule(
                "care",
                "executed",
                ["CARE"],
                [{"ore": 46_400}],
                "Omvårdnad, utförd tid",
                declined=[{"how": ["at_door", "no_answer", "in_advance", "single"], "percent": 50}],
                absence={
                    "reasons": ["hospital", "death"],
                    "planned_days": 1,
                    "days": [{"first": 1, "last": 1, "percent": 75}, {"first": 2, "last": 5, "percent": 25}],
                },
                startup_hours=4,
            ),
            _rule(
                "service",
                "executed",
                ["SERVICE"],
                [{"ore": 38_200}],
                "Service, schablontid",
                flat_minutes={"inköp": 60, "apotek": 45, "städ": 96, "tvätt": 86},
                declined=[
                    {"how": ["at_door", "no_answer", "in_advance", "single"], "interventions": ["städ"], "percent": 75},
                    {"how": ["at_door", "no_answer", "in_advance", "single"], "percent": 55},
                ],
            ),
        ]
    },
    "botkyrka-2025": {
        "bands": [_daily("night", "22:00", "07:00"), _daily("day", "07:00", "22:00")],
        "rules": [
            _example(
                "granted",
                SOL_HSL,
                ref=team,
                bands=[team],
                absence={
                    "planned_days": 5,
                    "counted_from": "last_visit",
                    "days": [{"first": 1, "last": 5, "percent": 100}],
                },
            )
            for team in ("day", "night")
        ],
        "closing": {"workday": 3, "at": "12:00"},
    },
    "enkoping-2021": {
        "rules": [
            _enkoping("licensed", "Delegerad och legitimerad HSL", [DELEGATED, LICENSED], (433, 500), (424, 486)),
            _enkoping("care", "Omsorg och service", SOL, (414, 479), (407, 466), except_only_ordered=["SERVICE"]),
            _enkoping("service", "Endast service", SOL, (378, 436), (378, 436), only_ordered=["SERVICE"]),
        ]
    },
    "lss-sol-2022": {
        "bands": [
            {"band": "major_holiday", "times": MAJOR_HOLIDAYS},
            {"band": "weekend", "times": [{"weekdays": [5], "from": "19:00", "until_weekday": 1, "to": "07:00"}]},
            _daily("night", "22:00", "07:00"),
            _daily("evening", "19:00", "22:00"),
            _daily("day", "07:00", "19:00"),
        ],
        "rules": [
            _rule(
                "time",
                "executed",
                SOL_HSL,
                [
                    *_by_form(529, 542, band="major_holiday"),
                    *_by_form(465, 477, band="weekend"),
                    *_by_form(465, 477, band="night"),
                    *_by_form(429, 440, band="evening"),
                    *_by_form(403, 413, band="day"),
                ],
                "Utförd tid",
            )
        ],
    },
    "sollentuna-bonus": {
        "rules": [_example("executed")],
        "bonuses": [
            {
                "title": "Kvalitetsbonus januari–april",
                "ore": 1_000,
                "from": "2026-01-01",
                "to": "2026-04-30",
                "paid_in": "2026-05",
            }
        ],
    },
}
"""By name. A preset never changes under its name: a changed one gets a new name."""
