"""What is read: a large municipality's year, made as rows in place of facts, and the floor's lean table beside it.

The last month is whole, the other eleven are thinner; each recipient meets some fifteen of the staff, a few times a
day, and has an order with a line of each of three categories.
"""

import datetime as dt
from pathlib import Path

from app.store.database import Database
from app.store.invariants import COUNT_ANEW, SUM_ANEW
from bench.bases import empty
from bench.cluster import Cluster, fingerprint
from bench.processes import KEYS, MUNICIPALITY
from bench.sizes import Sizes

YEAR = "bench_year"
MONTHS = 12
PROVIDERS = 5

MASTER = (
    """INSERT INTO provider SELECT 188, 'P-' || p, 'external' FROM generate_series(0, {providers} - 1) AS p""",
    """INSERT INTO intervention_version SELECT 188, ref, '(,)', category, minutes FROM (VALUES
        ('stad', 'SERVICE', 60), ('morgon', 'CARE', 25), ('lakemedel', 'DELEGATED_HSL', 10)
    ) AS i(ref, category, minutes)""",
    """INSERT INTO staff_version SELECT 188, 'S-' || s, '(,)', 'S-' || s, 'P-' || s % {providers}, 'care_assistant'
    FROM generate_series(0, {staff} - 1) AS s""",
    """INSERT INTO recipient_version
    SELECT 188, 'B-' || r, '(,)', 'B-' || r, 'URBAN', date '1930-01-01' + r % 7000, NULL, false
    FROM generate_series(0, {recipients} - 1) AS r""",
    """INSERT INTO care_order (municipality_id, ref, part, recipient, provider, valid, in_force)
    SELECT 188, 'O-' || r, 0, 'B-' || r, 'P-' || r % {providers}, days, datemultirange(days)
    FROM generate_series(0, {recipients} - 1) AS r, daterange('{first_on}', NULL) AS days""",
    """INSERT INTO order_line (municipality_id, order_ref, part, ref, line_no, intervention, frequency, period,
        period_unit, staff_count)
    SELECT 188, 'O-' || r, 0, line::text, line, intervention, 1, 1, unit, 1
    FROM generate_series(0, {recipients} - 1) AS r, (VALUES
        (1, 'stad', 'wk'), (2, 'morgon', 'd'), (3, 'lakemedel', 'd')) AS l(line, intervention, unit)""",
)

# The same as it is put, which is what compensation reads.
RECORDS = (
    """INSERT INTO contract SELECT 188, 'K-' || p, 'P-' || p, daterange('{first_on}', NULL)
    FROM generate_series(0, {providers} - 1) AS p""",
    """INSERT INTO record
    SELECT 188, kind, ref, 1, row_number() OVER (), now(), 'bench', false, body FROM (
        SELECT 'providers' AS kind, ref, jsonb_build_object('name', ref, 'form', form) AS body FROM provider
        UNION ALL SELECT 'interventions', ref, jsonb_build_object(
            'title', ref, 'category', category, 'standard_minutes', standard_minutes) FROM intervention_version
        UNION ALL SELECT 'staff', ref, jsonb_build_object(
            'person', person, 'provider', provider, 'role', role, 'delegations', '[]'::jsonb) FROM staff_version
        UNION ALL SELECT 'recipients', ref, jsonb_build_object('household', household, 'area', area)
        FROM recipient_version
        UNION ALL SELECT 'contracts', ref, jsonb_build_object(
            'provider', provider, 'valid_from', lower(valid), 'split_policy', 'proportional', 'report_required', false,
            'compensation', jsonb_build_object('preset', ('{{{models}}}'::text[])[substr(ref, 3)::int + 1]))
        FROM contract
        UNION ALL SELECT 'orders', o.ref, jsonb_build_object(
            'recipient', o.recipient, 'provider', o.provider, 'valid_from', lower(o.valid), 'pauses', '[]'::jsonb,
            'lines', (SELECT jsonb_agg(jsonb_build_object('ref', l.ref, 'intervention', l.intervention,
                'frequency', l.frequency, 'period', l.period, 'period_unit', l.period_unit,
                'staff_count', l.staff_count)) FROM order_line AS l WHERE l.order_ref = o.ref))
        FROM care_order AS o
    ) AS told""",
    """UPDATE municipality SET master_seq = (SELECT max(seq) FROM record), leafless = true""",
)
MODELS = ("norrtalje-2020", "stockholm-2024", "lss-sol-2022", "executed-capped", "hsl-cap-17")
"""How the providers are paid: one each."""

AS_VISITS = """
INSERT INTO visit
SELECT {code}, presence, recipient, gen_random_uuid(), 2, presence, provider, staff, staff, 'care_assistant', recipient,
    presence, in_tap, started_at, started_at, started_at + seconds * interval '1 second', false,
    (started_at AT TIME ZONE 'Europe/Stockholm')::date, 'complete', true, 'static',
    CASE WHEN mix % 50 = 0 THEN 'manual' ELSE 'static' END, seconds, seconds, NULL, categories, interventions, lines,
    CASE WHEN mix % 5 < 2 THEN ARRAY[seconds - seconds / 3, seconds / 3] ELSE ARRAY[seconds] END,
    CASE WHEN mix % 5 < 2 THEN '{{true,true}}'::boolean[] ELSE '{{true}}' END,
    CASE WHEN mix % 5 < 2 THEN '{{by_order,by_order}}'::text[] ELSE '{{by_order}}' END,
    CASE WHEN mix % 50 = 7 THEN '{{clock_adjusted}}'::text[] ELSE '{{}}' END, NULL
FROM ({made}) AS told
"""
"""Rows of visits from what they are made of. `mix` says what is rare: `mix % 5` below 2 is a visit of two shares."""
# `nr` walks through the recipients again and again, `turn` through the month's days, `mix` through what was done.
VISITS = """
    SELECT mix, 'B-' || r AS recipient, 'P-' || r % {providers} AS provider, started_at,
        'S-' || (r * 7 + mix % 15) % {staff} AS staff,
        (600 + nr * 6700417 % 1800)::int AS seconds,
        uuidv7(started_at - now()) AS presence, uuidv7(started_at - now() + interval '30 minutes') AS in_tap,
        CASE mix % 5 WHEN 0 THEN '{{CARE,DELEGATED_HSL}}' WHEN 1 THEN '{{CARE,SERVICE}}' WHEN 2 THEN '{{CARE}}'
            WHEN 3 THEN '{{SERVICE}}' ELSE '{{DELEGATED_HSL}}' END::text[] AS categories,
        CASE mix % 5 WHEN 0 THEN '{{morgon,lakemedel}}' WHEN 1 THEN '{{morgon,stad}}' WHEN 2 THEN '{{morgon}}'
            WHEN 3 THEN '{{stad}}' ELSE '{{lakemedel}}' END::text[] AS interventions,
        (SELECT array_agg('O-' || r || '/' || line ORDER BY place) FROM unnest(CASE mix % 5 WHEN 0 THEN '{{2,3}}'
            WHEN 1 THEN '{{2,1}}' WHEN 2 THEN '{{2}}' WHEN 3 THEN '{{1}}' ELSE '{{3}}' END::int[])
            WITH ORDINALITY AS told(line, place)) AS lines
    FROM (
        SELECT nr, nr % {recipients} AS r, nr + nr / {recipients} * 31 AS mix, (
            date '{first_on}' + (turn % {days})::int + time '07:00'
            + (turn / {days} * 200 + nr * 7919 % 180) % 840 * interval '1 minute'
        ) AT TIME ZONE 'Europe/Stockholm' AS started_at
        FROM (
            SELECT nr, nr / {recipients} * 11 + nr % {recipients} AS turn
            FROM generate_series(0::bigint, {count} - 1) AS nr
        ) AS turned
    ) AS timed ORDER BY started_at
"""
FLOOR = (
    """CREATE TABLE floor_visit AS
    SELECT municipality_id AS municipality, recipient, started_at, ended_at, share_category[1] AS category,
        share_line[1] AS line, staff
    FROM visit ORDER BY recipient, started_at""",
    """CREATE INDEX floor_visit_covering ON floor_visit (municipality, recipient, started_at)
    INCLUDE (ended_at, category, line, staff)""",
    """VACUUM (ANALYZE)""",
)


def whole_month() -> dt.date:
    """The first day of the month before this one: the whole month of the year."""
    return (dt.datetime.now(dt.UTC).date().replace(day=1) - dt.timedelta(days=1)).replace(day=1)


def months_of_year() -> list[dt.date]:
    """The first days of the twelve months, the whole one last."""
    months = [whole_month()]
    while len(months) < MONTHS:
        months.append((months[-1] - dt.timedelta(days=1)).replace(day=1))
    return months[::-1]


async def year(cluster: Cluster, sizes: Sizes) -> str:
    """The database of the year."""
    wide = (sizes.read_recipients, sizes.read_staff, sizes.visits_of_month, sizes.other_months)
    made_by = fingerprint("year", wide, whole_month(), Path(__file__))
    if await cluster.is_made(YEAR, made_by):
        return YEAR
    print("making a year to read", flush=True)
    await empty(cluster, YEAR)
    months = months_of_year()
    names = {"providers": PROVIDERS, "staff": sizes.read_staff, "recipients": sizes.read_recipients}
    statements = [one.format(**names, first_on=months[0], models=",".join(MODELS)) for one in (*MASTER, *RECORDS)]
    for first_on in months:
        share = 1 if first_on == months[-1] else sizes.other_months
        days = ((first_on + dt.timedelta(days=31)).replace(day=1) - first_on).days
        count = int(sizes.visits_of_month * share)
        made = VISITS.format(**names, first_on=first_on, days=days, count=count)
        statements.append(AS_VISITS.format(code=MUNICIPALITY, made=made))
    await cluster.execute(*statements, name=YEAR)
    connection = await cluster.connect(YEAR)
    try:
        for kept in (SUM_ANEW, COUNT_ANEW):
            await connection.execute(kept, MUNICIPALITY, None, None)
    finally:
        await connection.close()
    database = Database(cluster.url(YEAR), pool_size=1, ledger_keys=[KEYS["ledger"]])
    try:
        async with database.write(MUNICIPALITY):  # the first write gives what is there its leaves
            pass
    finally:
        await database.close()
    await cluster.execute(*FLOOR, name=YEAR)
    cluster.note_made(YEAR, made_by)
    return YEAR
