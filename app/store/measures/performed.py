"""The performed visits with help of one category, and the groups in which measures count them."""

from app.domain.closed_sets import Category

Who = tuple[bool, str | None]
"""True with None for all providers together, else False with a provider; that is None for visits of unknown staff."""
ALL: Who = (True, None)


def performed(category: Category) -> str:
    """A query for complete visits: provider, recipient, day, seconds of the category and whether some is unordered.

    `$1` is the municipality, `$2` and `$3` the first and last day, `$4` and `$5` instants around them for the index,
    `$6` and `$7` a provider and a recipient or NULL.
    """
    return f"""
    SELECT v.provider, v.recipient, v.local_on, done.seconds, done.unordered FROM visit AS v CROSS JOIN LATERAL (
        SELECT sum(seconds) AS seconds, bool_or(line IS NULL) AS unordered
        FROM unnest(v.share_category, v.share_line, v.share_seconds) AS share(category, line, seconds)
        WHERE category = '{category}'
    ) AS done
    WHERE v.municipality_id = $1 AND v.status = 'complete' AND v.local_on BETWEEN $2 AND $3
        AND v.anchor_at >= $4 AND v.anchor_at < $5 AND '{category}' = ANY(v.share_category)
        AND ($6::text IS NULL OR v.provider = $6) AND ($7::text IS NULL OR v.recipient = $7)
"""
