"""The figures by their keys, what each must reach, and how a run is told."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. `unit` is the value's; where it is a ratio, `floor_unit` is what both sides are measured in."""

    what: str
    unit: str
    floor_unit: str
    sign: Literal["≤", "≥"]
    goal: float


FIGURES: dict[str, Figure] = {
    "lone_tap_cpu_vs_hello": Figure("CPU of a tap alone in its group, of a hello-world GET", "ratio", "µs", "≤", 14),
    "single_taps_ratio": Figure("single taps, 64 connections, of one-row inserts", "ratio", "/s", "≥", 0.14),
    "batch100_taps_ratio": Figure("taps in batches of 100, of one-row inserts", "ratio", "/s", "≥", 0.33),
    "tap_cpu_vs_hello_single": Figure("CPU of a single tap, of a hello-world GET", "ratio", "µs", "≤", 3.5),
    "tap_cpu_vs_hello_batch100": Figure("CPU of a tap in a batch, of a hello-world GET", "ratio", "µs", "≤", 1.2),
    "open_loop_p99_ms": Figure("500 single taps a second, from when each was due", "ms", "ms", "≤", 40),
    "backlog_s": Figure("100 000 late taps drained beside 50 live ones a second", "s", "s", "≤", 30),
    "statements_per_batch": Figure("statements of a batch, whatever its size", "statements", "statements", "≤", 6),
    "history_cost_ratio": Figure("CPU of a tap after two years, of one after a day", "ratio", "µs", "≤", 1.1),
    "sun_verify_us": Figure("a tag's message verified, its key derived anew", "µs", "µs", "≤", 40),
    "worker_rss_mb": Figure("memory of the worker after 200 000 taps", "MB", "MB", "≤", 200),
    "rebuild_visits_per_s": Figure("visits rebuilt from nothing", "visits/s", "visits/s", "≥", 4000),
    "sealing_ratio": Figure("taps in batches with the ledger, of those without", "ratio", "/s", "≥", 0.8),
    "corrections_per_s": Figure("corrections of visits, 16 planners at once", "/s", "/s", "≥", 300),
    "executed_time_ratio": Figure("a month pulled, of the covering index's query", "ratio", "ms", "≤", 0.4),
    "visit_list_ms": Figure("the slowest of a page, an inbox page, one visit", "ms", "ms", "≤", 15),
    "continuity_ratio": Figure("14 days measured, of count(distinct) by index", "ratio", "ms", "≤", 1.5),
    "continuity_again_ratio": Figure("the same when nothing has changed", "ratio", "ms", "≤", 0.02),
    "close_month_s": Figure("a month of a million visits rated and closed", "s", "s", "≤", 15),
    "sweden_cpu_share": Figure("290 municipalities, 105 taps a second, of two cores", "share", "share", "≤", 0.45),
    "sweden_flush_per_s": Figure("all of Sweden after nine hours without the service", "/s", "/s", "≥", 1500),
}


@dataclass(frozen=True, slots=True)
class Result:
    """What a run found: the figure's value, its floor, and for a ratio what was measured over that floor.

    `held` is False when something else that the figure asks for was missed.
    """

    value: float
    floor: float | None = None
    measured: float | None = None
    note: str = ""
    held: bool = True

    def row(self, key: str) -> str:
        """A line of the table."""
        figure = FIGURES[key]
        measured = self.value if self.measured is None else self.measured
        unit = figure.unit if self.measured is None else figure.floor_unit
        floor = "" if self.floor is None else f"{self.floor:,.4g} {figure.floor_unit}"
        ratio = "" if not self.floor else f"{measured / self.floor:.3f}"
        reached = self.held and (self.value <= figure.goal if figure.sign == "≤" else self.value >= figure.goal)
        goal = f"{figure.sign} {figure.goal:g}"
        cells = (f"{measured:,.4g} {unit}", floor, ratio, goal, "" if reached else "MISSED")
        told = "".join(f"{cell:>{width}}" for cell, width in zip(cells, (18, 18, 9, 9, 8), strict=True))
        return f"{key:<27}{told}  {self.note}".rstrip()


HEADING = f"{'figure':<27}{'value':>18}{'floor':>18}{'ratio':>9}{'goal':>9}"


def write(results: dict[str, Result], path: Path) -> None:
    """`{key: {"value", "floor", "unit"}}`; the unit of a ratio names its floor's too."""
    told = {}
    for key, result in results.items():
        figure = FIGURES[key]
        ratio = figure.unit == "ratio"
        told[key] = {
            "value": round(result.value, 4),
            "floor": None if result.floor is None else round(result.floor, 4),
            "unit": f"ratio (floor: {figure.floor_unit})" if ratio else figure.unit,
        }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
