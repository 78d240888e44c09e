"""Levels of evidence for the ends of a visit, and the ends entered by hand that no tap could have shown."""

from collections.abc import Mapping
from typing import get_args

from app.domain.closed_sets import Level

EVIDENCE_LEVELS: tuple[Level, ...] = get_args(Level)
"""The strongest first."""

BY_HAND: frozenset[Level] = frozenset({"off_site", "system_down", "manual"})
"""The levels of ends entered by hand; on the wire all are `manual`, with a reason."""

APART: Mapping[str, Level] = {"visit_outside_home": "off_site", "system_down": "system_down"}
"""Reasons that have a level of their own: there was no door to tap at, or nothing to tap with."""


def by_hand(reason: str | None) -> Level:
    """The level of an end entered by hand for this reason."""
    return APART.get(reason or "", "manual")


def on_the_wire(level: str | None) -> str | None:
    """The level as a visit shows it: `manual` for every level of entries by hand."""
    return "manual" if level in BY_HAND else level


def weakest(evidence_in: str | None, evidence_out: str | None) -> Level | None:
    """The weaker of the levels of a visit's ends; an end without a level is ignored, None without any."""
    ranks = [EVIDENCE_LEVELS.index(level) for level in (evidence_in, evidence_out) if level is not None]
    return EVIDENCE_LEVELS[max(ranks)] if ranks else None
