"""Executed and granted time, summed by the keys of a question.

Whole months come from the kept `month_sum`; other spans and groupings from the visits and their shares. Both give the
same numbers. Granted time is computed from orders in whole numbers over a common denominator, as
`domain.register.granted` says.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import lcm
from typing import Any

from app.domain.register.order import ONE_DAY
from app.domain.time import Days, days_span
from app.domain.visits.evidence import EVIDENCE_LEVELS
from app.store.connection import Reading, Row
from app.store.register.orders import DEATHS
from app.store.visits.visits import WEAKEST_END

KEYS: Mapping[str, str] = {
    "recipient": "v.recipient",
    "provider": "v.provider",
    "staff": "v.staff",
    "category": "part.category",
    "intervention": "part.intervention",
    "order_line": "part.order_line",
    "local_date": "v.local_on",
}
"""The keys executed time can be grouped by, each with its SQL expression over a visit and its shares."""

LEVELS = tuple(reversed(EVIDENCE_LEVELS))
FIGURES = (
    "executed_seconds",
    "payable_seconds",
    "granted_seconds",
    "visits",
    *(f"{level}_visits" for level in LEVELS),
)
SHARE_KEYS = ("category", "intervention", "order_line")
UNGRANTED_KEYS = frozenset({"staff", "local_date"})

MONTH_UNIT = lcm(28, 29, 30, 31)
"""A month of any length is a whole number of these parts of a day's share, so months add up exactly."""

# `$1` is the municipality, `$2` and `$3` are the first and last day. A piece lies in one month and one state of the
# catalogue, which began, or was met, on the day `since`. An order's days are added up in all and for each state.
PIECES = f"""
SELECT first_on, lead(first_on, 1, $3::date + 1) OVER (ORDER BY first_on) AS end_on,
    max(first_on) FILTER (WHERE turns) OVER (ORDER BY first_on) AS since,
    {MONTH_UNIT} / extract(day FROM date_trunc('month', first_on) + interval '1 month - 1 day')::int AS weight
FROM (
    SELECT first_on, bool_or(turns) AS turns FROM (
        SELECT $2::date, true
        UNION ALL SELECT first_on::date, false
        FROM generate_series(date_trunc('month', $2::date) + interval '1 month', $3::date, '1 month') AS first_on
        UNION ALL SELECT lower(valid), true FROM intervention_version
        WHERE municipality_id = $1 AND lower(valid) > $2 AND lower(valid) <= $3
    ) AS edge(first_on, turns) GROUP BY first_on
) AS edge
"""
ORDER_DAYS = """
SELECT o.ref, o.part, o.recipient, o.provider, piece.since, sum(upper(days) - lower(days)) AS days,
    sum((upper(days) - lower(days)) * piece.weight) AS weighted
FROM care_order AS o
LEFT JOIN deaths AS d ON d.ref = o.recipient
CROSS JOIN piece
CROSS JOIN LATERAL unnest(
    o.in_force * datemultirange(daterange(piece.first_on, piece.end_on) * daterange(NULL, d.died_on, '[]'))
) AS active(days)
WHERE o.municipality_id = $1 AND o.valid && daterange($2, $3, '[]'){filters}
GROUP BY GROUPING SETS ((o.ref, o.part, o.recipient, o.provider), (o.ref, o.part, o.recipient, o.provider, piece.since))
"""
# Before its first version an intervention is taken as that version describes it, as in the split.
CATALOGUE = """
SELECT ref, category, standard_minutes, daterange(
    CASE WHEN row_number() OVER (PARTITION BY ref ORDER BY valid) > 1 THEN lower(valid) END, upper(valid)) AS valid
FROM intervention_version WHERE municipality_id = $1
"""
# How many orders a span meets is hidden from the planner by row-level security: it takes them for few and looks up the
# lines of each. For all recipients reading every line once is several times faster, so there the look-up is fenced off.
ALL_LINES = "(SELECT * FROM order_line WHERE municipality_id = $1 OFFSET 0)"
OF_SPAN = f"""
SELECT *, count(*) OVER (PARTITION BY ref) > 1 AS changes FROM ({CATALOGUE}) AS version
WHERE valid && daterange($2, $3, '[]')
"""
NUMERATOR = """coalesce(l.standard_minutes, c.standard_minutes, 0)::bigint * 60 * l.staff_count * l.frequency
    * CASE l.period_unit WHEN 'mo' THEN o.weighted ELSE o.days END"""
DENOMINATOR = f"l.period::bigint * CASE l.period_unit WHEN 'd' THEN 1 WHEN 'wk' THEN 7 ELSE {MONTH_UNIT} END"
# Half up, and once for a line. Where the catalogue changes within the span, or the order has parts, which is rare and
# so is kept apart, a category has what the rounded sum grows by when it is added. Periods of parts may differ, so
# it has enough digits to distinguish a half from every sum that is close to one.
GRANTED = f"""
SELECT o.recipient, o.provider, c.category, l.intervention, l.order_ref || '/' || l.ref AS order_line,
    (2 * rate.numerator + rate.denominator) / (2 * rate.denominator) AS granted_seconds
FROM order_days AS o
JOIN {{lines}} AS l ON l.municipality_id = $1 AND l.order_ref = o.ref AND l.part = o.part
LEFT JOIN catalogue AS c ON c.ref = l.intervention
CROSS JOIN LATERAL (SELECT {NUMERATOR} AS numerator, {DENOMINATOR} AS denominator) AS rate
WHERE o.since IS NULL AND c.changes IS NOT TRUE AND o.part = 0
UNION ALL
SELECT recipient, provider, category, intervention, order_line,
    (floor(round(total, 20) + 0.5) - floor(round(total - exact, 20) + 0.5))::bigint
FROM (
    SELECT *, sum(exact) OVER (
        PARTITION BY order_line, recipient, provider ORDER BY category, intervention) AS total
    FROM (
        SELECT o.recipient, o.provider, c.category, l.intervention, l.order_ref || '/' || l.ref AS order_line,
            sum(({NUMERATOR})::numeric(60, 30) / ({DENOMINATOR})) AS exact
        FROM order_days AS o
        JOIN {{lines}} AS l ON l.municipality_id = $1 AND l.order_ref = o.ref AND l.part = o.part
        JOIN catalogue AS c ON c.ref = l.intervention AND (c.changes OR o.part > 0) AND c.valid @> o.since
        GROUP BY o.recipient, o.provider, c.category, l.intervention, l.order_ref, l.ref
    ) AS part
) AS line
"""


@dataclass(frozen=True, slots=True)
class Question:
    """A question about executed time: inclusive local days, the keys to group by in order, and filters."""

    days: Days
    by: tuple[str, ...]
    recipient: str | None = None
    provider: str | None = None
    staff: str | None = None
    category: str | None = None

    @property
    def whole_months(self) -> bool:
        return self.days[0].day == 1 and (self.days[1] + ONE_DAY).day == 1

    @property
    def has_granted(self) -> bool:
        """True if granted time can be grouped by these keys: time is not granted to a carer or for a day."""
        return self.staff is None and not UNGRANTED_KEYS & set(self.by)

    @property
    def kept(self) -> bool:
        """True if the sums of whole months answer it. They do not say how many visits had a category without a line."""
        lineless = "order_line" in self.by and "intervention" not in self.by
        by_category = "category" in self.by or self.category is not None
        return self.whole_months and self.has_granted and not (lineless and by_category)


async def plan_for(reading: Reading, question: Question) -> None:
    """Have the rest of the transaction join whole sides for everybody's time.

    Among many municipalities the planner takes the orders of one for a single row, and would read all lines for each.
    """
    if question.recipient is None:
        await reading.configure("SET LOCAL enable_nestloop = off")


async def fetch(reading: Reading, question: Question) -> Sequence[Row]:
    """The rows of the statement, all at once."""
    text, arguments = statement(question)
    await plan_for(reading, question)
    rows = await reading.fetch(text, *arguments)
    await reading.configure("SET LOCAL enable_nestloop = on")
    return rows


def statement(question: Question) -> tuple[str, list[Any]]:
    """The query and its arguments after the municipality. It gives a row for each group: the keys, then `FIGURES`."""
    query = _Query(question)
    executed = query.from_months() if question.kept else query.from_visits()
    keys = ", ".join(question.by)
    if not question.has_granted:
        return f"{executed}{_order_by(keys)}", query.arguments
    columns = "".join(f"{key}, " for key in question.by)
    granted = ", ".join(name if name == "granted_seconds" else "0" for name in FIGURES)
    sums = ", ".join(f"sum({name})::bigint AS {name}" for name in FIGURES)
    # Grouped once, all together: sums of each side and a join of them would take a third longer.
    return (
        f"WITH {query.granted()}, executed AS ({executed} UNION ALL SELECT {columns}{granted} FROM granted "
        f"WHERE granted_seconds > 0{query.filters(('category',))}) "
        f"SELECT {columns}{sums} FROM executed {_group_by(keys)} HAVING count(*) > 0{_order_by(keys)}"
    ), query.arguments


def _counted(kind: str, lineless: str) -> str:
    """The columns that count visits, in all and by level. A visit counted under no weaker level is of the strongest."""
    counts = {
        what: f"CASE order_line WHEN '' THEN {what}{lineless} ELSE {what}{kind} END" if lineless else f"{what}{kind}"
        for what in ("visits", *LEVELS[:-1])
    }
    strongest = " - ".join(counts.values())
    columns = [f"{count} AS {what}{'' if what == 'visits' else '_visits'}" for what, count in counts.items()]
    return ", ".join([*columns, f"{strongest} AS {LEVELS[-1]}_visits"])


def _group_by(keys: str) -> str:
    return f"GROUP BY {keys}" if keys else ""


def _order_by(keys: str) -> str:
    return f" ORDER BY {keys}" if keys else ""


class _Query:
    """The SQL fragments of one question, and the arguments they use."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.arguments: list[Any] = [*question.days]

    def _argument(self, value: Any) -> str:
        self.arguments.append(value)
        # The first is the municipality.
        return f"${len(self.arguments) + 1}"

    def filters(self, names: Iterable[str], prefix: str = "") -> str:
        given = ((name, getattr(self.question, name)) for name in names)
        return "".join(f" AND {prefix}{name} = {self._argument(value)}" for name, value in given if value is not None)

    def from_months(self) -> str:
        by, kind = self.question.by, ""
        lineless = ""
        if "order_line" in by:
            kind = "_line"
            # Time without a line counts a visit once in all, or once for each intervention if these are a key.
            lineless = "_intervention" if "intervention" in by else ""
        elif "intervention" in by:
            kind = "_intervention"
        elif "category" in by or self.question.category is not None:
            kind = "_category"
        columns = "".join(f"nullif({key}, '') AS {key}, " for key in by)
        return (
            f"SELECT {columns}executed_seconds, payable_seconds, 0::bigint AS granted_seconds, "
            f"{_counted(kind, lineless)} FROM month_sum "
            "WHERE municipality_id = $1 AND month BETWEEN $2 AND $3 "
            # A sum that no visit is part of any longer stays as a row of zeros, and is left out.
            "AND (visits_line <> 0 OR visits_intervention <> 0)"
            f"{self.filters(('recipient', 'provider', 'category'))}"
        )

    def from_visits(self) -> str:
        question = self.question
        shares = ", ".join(key for key in question.by if key in SHARE_KEYS)
        # One row of `part` a visit and group, so that counting rows counts visits.
        part = (
            f"SELECT {shares + ', ' if shares else ''}sum(seconds) AS executed, "
            "coalesce(sum(seconds) FILTER (WHERE payable), 0) AS payable "
            "FROM unnest(v.share_category, v.share_intervention, v.share_line, v.share_seconds, v.share_payable) "
            f"AS share(category, intervention, order_line, seconds, payable) "
            f"WHERE true{self.filters(('category',))} {_group_by(shares)} HAVING count(*) > 0"
        )
        # A day to both sides, because the days are those of the starts and the index is of instants.
        start_at, end_at = days_span(question.days[0] - ONE_DAY, question.days[1] + ONE_DAY)
        columns = "".join(f"{KEYS[key]} AS {key}, " for key in question.by)
        granted = 0 if question.has_granted else "NULL"
        levels = ", ".join(f"count(*) FILTER (WHERE level = '{level}') AS {level}_visits" for level in LEVELS)
        return (
            f"SELECT {columns}sum(part.executed)::bigint AS executed_seconds, "
            f"sum(part.payable)::bigint AS payable_seconds, {granted}::bigint AS granted_seconds, "
            f"count(*) AS visits, {levels} "
            f"FROM visit AS v CROSS JOIN LATERAL ({part}) AS part "
            f"CROSS JOIN LATERAL (SELECT {WEAKEST_END}) AS shown(level) WHERE v.municipality_id = $1 "
            f"AND v.status = 'complete' AND v.local_on BETWEEN $2 AND $3 "
            f"AND v.anchor_at >= {self._argument(start_at)} AND v.anchor_at < {self._argument(end_at)}"
            f"{self.filters(('recipient', 'provider', 'staff'), 'v.')} "
            f"{_group_by(', '.join(KEYS[key] for key in question.by))} HAVING count(*) > 0"
        )

    def granted(self) -> str:
        """The common table expressions up to `granted`, which has a row for each order line and category."""
        order_days = ORDER_DAYS.format(filters=self.filters(("recipient", "provider"), "o."))
        granted = GRANTED.format(lines=ALL_LINES if self.question.recipient is None else "order_line")
        return (
            f"deaths AS MATERIALIZED ({DEATHS}), piece AS MATERIALIZED ({PIECES}), order_days AS ({order_days}), "
            f"catalogue AS MATERIALIZED ({OF_SPAN}), granted AS ({granted})"
        )
