"""The files of recipients: when something was last noted in them, and which facts they consist of."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from app.domain.register.retention import File
from app.domain.time import Window, local_date
from app.store.connection import Changing, Reading

HEALTH_CARE = "('DELEGATED_HSL', 'LICENSED_HSL')"
# Of all recipients, or of those in a parameter.
FILES = f"""
WITH newest AS (
    SELECT DISTINCT ON (ref) ref, removed, body FROM record
    WHERE municipality_id = $1 AND kind = 'recipients' {{of_ref}} ORDER BY ref, version DESC
), noted AS (
    SELECT ref, max(at) AS last_at, bool_or(health) AS health FROM (
        SELECT CASE kind WHEN 'recipients' THEN ref ELSE body->>'recipient' END AS ref, recorded_at AS at,
            false AS health
        FROM record WHERE municipality_id = $1 AND (kind = 'recipients' {{of_ref}} OR body ? 'recipient' {{of_body}})
        UNION ALL
        SELECT recipient, anchor_at, EXISTS (SELECT FROM unnest(share_category) AS c WHERE c IN {HEALTH_CARE})
        FROM visit WHERE municipality_id = $1 {{of_recipient}}
        UNION ALL
        SELECT recipient, recorded_at, false FROM correction WHERE municipality_id = $1 {{of_recipient}}
        UNION ALL
        SELECT o.recipient, upper(o.valid)::timestamptz, EXISTS (
            SELECT FROM order_line AS l JOIN intervention_version AS i
                ON i.municipality_id = $1 AND i.ref = l.intervention AND i.category IN {HEALTH_CARE}
            WHERE l.municipality_id = $1 AND l.order_ref = o.ref)
        FROM care_order AS o WHERE o.municipality_id = $1 {{of_recipient}}
    ) AS notes GROUP BY ref
)
SELECT n.ref, noted.last_at, noted.health, n.body->>'died_on' IS NULL AND EXISTS (
        SELECT FROM care_order AS o WHERE o.municipality_id = $1 AND o.recipient = n.ref AND upper_inf(o.valid)
    ) AS in_force, (n.body->>'birth_date')::date AS born_on, (
        SELECT max(recorded_at) FROM record AS a
        WHERE a.municipality_id = $1 AND a.kind = 'archives' AND a.ref = n.ref) AS archived_at
FROM newest AS n JOIN noted USING (ref) WHERE NOT n.removed ORDER BY n.ref
"""
OF_SOME = {
    "of_ref": "AND ref = ANY($2::text[])",
    "of_body": "AND body->>'recipient' = ANY($2)",
    "of_recipient": "AND recipient = ANY($2)",
}
FILES_OF_ALL, FILES_OF_SOME = (FILES.format(**{name: text * some for name, text in OF_SOME.items()}) for some in (0, 1))
TOGETHER = """
SELECT DISTINCT one.recipient, other.recipient FROM visit AS one
JOIN visit AS other ON other.municipality_id = $1 AND other.presence = one.presence
WHERE one.municipality_id = $1 AND one.recipient = ANY($2::text[]) AND other.recipient <> one.recipient
"""
PRESENCES = """
SELECT p.id, coalesce(p.paired_by, p.person), least(p.anchor_at, p.paired_at), p.reach_at,
    array_remove(ARRAY[p.in_tap, p.out_tap] || ARRAY(
        SELECT (side->>0)::uuid FROM jsonb_array_elements(p.side_taps) AS side), NULL)
FROM presence AS p WHERE p.municipality_id = $1 AND p.id IN (
    SELECT presence FROM visit WHERE municipality_id = $1 AND recipient = ANY($2::text[]))
"""
# At a door where only they lived also what is no visit, as an inspector's taps.
AT_DOORS = """
SELECT t.id FROM tag_mount AS m JOIN tap AS t ON t.municipality_id = $1 AND t.tag = m.tag
    AND t.at >= coalesce(lower(m.mounted), '-infinity') AND t.at < coalesce(upper(m.mounted), 'infinity')
WHERE m.municipality_id = $1 AND m.household = ANY($2::text[])
"""
# Whatever was sent or entered about their visits, and what was refused of it.
FACTS = """
WITH told AS (SELECT id FROM report WHERE municipality_id = $1 AND tap = ANY($3::uuid[]))
SELECT 'tap' AS kind, id FROM tap WHERE municipality_id = $1 AND id = ANY($3)
UNION ALL SELECT 'report', id FROM told
UNION ALL SELECT 'manual_visit', id FROM manual_visit WHERE municipality_id = $1 AND recipient = ANY($2::text[])
UNION ALL SELECT 'correction', id FROM correction
    WHERE municipality_id = $1 AND (recipient = ANY($2) OR tap = ANY($3) OR tap = ANY($4::uuid[]))
UNION ALL SELECT 'attempt', id FROM attempt
    WHERE municipality_id = $1
        AND (item_id = ANY($3) OR item_id IN (SELECT id FROM told) OR claim->>'household' = ANY($5::text[]))
"""
RECORDS = """
SELECT kind, ref, version, seq, CASE kind WHEN 'recipients' THEN ref ELSE body->>'recipient' END AS named FROM record
WHERE municipality_id = $1 AND (kind, ref) IN (
    SELECT kind, ref FROM record
    WHERE municipality_id = $1 AND (kind = 'recipients' AND ref = ANY($2::text[]) OR body->>'recipient' = ANY($2)))
ORDER BY seq
"""
WHOLE = """
SELECT kind, ref, version, recorded_at, recorded_by, removed, body FROM record
WHERE municipality_id = $1 AND (kind = 'recipients' AND ref = $2 OR body->>'recipient' = $2) ORDER BY seq
"""
CLEAR = (
    "DELETE FROM care_order WHERE municipality_id = $1 AND recipient = ANY($2::text[])",
    "DELETE FROM recipient_version WHERE municipality_id = $1 AND ref = ANY($2::text[])",
    "DELETE FROM sealed_field WHERE municipality_id = $1 AND kind = 'recipients' AND ref = ANY($2::text[])",
)


class Erasable(NamedTuple):
    """The facts that are kept of some recipients, with the ids of their presences and the windows of who was there."""

    presences: frozenset[UUID]
    persons: list[Window]
    facts: dict[str, list[UUID]]
    records: list[tuple[str, str, int, int, str | None]]
    """Kind, ref, version, number and recipient of every version of records that ever named them."""


async def files(reading: Reading, recipients: Sequence[str] | None = None) -> list[File]:
    """The files of recipients, None for all, by ref."""
    some = recipients is not None
    rows = await reading.fetch(FILES_OF_SOME if some else FILES_OF_ALL, *([recipients] if some else []))
    return [
        File(ref, local_date(last_at), health, in_force, born_on, archived_at and local_date(archived_at))
        for ref, last_at, health, in_force, born_on, archived_at in rows
    ]


async def together(reading: Reading, recipients: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of one of the recipients and another who was served in the same presence."""
    return [(one, other) for one, other in await reading.fetch(TOGETHER, recipients)]


async def erasable(reading: Reading, recipients: Sequence[str], homes: Sequence[str]) -> Erasable:
    """All that is kept of these recipients. `homes` are the households where nobody else ever lived."""
    presences, persons, taps = set(), [], []
    for id_, person, first_at, last_at, own in await reading.fetch(PRESENCES, recipients):
        presences.add(id_)
        persons.append((person, first_at, last_at))
        taps += own
    taps = list({*taps, *(row["id"] for row in await reading.fetch(AT_DOORS, homes))})
    facts: dict[str, list[UUID]] = {}
    for kind, id_ in await reading.fetch(FACTS, recipients, taps, list(presences), homes):
        facts.setdefault(kind, []).append(id_)
    return Erasable(
        frozenset(presences), persons, facts, [tuple(row) for row in await reading.fetch(RECORDS, recipients)]
    )


async def clear(changing: Changing, recipients: Sequence[str]) -> None:
    """Delete recipients and their orders from the typed tables, and what is encrypted of them."""
    for statement in CLEAR:
        await changing.execute(statement, recipients)


async def records_about(reading: Reading, recipient: str) -> list[dict[str, Any]]:
    """Every version of every record about a recipient, in order, with its body as JSON text."""
    return [dict(row) for row in await reading.fetch(WHOLE, recipient)]
