"""The invariants of the stored projection, by name; each is a query for what breaks it.

They ask whether the projection agrees with itself. The rebuild asks whether it is what the facts derive.
"""

import datetime as dt

from app.domain.money.month_lines import COLUMNS
from app.domain.taps.read_counter import DRIFT, TOLERANCE
from app.domain.visits.presence import Presence
from app.store import rows, schema
from app.store.connection import Reading, Writing
from app.store.fragments import interval
from app.store.visits.presences import LONGEST
from app.store.visits.visits import WEAKEST_END

SUMS = [name for name in rows.names(schema.month_sum) if name not in rows.key_of(schema.month_sum)]
# The sums of a month, computed from the visits: a visit is counted on its first share of each kind.
FIRSTS = {"": "nr", "_category": "of_category", "_intervention": "of_intervention", "_line": "of_line"}
# In the order of the columns of `month_sum`.
KEPT = ("manual", "static", "sun_late", "off_site", "system_down")
LEVELS = ", ".join(
    f"count(*) FILTER (WHERE s.{first} = 1 AND v.level = '{level}') AS {level}{kind}"
    for level in KEPT
    for kind, first in FIRSTS.items()
)
MONTH_SUMS = f"""
    SELECT date_trunc('month', v.local_on)::date AS month, v.recipient, coalesce(v.provider, '') AS provider,
        s.category, s.intervention, s.order_line, sum(s.seconds) AS executed_seconds,
        coalesce(sum(s.seconds) FILTER (WHERE s.payable), 0) AS payable_seconds,
        count(*) FILTER (WHERE s.nr = 1) AS visits,
        count(*) FILTER (WHERE s.of_category = 1) AS visits_category,
        count(*) FILTER (WHERE s.of_intervention = 1) AS visits_intervention,
        count(*) FILTER (WHERE s.of_line = 1) AS visits_line,
        {LEVELS}
    FROM (
        SELECT *, {WEAKEST_END} AS level FROM visit AS v
        WHERE municipality_id = $1 AND ($2::date IS NULL OR local_on BETWEEN $2 AND $3)
    ) AS v CROSS JOIN LATERAL (
        SELECT coalesce(category, '') AS category, coalesce(intervention, '') AS intervention,
            coalesce(order_line, '') AS order_line, seconds, payable, nr,
            row_number() OVER (PARTITION BY category ORDER BY nr) AS of_category,
            row_number() OVER (PARTITION BY intervention ORDER BY nr) AS of_intervention,
            row_number() OVER (PARTITION BY order_line ORDER BY nr) AS of_line
        FROM unnest(v.share_category, v.share_intervention, v.share_line, v.share_seconds, v.share_payable)
            WITH ORDINALITY AS share(category, intervention, order_line, seconds, payable, nr)
    ) AS s
    GROUP BY 1, 2, 3, 4, 5, 6
"""
STORED_SUMS = f"""
    SELECT {", ".join(rows.names(schema.month_sum)[1:])} FROM month_sum
    WHERE municipality_id = $1 AND ($2::date IS NULL OR month BETWEEN $2 AND $3)
      AND ({", ".join(SUMS)}) <> ({", ".join("0" for _ in SUMS)})
"""
WRONG_SUMS = f"""
WITH derived AS ({MONTH_SUMS}), kept AS ({STORED_SUMS})
SELECT DISTINCT month::text || ' ' || recipient FROM (
    (TABLE derived EXCEPT TABLE kept) UNION ALL (TABLE kept EXCEPT TABLE derived)
) AS differing
"""
# Two statements: in one, the new rows would meet the keys of those being deleted.
CLEAR_SUMS = "DELETE FROM month_sum WHERE municipality_id = $1 AND ($2::date IS NULL OR month BETWEEN $2 AND $3)"
SUM_ANEW = f"INSERT INTO month_sum SELECT $1, derived.* FROM ({MONTH_SUMS}) AS derived"
# The counts of the inbox, in the same way.
COUNTS = """
    SELECT coalesce(v.provider, '') AS provider, a.code, coalesce(v.anomaly_states ->> a.code, 'open') AS state,
        date_trunc('month', v.local_on)::date AS month, count(*)::int AS found
    FROM visit AS v CROSS JOIN LATERAL unnest(v.anomalies) AS a(code)
    WHERE v.municipality_id = $1 AND cardinality(v.anomalies) > 0 AND ($2::date IS NULL OR v.local_on BETWEEN $2 AND $3)
    GROUP BY 1, 2, 3, 4
"""
WRONG_COUNTS = f"""
WITH derived AS ({COUNTS}), kept AS (
    SELECT provider, code, state, month, found FROM anomaly_count
    WHERE municipality_id = $1 AND ($2::date IS NULL OR month BETWEEN $2 AND $3) AND found <> 0
)
SELECT DISTINCT month::text || ' ' || provider || ' ' || code FROM (
    (TABLE derived EXCEPT TABLE kept) UNION ALL (TABLE kept EXCEPT TABLE derived)
) AS differing
"""
CLEAR_COUNTS = "DELETE FROM anomaly_count WHERE municipality_id = $1 AND ($2::date IS NULL OR month BETWEEN $2 AND $3)"
COUNT_ANEW = f"INSERT INTO anomaly_count SELECT $1, derived.* FROM ({COUNTS}) AS derived"
MADE_ANEW = (("sums", WRONG_SUMS, (CLEAR_SUMS, SUM_ANEW)), ("anomalies", WRONG_COUNTS, (CLEAR_COUNTS, COUNT_ANEW)))
"""The figures stored for a month beside its visits: name, query for wrong ones, statements that make them anew."""


# Each write of a visit is a change, and so is its withdrawal, which moves no version.
VERSIONS = """
    SELECT visit AS id, count(*) FILTER (WHERE NOT gone) AS version,
        coalesce(max(no) FILTER (WHERE gone) = max(no), false) AS gone
    FROM visit_change WHERE municipality_id = $1 GROUP BY visit
"""
PAIRED = {name: f"paired -> 0 ->> {at}" for at, name in enumerate(Presence._fields)}
# Columns that only serve look-ups: they follow from the rest of the row.
AS_PRESENCES_SAY = f"""
    SELECT p.id, derived.* FROM presence AS p CROSS JOIN LATERAL (
        SELECT coalesce(started_at, ended_at) AS anchor_at,
            coalesce(closed_at, ended_at, started_at + {LONGEST}) AS reach_at,
            {PAIRED["person"]} AS paired_by,
            coalesce({PAIRED["started_at"]}, {PAIRED["ended_at"]})::timestamptz AS paired_at,
            CASE WHEN state = 'complete' AND dispute_in IS NULL AND dispute_out IS NULL THEN p.spans
                ELSE '{{}}' END AS spans
    ) AS derived
    WHERE municipality_id = $1 AND (p.anchor_at, p.reach_at, p.paired_by, p.paired_at, p.spans) IS DISTINCT FROM
        (derived.anchor_at, derived.reach_at, derived.paired_by, derived.paired_at, derived.spans)
"""
AS_VISITS_SAY = """
    SELECT v.id, derived.* FROM visit AS v CROSS JOIN LATERAL (
        SELECT coalesce(started_at, ended_at) AS anchor_at,
            CASE WHEN status = 'complete' THEN v.spans ELSE '{}' END AS spans
    ) AS derived
    WHERE municipality_id = $1 AND (v.anchor_at, v.spans) IS DISTINCT FROM (derived.anchor_at, derived.spans)
"""


INVARIANTS: dict[str, str] = {
    "the shares of a visit add up to its seconds": """
        SELECT id::text FROM visit WHERE municipality_id = $1
          AND (SELECT coalesce(sum(s), 0) FROM unnest(share_seconds) AS s) <> seconds""",
    "each share of a visit says all that a share says": """
        SELECT id::text FROM visit WHERE municipality_id = $1 AND (
            cardinality(share_category), cardinality(share_intervention), cardinality(share_line),
            cardinality(share_payable), cardinality(share_reason)
        ) <> (SELECT n, n, n, n, n FROM cardinality(share_seconds) AS n)""",
    "the visits of a presence add up to its seconds": """
        SELECT presence::text FROM visit WHERE municipality_id = $1
        GROUP BY presence
        HAVING sum(seconds) <> max(presence_seconds)
            OR min(presence_seconds) FILTER (WHERE status = 'complete') <> max(presence_seconds)""",
    "no second of a person is counted twice": """
        SELECT DISTINCT person FROM (
            SELECT person, low, max(high) OVER (PARTITION BY person ORDER BY low, high
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached
            FROM presence AS p CROSS JOIN LATERAL (
                SELECT p.spans[i] AS low, p.spans[i + 1] AS high
                FROM generate_series(1, coalesce(cardinality(p.spans), 0), 2) AS i
                UNION ALL
                SELECT p.started_at, p.ended_at WHERE p.spans IS NULL AND p.started_at < p.ended_at
            ) AS span
            WHERE p.municipality_id = $1 AND p.state = 'complete' AND p.dispute_in IS NULL AND p.dispute_out IS NULL
        ) AS spans WHERE low < reached""",
    "every visit stands on a presence": """
        SELECT v.id::text FROM visit AS v LEFT JOIN presence AS p ON p.municipality_id = $1 AND p.id = v.presence
        WHERE v.municipality_id = $1 AND p.id IS NULL""",
    "every presence stands on stored taps": """
        SELECT p.id::text FROM presence AS p
        LEFT JOIN tap AS i ON i.municipality_id = $1 AND i.id = p.in_tap
        LEFT JOIN tap AS o ON o.municipality_id = $1 AND o.id = p.out_tap
        WHERE p.municipality_id = $1
          AND ((p.in_tap IS NOT NULL AND i.id IS NULL) OR (p.out_tap IS NOT NULL AND o.id IS NULL))""",
    "a visit is payable when it is complete and every share is": """
        SELECT id::text FROM visit WHERE municipality_id = $1
          AND payable <> (status = 'complete' AND cardinality(share_payable) > 0 AND true = ALL (share_payable))""",
    "the kept sums of a month are those of its visits": WRONG_SUMS,
    "the kept counts of anomalies are those of the visits": WRONG_COUNTS,
    "every counter that a tap says is a read of its tag, by the phone that sent it, and no other is": """
        SELECT tag || ' ' || epoch || ' ' || counter
        FROM (SELECT * FROM tap WHERE municipality_id = $1 AND counter IS NOT NULL) AS t
        FULL JOIN (SELECT * FROM tag_read WHERE municipality_id = $1) AS r USING (tag, epoch, counter)
        WHERE (r.tap, r.phone) IS DISTINCT FROM (t.id, coalesce('device ' || t.device, 'staff ' || t.staff))""",
    "the bounds of a tag's reads are what its taps say": f"""
        SELECT tag || ' ' || epoch || ' ' || counter FROM (
            SELECT r.*, max(own.low) OVER (PARTITION BY r.tag, r.epoch ORDER BY r.counter) AS low,
                min(own.high) OVER (PARTITION BY r.tag, r.epoch ORDER BY r.counter DESC) AS high,
                min(t.received_at) OVER (PARTITION BY r.tag, r.epoch ORDER BY r.counter DESC) AS reached
            FROM tag_read AS r JOIN tap AS t ON t.municipality_id = $1 AND t.id = r.tap
            CROSS JOIN LATERAL (
                SELECT {interval(TOLERANCE)} + (t.received_at - t.at) / {DRIFT} AS tolerance, t.verdict = 'accepted' AS
                stands
            ) AS claim CROSS JOIN LATERAL (
                SELECT CASE WHEN stands THEN t.at - tolerance ELSE 'epoch' END AS low,
                    CASE WHEN stands THEN least(t.received_at, t.at + tolerance) ELSE t.received_at END AS high
            ) AS own
            WHERE r.municipality_id = $1
        ) AS derived
        -- PostgreSQL rounds the fraction of a tolerance, the rule cuts it off.
        WHERE abs(extract(epoch FROM low - low_at)) > 0.001 OR abs(extract(epoch FROM high - high_at)) > 0.001
            OR reached <> reached_at""",
    "what presences are found by is what they say": f"SELECT id::text FROM ({AS_PRESENCES_SAY}) AS wrong",
    "what visits are found by is what they say": f"SELECT id::text FROM ({AS_VISITS_SAY}) AS wrong",
    "no municipality with leaves waits for them": """
        SELECT 'municipality' FROM municipality WHERE municipality_id = $1 AND leafless
          AND EXISTS (SELECT FROM ledger_leaf WHERE municipality_id = $1)""",
    "a tree of the ledger has its head": """
        SELECT 'municipality' FROM municipality WHERE municipality_id = $1
          AND EXISTS (SELECT FROM ledger_tile WHERE municipality_id = $1)
          AND NOT EXISTS (SELECT FROM ledger_head WHERE municipality_id = $1)""",
    "changes are numbered without a gap": """
        SELECT 'change ' || m.change_no FROM municipality AS m WHERE m.municipality_id = $1
          AND (m.change_no, m.change_no, 1) <> (
            SELECT count(*), coalesce(max(no), 0), coalesce(min(no), 1)
            FROM visit_change AS c WHERE c.municipality_id = $1)""",
    "a visit stands or is withdrawn as its changes say, in a version for each that did not withdraw it": f"""
        SELECT id::text FROM ({VERSIONS}) AS derived FULL JOIN (
            SELECT id, version, false AS gone FROM visit WHERE municipality_id = $1
            UNION ALL SELECT id, version, true FROM withdrawn_visit WHERE municipality_id = $1
        ) AS kept USING (id)
        WHERE (derived.version, derived.gone) IS DISTINCT FROM (kept.version, kept.gone)""",
    "the versions of a record are numbered without a gap": """
        SELECT kind || ' ' || ref FROM record WHERE municipality_id = $1
        GROUP BY kind, ref HAVING count(*) <> max(version) - min(version) + 1
            -- Of what was purged, the version that says so is the first that is left.
            OR min(version) > 1 AND NOT bool_or(removed AND body = '{}')""",
    "master data is numbered without a gap": """
        SELECT 'record ' || m.master_seq FROM municipality AS m WHERE m.municipality_id = $1
          AND (SELECT count(*) FROM record AS r WHERE r.municipality_id = $1)
            + (SELECT count(*) FROM erased_fact AS e WHERE e.municipality_id = $1 AND e.kind = 'record')
            <> m.master_seq""",
    "whoever an entry of the access log shows is found by it": """
        SELECT entry::text FROM (
            (SELECT id AS entry, ref FROM access_entry CROSS JOIN unnest(recipients) AS ref WHERE municipality_id = $1
                EXCEPT SELECT entry, recipient FROM access_person WHERE municipality_id = $1)
            UNION ALL
            (SELECT entry, recipient FROM access_person WHERE municipality_id = $1
                EXCEPT SELECT id, ref FROM access_entry CROSS JOIN unnest(recipients) AS ref WHERE municipality_id = $1)
        ) AS differing""",
    "no entry of the access log waits longer than an hour for its block": """
        SELECT id::text FROM access_entry WHERE municipality_id = $1 AND block IS NULL AND at <
            (SELECT max(closed_at) FROM access_block WHERE municipality_id = $1) - interval '1 hour'""",
    "a closed month's lines come to its total": """
        SELECT provider || ' ' || month FROM (
            SELECT provider, month, line_count AS lines, total_ore AS ore
            FROM period_close WHERE municipality_id = $1
            UNION ALL
            SELECT provider, month, -count(*), -sum(amount_ore)
            FROM period_line WHERE municipality_id = $1 GROUP BY provider, month
        ) AS derived
        GROUP BY provider, month HAVING sum(lines) <> 0 OR sum(ore) <> 0""",
    "a line of a closed month is kept under what it says": f"""
        SELECT l.provider || ' ' || l.month || ' ' || line_no FROM period_line AS l
        LEFT JOIN period_close AS c ON c.municipality_id = $1 AND c.provider = l.provider AND c.month = l.month
        WHERE l.municipality_id = $1 AND (c.id IS NULL OR line_no NOT BETWEEN 1 AND c.line_count
            OR (SELECT count(*) FROM jsonb_object_keys(body)) <> {len(COLUMNS)}
            OR amount_ore <> (body ->> 'amount_ore')::bigint
            OR of_month <> (coalesce(body ->> 'adjusts', body ->> 'month') || '-01')::date)""",
}
BOUNDED = {WRONG_SUMS, WRONG_COUNTS}
"""The invariants that take a first and a last day; None for both asks about all days."""
EXAMPLES_SHOWN = 5


async def broken(reading: Reading) -> list[str]:
    """A line for each invariant that does not hold, with examples of what breaks it."""
    # These questions are about whole tables, and a writer looks rows up.
    await reading.configure("SET LOCAL enable_seqscan = on; SET LOCAL plan_cache_mode = auto")
    lines = []
    for name, query in INVARIANTS.items():
        days = (None, None) if query in BOUNDED else ()
        found = [row[0] for row in await reading.fetch(query, *days)]
        if found:
            shown = ", ".join(found[:EXAMPLES_SHOWN])
            lines.append(f"not so: {name} ({len(found)}: {shown})")
    return lines


MENDED = (
    ("presence {} was found by what it does not say", f"""
        UPDATE presence AS p SET anchor_at = derived.anchor_at, reach_at = derived.reach_at,
            paired_by = derived.paired_by, paired_at = derived.paired_at, spans = derived.spans
        FROM ({AS_PRESENCES_SAY}) AS derived WHERE p.municipality_id = $1 AND p.id = derived.id RETURNING p.id"""),
    ("visit {} was found by what it does not say", f"""
        UPDATE visit AS v SET anchor_at = derived.anchor_at, spans = derived.spans
        FROM ({AS_VISITS_SAY}) AS derived WHERE v.municipality_id = $1 AND v.id = derived.id RETURNING v.id"""),
    ("visit {} had not the version that its changes say", f"""
        UPDATE visit AS v SET version = derived.version FROM ({VERSIONS}) AS derived
        WHERE v.municipality_id = $1 AND v.id = derived.id AND v.version <> derived.version RETURNING v.id"""),
)  # fmt: skip


async def mend_beside(reading: Reading) -> list[str]:
    """Correct the columns of presences and visits that follow from others. Returns a line for each wrong row."""
    return [line.format(row[0]) for line, query in MENDED for row in await reading.fetch(query)]


async def mend_kept(writing: Writing, first_on: dt.date | None, last_on: dt.date | None) -> list[str]:
    """Correct the stored sums and counts of the months from `first_on` to `last_on`; None for both means all months.

    Returns a line for each wrong one.
    """
    lines = []
    for what, query, statements in MADE_ANEW:
        wrong = [row[0] for row in await writing.fetch(query, first_on, last_on)]
        if wrong:
            for statement in statements:
                await writing.execute(statement, first_on, last_on)
        lines += [f"{what} of {one}" for one in wrong]
    return lines
