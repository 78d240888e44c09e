"""Levels of evidence for the ends of a visit, and the ends entered by hand that no tap could have shown."""

from typing import Literal, get_args

Level = Literal["sun_online", "sun_late", "static", "off_site", "system_down", "manual"]
Evidence = Literal["sun_online", "sun_late", "static", "manual", "disputed"]
"""The evidence of an end on the wire."""
EVIDENCE_LEVELS = get_args(Level)
"""The strongest first. Entries by hand away from home, or while the system was down, have levels of their own."""

BY_HAND = frozenset({"off_site", "system_down", "manual"})
"""The levels of ends entered by hand; on the wire all are `manual`, with a reason."""

APART = {"visit_outside_home": "off_site", "system_down": "system_down"}
"""Reasons that have a level of their own: there was no door to tap at, or nothing to tap with."""


def by_hand(reason: str | None) -> str:
    """The level of an end entered by hand for this reason."""
    return APART.get(reason or "", "manual")


def on_the_wire(level: str | None) -> str | None:
    """The level as a visit shows it: `manual` for every level of entries by hand."""
    return "manual" if level in BY_HAND else level


def weakest(evidence_in: str | None, evidence_out: str | None) -> str | None:
    """The weaker of the levels of a visit's ends; an end without a level is ignored, None without any."""
    levels = [level for level in (evidence_in, evidence_out) if level is not None]
    return max(levels, key=EVIDENCE_LEVELS.index, default=None)
