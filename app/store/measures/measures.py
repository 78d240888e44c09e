"""Measures computed in SQL, for a whole municipality at once.

The definitions are `domain.measures.measures`; the queries here give the same distributions and leave the figures to
it.
"""

import datetime as dt
from collections import Counter, defaultdict
from typing import Any

from app.domain.measures.measures import Continuity, Evidence, Profile, Scope, born_by, evidence, period, summary
from app.domain.register.order import ONE_DAY
from app.domain.time import STOCKHOLM, Days, Span, days_span
from app.store.connection import Reading
from app.store.register.orders import DEATHS

# The visits that count for a profile. The local window is two instants for each day, looked up by day, since a
# time-zone conversion for each visit costs as much as the rest.
QUALIFYING = """municipality_id = $1 AND status = 'complete' AND seconds > 0 AND local_on BETWEEN $2::date AND $3::date
        AND anchor_at >= $4 AND anchor_at < $5 AND ($8::text[] IS NULL OR share_category && $8)
        AND started_at >= ($6::timestamptz[])[local_on - $2::date + 1]
        AND started_at < ($7::timestamptz[])[local_on - $2::date + 1]"""
# One sort of everything by recipient and person is what distinct persons cost; it must not spill to disk. Each question
# has a plan of its own, because one recipient is found by an index that is none for all of them.
FOR_ALL_OR_ONE = "SET LOCAL work_mem = '96MB'; SET LOCAL plan_cache_mode = force_custom_plan"

# One pass over the visits in the order they lie.
CONTINUITY = f"""
WITH met AS MATERIALIZED (
    SELECT recipient, count(DISTINCT person) FILTER (WHERE role IS NULL OR role <> ALL($9::text[])) AS persons,
        least({{each_day}}) AS fewest
    FROM visit AS v
    WHERE {QUALIFYING}{{of_visit}}
    GROUP BY recipient
), deaths AS MATERIALIZED ({DEATHS}), alive AS (
    SELECT o.recipient, o.valid * daterange(NULL, d.died_on, '[]') AS valid,
        o.in_force * datemultirange(daterange(NULL, d.died_on, '[]')) AS in_force
    FROM care_order AS o LEFT JOIN deaths AS d ON d.ref = o.recipient
    WHERE municipality_id = $1 AND valid && daterange($2::date, $3::date, '[]'){{of_order}}
), ordered AS MATERIALIZED (
    SELECT recipient, range_agg(in_force) @> daterange($2::date, $3::date, '[]') AS every_day,
        bool_or((datemultirange(valid) - in_force) && daterange($2::date, $3::date, '[]')) AS paused
    FROM alive WHERE valid && daterange($2::date, $3::date, '[]')
    GROUP BY recipient
), born AS MATERIALIZED (
    SELECT DISTINCT ON (ref) ref, birth_date FROM recipient_version AS r
    WHERE municipality_id = $1{{of_recipient}} ORDER BY ref, valid DESC
), judged AS (
    SELECT CASE
            WHEN birth_date IS NULL THEN 'age_unknown'
            WHEN birth_date > $10 THEN 'too_young'
            WHEN paused THEN 'paused'
            WHEN every_day IS NOT TRUE THEN 'order_not_in_force'
            WHEN coalesce(fewest, 0) < $11 THEN 'too_few_visits'
        END AS reason, persons
    FROM (SELECT recipient FROM met UNION SELECT recipient FROM ordered{{asked}}) AS candidate
    LEFT JOIN met USING (recipient) LEFT JOIN ordered USING (recipient) LEFT JOIN born ON born.ref = recipient
)
SELECT reason, CASE WHEN reason IS NULL THEN persons END AS persons, count(*) AS recipients FROM judged GROUP BY 1, 2
"""


def qualifying(scope: Scope, days: Days) -> list[Any]:
    """The arguments `$2` to `$8` of `QUALIFYING`. `$9` are the roles that are left out."""
    every_day = [days[0] + ONE_DAY * number for number in range((days[1] - days[0]).days + 1)]
    edges = [[dt.datetime.combine(on, edge, STOCKHOLM) for on in every_day] for edge in (scope.opens, scope.closes)]
    categories = None if scope.categories is None else sorted(scope.categories)
    return [*days, *around(days), *edges, categories, sorted(scope.roles_left_out)]


def around(days: Days) -> Span:
    """A span of instants that covers everything that begins on these local days, with a day to each side."""
    return days_span(days[0] - ONE_DAY, days[1] + ONE_DAY)


async def continuity(
    reading: Reading,
    profile: Profile,
    first_on: dt.date,
    *,
    provider: str | None = None,
    recipient: str | None = None,
) -> Continuity:
    """The continuity from `first_on` on, in all or of one provider's orders and visits, or of one recipient."""
    arguments = qualifying(profile, period(profile, first_on))
    arguments += [born_by(profile, first_on), profile.least_visits_a_day]
    fragments = dict.fromkeys(("of_visit", "of_order", "of_recipient", "asked"), "")
    if provider is not None:
        arguments.append(provider)
        fragments |= {
            "of_visit": f" AND v.provider = ${len(arguments) + 1}",
            "of_order": f" AND o.provider = ${len(arguments) + 1}",
        }
    if recipient is not None:
        arguments.append(recipient)
        place = f"${len(arguments) + 1}"
        fragments["of_visit"] += f" AND v.recipient = {place}"
        fragments["of_order"] += f" AND o.recipient = {place}"
        # A recipient that was asked for gets a reason, even without any order or visit.
        fragments |= {"of_recipient": f" AND r.ref = {place}", "asked": f" UNION SELECT {place}::text"}
    each_day = ", ".join(f"count(*) FILTER (WHERE local_on = $2::date + {number})" for number in range(profile.days))
    await reading.configure(FOR_ALL_OR_ONE)
    met: Counter[int] = Counter()
    excluded: Counter[str] = Counter()
    for row in await reading.fetch(CONTINUITY.format(each_day=each_day, **fragments), *arguments):
        if row["reason"] is None:
            met[row["persons"]] = row["recipients"]
        else:
            excluded[row["reason"]] = row["recipients"]
    return summary(profile, met, excluded)


# A row for each pair of levels that is met; which of the two is the weaker, the definition says.
EVIDENCE = """
SELECT provider, evidence_in, evidence_out, count(*) AS visits FROM visit
WHERE municipality_id = $1 AND status = 'complete' AND seconds > 0 AND local_on BETWEEN $2 AND $3
    AND anchor_at >= $4 AND anchor_at < $5
    AND ($6::text IS NULL OR provider = $6) AND ($7::text IS NULL OR recipient = $7)
GROUP BY provider, evidence_in, evidence_out ORDER BY provider
"""


async def evidence_by_provider(
    reading: Reading, days: Days, *, provider: str | None = None, recipient: str | None = None
) -> dict[str | None, Evidence]:
    """The evidence of visits that start within inclusive local days, for each provider with such visits."""
    ends: defaultdict[str | None, list[tuple[str | None, str | None, int]]] = defaultdict(list)
    for by, *counted in await reading.fetch(EVIDENCE, *days, *around(days), provider, recipient):
        ends[by].append(tuple(counted))
    return {by: evidence(counted) for by, counted in ends.items()}
