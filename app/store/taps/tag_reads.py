"""The reads of tags with keys: fragments that look them up with their neighbours and store them."""

from collections.abc import Sequence
from typing import Any

from app.domain.taps.read_counter import CountedRead, Narrowing, Place
from app.store import rows, schema

OF = "t.municipality_id = $1 AND t.tag = {of}.tag AND t.epoch = {of}.epoch AND t.counter"
LAST_COUNTER = 2**24


def near(first: int) -> str:
    """A SELECT of the reads at and next to the counters in the parameters from `$first` on (tags, epochs, counters).

    It reads three index entries for each counter, however many reads the tag has.
    """
    same = OF.format(of="wanted")
    return f"""
    SELECT r.read FROM unnest(${first}::text[], ${first + 1}::int[], ${first + 2}::int[]) AS wanted(tag, epoch, counter)
    CROSS JOIN LATERAL (
        (SELECT t AS read FROM tag_read AS t WHERE {same} <= wanted.counter ORDER BY t.counter DESC LIMIT 2)
        UNION ALL
        (SELECT t FROM tag_read AS t WHERE {same} > wanted.counter ORDER BY t.counter LIMIT 1)
    ) AS r"""


def insert(at: int) -> str:
    """An INSERT of the reads in `$at`. It fails on a stored counter: constraint `tag_read_each_counter_once`."""
    return f"INSERT INTO tag_read {rows.given(schema.tag_read, at)}"


def narrow(first: int) -> str:
    """An UPDATE of the bounds of reads around those in the parameters from `$first` on (one for each column).

    Bounds rise with the counter, so the reads to change lie next to each, and end where one is narrow enough.
    """
    same = OF.format(of="new")
    return f"""
    UPDATE tag_read AS r SET low_at = greatest(r.low_at, moved.low_at), high_at = least(r.high_at, moved.high_at),
        reached_at = least(r.reached_at, moved.reached_at)
    FROM (
        SELECT tag, epoch, counter, max(low_at) AS low_at, min(high_at) AS high_at, min(reached_at) AS reached_at
        FROM unnest(${first}::text[], ${first + 1}::int[], ${first + 2}::int[], ${first + 3}::timestamptz[],
            ${first + 4}::timestamptz[], ${first + 5}::timestamptz[])
            AS new(tag, epoch, counter_of, low, high, reached) CROSS JOIN LATERAL (
            SELECT t.counter, new.low AS low_at, NULL::timestamptz AS high_at, NULL::timestamptz AS reached_at
            FROM tag_read AS t WHERE {same} > new.counter_of AND t.counter < coalesce((
                SELECT t.counter FROM tag_read AS t WHERE {same} > new.counter_of AND t.low_at >= new.low
                ORDER BY t.counter LIMIT 1), {LAST_COUNTER})
            UNION ALL
            SELECT t.counter, NULL, new.high, new.reached
            FROM tag_read AS t WHERE {same} < new.counter_of AND t.counter > coalesce((
                SELECT t.counter FROM tag_read AS t WHERE {same} < new.counter_of AND t.high_at <= new.high
                    AND t.reached_at <= new.reached
                ORDER BY t.counter DESC LIMIT 1), -1)
        ) AS between_bounds
        GROUP BY tag, epoch, counter
    ) AS moved
    WHERE r.municipality_id = $1 AND r.tag = moved.tag AND r.epoch = moved.epoch AND r.counter = moved.counter"""


def columns_of(narrowings: Sequence[Narrowing]) -> list[tuple[Any, ...]]:
    """The parameters of `narrow`."""
    return list(zip(*narrowings, strict=True))


def row_of(municipality_id: int, place: Place, read: CountedRead) -> tuple[Any, ...]:
    """The row of a read, as `insert` takes it."""
    bounds = (read.low_at, read.high_at, read.reached_at)
    return (municipality_id, *place, read.counter, read.tap, read.phone, *bounds)
