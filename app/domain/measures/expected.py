"""Expected visits: what orders promise day by day, who came for it, and what nobody came for.

An occurrence is one time that an order line is due. It follows from the order alone, without a schedule, and is served
once at most: by a share of the line, by a no, else by a visit that stands in the line's window or on its weekday. A
visit of which nobody knows yet what was done stands for every line that fits it.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple
from uuid import UUID

from app.domain.register.notices import Notice
from app.domain.register.order import LAST_DAY, ONE_DAY, Order, OrderLine, active_days, day_of, fits, of_provider
from app.domain.time import STOCKHOLM, UTC, Days, day_start
from app.domain.visits.visit import Visit

State = Literal["due", "late", "done", "declined", "paused", "missed"]
EVENING = dt.time(21)
"""What has no window is late from then on, on its last day."""
CAME = frozenset({"complete", "open", "incomplete", "disputed"})
"""The statuses of visits that somebody came for. What is to be repaired is no missed visit."""
REFUSED = frozenset({"declined", "no_answer"})
WEEK = 7


class Attended(NamedTuple):
    """The parts of a visit that matter here. `lines` are the refs of the order lines that it has shares of."""

    id: UUID
    provider: str | None
    status: str
    anchor_at: dt.datetime
    ended_at: dt.datetime | None
    lines: Sequence[str | None]
    declined: Sequence[tuple[str, str]]


def attended(visit: Visit) -> Attended:
    """The same of a visit."""
    lines = [share.order_line for share in visit.shares]
    return Attended(visit.id, visit.provider, visit.status, visit.anchor_at, visit.ended_at, lines, visit.declined)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time that a line is due, on one of its inclusive local days.

    `number` counts from 1 those of the line with the same days. A window that wraps midnight counts to the day on which
    it begins.
    """

    order: str
    recipient: str
    provider: str
    line: OrderLine
    days: Days
    number: int
    paused: bool = False

    @property
    def order_line(self) -> str:
        """The ref of the line outside its order."""
        return f"{self.order}/{self.line.ref}"

    @property
    def late_from(self) -> dt.datetime:
        """The instant at which its last window ends, or the evening of its last day."""
        opens, closes = self.line.window or (dt.time.min, EVENING)
        on = self.days[1] if opens < closes else self.days[1] + ONE_DAY
        return dt.datetime.combine(on, closes, STOCKHOLM).astimezone(UTC)

    @property
    def missed_from(self) -> dt.datetime:
        """The instant at which its last day is over, and its window."""
        return max(self.late_from, day_start(self.days[1] + ONE_DAY))


@dataclass(frozen=True, slots=True)
class Expected:
    """An occurrence, what came of it, and the visit that served or declined it."""

    occurrence: Occurrence
    state: State
    visit: UUID | None = None


def occurrences(order: Order, days: Days) -> list[Occurrence]:
    """Every occurrence of an order that has a day in common with the inclusive span, by line and first day.

    The order ends with its recipient's death (`until_death`).
    """
    return [
        one for line in order.lines for block in _blocks(order, line, days) for one in _due(order, line, block, days)
    ]


def _blocks(order: Order, line: OrderLine, days: Days) -> Iterator[Days]:
    """The line's periods that meet the span: days from the order's first day on, whole weeks, whole months."""
    first, last = max(days[0], order.valid_from), min(days[1], order.valid_to or LAST_DAY)
    if last < first:
        return
    if line.period_unit == "mo":
        begin = order.valid_from.replace(day=1)
        months = (first.year - begin.year) * 12 + first.month - begin.month
        start = _month(begin, months - months % line.period)
        while start <= last:
            following = _month(start, line.period)
            yield start, following - ONE_DAY
            start = following
        return
    length = line.period if line.period_unit == "d" else line.period * WEEK
    begin = order.valid_from
    if line.period_unit == "wk":
        begin -= ONE_DAY * (begin.isoweekday() - 1)
    start = first - ONE_DAY * ((first - begin).days % length)
    while start <= last:
        yield start, start + ONE_DAY * (length - 1)
        start += ONE_DAY * length


def _month(first: dt.date, months: int) -> dt.date:
    years, month = divmod(first.month - 1 + months, 12)
    return first.replace(year=first.year + years, month=month + 1)


def _due(order: Order, line: OrderLine, block: Days, days: Days) -> Iterator[Occurrence]:
    """The occurrences of one period of the line.

    With at least as many occurrences as days that they may fall on they are shared out over these days, the first days
    first. Fewer are due within all of them: a share of them by the days on which the order is valid, rounded half up,
    and of these a share by the days on which it is paused.
    """
    allowed = [on for on in _each(block) if not line.weekdays or on.isoweekday() in line.weekdays]
    if line.frequency >= len(allowed) > 0 and (line.weekdays or line.period_unit == "d"):
        each, more = divmod(line.frequency, len(allowed))
        for place, on in enumerate(allowed):
            if _holds(order, on) and days[0] <= on <= days[1]:
                paused = not active_days(order, (on, on))
                yield from _several(order, line, (on, on), each + (place < more), paused)
    elif held := [on for on in allowed if _holds(order, on)]:
        within = held[0], held[-1]
        if within[0] <= days[1] and days[0] <= within[1]:
            valid = _part(line.frequency, len(held), len(allowed))
            working = _part(line.frequency, sum(active_days(order, (on, on)) for on in held), len(allowed))
            yield from _several(order, line, within, min(working, valid), paused=False)
            yield from _several(order, line, within, valid - working, paused=True)


def _each(days: Days) -> Iterator[dt.date]:
    return (days[0] + ONE_DAY * number for number in range((days[1] - days[0]).days + 1))


def _holds(order: Order, on: dt.date) -> bool:
    return order.valid_from <= on <= (order.valid_to or LAST_DAY)


def _part(whole: int, part: int, of: int) -> int:
    return (2 * whole * part + of) // (2 * of)


def _several(order: Order, line: OrderLine, days: Days, count: int, paused: bool) -> Iterator[Occurrence]:
    for number in range(1, count + 1):
        yield Occurrence(order.ref, order.recipient, order.provider, line, days, number, paused)


def expected(
    orders: Iterable[Order], visits: Iterable[Attended], notices: Iterable[Notice], days: Days, now: dt.datetime
) -> list[Expected]:
    """Every occurrence of one recipient that has a day in common with the span, with what came of it.

    `orders` are all of the recipient, ended with a death; `visits` and `notices` those of the span and of the periods
    that reach out of it (`reach` says how far). Their order does not matter.
    """
    came = sorted(
        (visit for visit in visits if visit.status in CAME | REFUSED), key=lambda one: (one.anchor_at, one.id)
    )
    said = sorted(notices, key=lambda one: (one.at, one.provider, one.intervention or ""))
    return [
        one
        for order in sorted(orders, key=lambda one: (one.ref, one.valid_from))
        for line in order.lines
        for one in _Line(order, line, occurrences(replace(order, lines=(line,)), days)).served(came, said, now)
    ]


@dataclass(slots=True)
class _Line:
    """A line of an order with its occurrences, and what is known to have come of them."""

    order: Order
    line: OrderLine
    due: Sequence[Occurrence]
    outcome: dict[Occurrence, tuple[State, UUID | None]] = field(default_factory=dict)
    used: list[Attended] = field(default_factory=list)

    def served(self, visits: Sequence[Attended], notices: Sequence[Notice], now: dt.datetime) -> list[Expected]:
        alone = replace(self.order, lines=(self.line,))
        theirs = [one for one in visits if one.provider is None or of_provider(alone, one.provider)]
        came = [one for one in theirs if one.status in CAME]
        self.outcome.update((one, ("paused", None)) for one in self.due if one.paused)
        self._take("done", [one for one in came if self._ref in one.lines])
        self._take("declined", [one for one in theirs if self._declined(one)])
        for notice in notices:
            if self._announced(notice):
                self._settle("declined", None, notice.at)
        self._take("done", [one for one in came if self._stands(one)])
        return [Expected(one, *self.outcome.get(one, (_nobody_came(one, now), None))) for one in self.due]

    @property
    def _ref(self) -> str:
        return f"{self.order.ref}/{self.line.ref}"

    def _stands(self, visit: Attended) -> bool:
        timed = self.line.window is not None or self.line.weekdays
        return (bool(timed) or not visit.lines) and fits(self.line, visit.anchor_at)

    def _declined(self, visit: Attended) -> bool:
        whole = visit.status in REFUSED and fits(self.line, visit.anchor_at)
        return whole or (self.order.recipient, self.line.intervention) in visit.declined

    def _announced(self, notice: Notice) -> bool:
        concerned = notice.provider == self.order.provider and notice.intervention in {None, self.line.intervention}
        return concerned and fits(self.line, notice.at)

    def _take(self, state: State, visits: Iterable[Attended]) -> None:
        for visit in visits:
            # Two who come together, as double staffing asks, serve one occurrence.
            if not any(_together(visit, other) for other in self.used) and self._settle(
                state, visit.id, visit.anchor_at
            ):
                self.used.append(visit)

    def _settle(self, state: State, visit: UUID | None, at: dt.datetime) -> bool:
        """True if nothing was known of an occurrence on the day of the instant. Of several, the first to end has it."""
        on = day_of(self.line, at)
        waiting = [one for one in self.due if one.days[0] <= on <= one.days[1] and one not in self.outcome]
        if waiting:
            self.outcome[min(waiting, key=lambda one: (one.days[1], one.number))] = state, visit
        return bool(waiting)


def _together(visit: Attended, other: Attended) -> bool:
    begins, ends = max(visit.anchor_at, other.anchor_at), min(_end_of(visit), _end_of(other))
    return visit.id == other.id or begins < ends


def _end_of(visit: Attended) -> dt.datetime:
    return visit.ended_at or visit.anchor_at


def _nobody_came(occurrence: Occurrence, now: dt.datetime) -> State:
    if now >= occurrence.missed_from:
        return "missed"
    return "late" if now >= occurrence.late_from else "due"


def reach(orders: Iterable[Order], days: Days) -> Days:
    """The days whose visits and notices can serve the occurrences of a span: those of the periods that meet it."""
    met = [one.days for order in orders for one in occurrences(order, days)]
    return min([days[0], *(one[0] for one in met)]), max([days[1], *(one[1] for one in met)])
