"""A presence becomes shares: its seconds divided between interventions and recipients, by rule.

One split runs over every recipient and line of the presence; the parts add up to the presence, to the second.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from math import lcm
from typing import NamedTuple

from app.domain.closed_sets import DELEGATED, Category
from app.domain.visits.plan import Part, Plan, Weight

SCALED_SHARE = Fraction(1, 10)
SCALED_SECONDS = 60


REASONS: Mapping[str, str] = {
    "reported": "The report, or a person in its place, says that it was done.",
    "by_order": "It is ordered at that hour, and nobody says what was done.",
    "weekly_minutes": "Nothing is ordered at that hour, so it has its part of a week's order.",
    "nothing_done": "The report says that none of what was ordered was done: nobody is paid for the time.",
    "trainee": "Whoever came is never paid for.",
    "resolved": "The municipality has resolved what held it.",
}
"""Reasons of shares: the rule that gave the seconds, or why nobody is paid for them. Any other is an anomaly's code."""


class Share(NamedTuple):
    """Seconds of one visit given to one intervention. `reason` is the rule, or why they are not payable."""

    category: Category | None
    intervention: str | None
    order_line: str | None
    seconds: int
    payable: bool
    reason: str


def largest_remainder(total: int, weights: Sequence[Weight]) -> list[int]:
    """`total` divided by weight into whole parts that add up to it; the odd ones go to the largest remainders.

    Of equal remainders the first comes first. If all weights are zero, they count as equal. Raises ValueError without
    weights.
    """
    if not weights:
        raise ValueError("nothing to divide by")
    if len(weights) == 1:
        return [total]
    scale = lcm(*[weight.denominator for weight in weights])
    numbers = [weight.numerator * (scale // weight.denominator) for weight in weights]
    divisor = sum(numbers)
    if divisor == 0:
        numbers, divisor = [1] * len(numbers), len(numbers)
    parts = [total * number // divisor for number in numbers]
    rest = total - sum(parts)
    if rest:
        remainders = [total * number % divisor for number in numbers]
        for index in sorted(range(len(parts)), key=lambda index: -remainders[index])[:rest]:
            parts[index] += 1
    return parts


def divide(plan: Plan, seconds: int) -> tuple[list[int], bool]:
    """Seconds for each part, and True if the carer's minutes were scaled by more than 60 seconds and a tenth."""
    parts = plan.parts
    if plan.policy == "hsl_first" and any(part.category == DELEGATED for part in parts):
        return _hsl_first(parts, seconds), False
    if plan.policy == "reported" and any(part.reported_minutes is not None for part in parts):
        minutes = [part.weight if part.reported_minutes is None else part.reported_minutes for part in parts]
        off = abs(Fraction(sum(minutes)) * 60 - seconds)
        return largest_remainder(seconds, minutes), off > SCALED_SECONDS and off > SCALED_SHARE * seconds
    return largest_remainder(seconds, [part.weight for part in parts]), False


def _hsl_first(parts: Sequence[Part], seconds: int) -> list[int]:
    first = [index for index, part in enumerate(parts) if part.category == DELEGATED]
    others = [index for index, part in enumerate(parts) if part.category != DELEGATED]
    minutes = [
        part.standard_minutes if part.reported_minutes is None else part.reported_minutes
        for part in (parts[index] for index in first)
    ]
    given = min(seconds, sum(minutes) * 60) if others else seconds
    result = [0] * len(parts)
    for indexes, total, weights in (
        (first, given, minutes),
        (others, seconds - given, [parts[index].weight for index in others]),
    ):
        if indexes:
            for index, part in zip(indexes, largest_remainder(total, weights), strict=True):
                result[index] = part
    return result


def cut_extra(shares: Iterable[Share], overlaps: Callable[[str], int], presence_seconds: int) -> list[Share]:
    """The shares with the seconds beside enough other staff cut off as `extra_staff`, not payable.

    `overlaps(order_line)` gives the seconds of the presence during which others already filled the line's staff.
    """
    shares = list(shares)
    extra = [
        Fraction(share.seconds * overlaps(share.order_line), presence_seconds)
        if share.order_line and presence_seconds and share.payable
        else Fraction(0)
        for share in shares
    ]
    if not any(extra):
        return shares
    cut: list[Share] = []
    for share, seconds in zip(shares, _whole(extra), strict=True):
        if seconds < share.seconds or not seconds:
            cut.append(share._replace(seconds=share.seconds - seconds))
        if seconds:
            cut.append(share._replace(seconds=seconds, payable=False, reason="extra_staff"))
    return cut


def _whole(quotas: Sequence[Fraction]) -> list[int]:
    """Quotas as whole numbers: each its floor, the rest of their whole sum to the largest remainders."""
    parts = [int(quota) for quota in quotas]
    rest = int(sum(quotas)) - sum(parts)
    for index in sorted(range(len(parts)), key=lambda index: parts[index] - quotas[index])[:rest]:
        parts[index] += 1
    return parts
