"""Which format is answered with, and what the cells of a table are written as."""

import csv
import datetime as dt
import io
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.http.formats import MEDIA_TYPES, wanted_type
from app.api.http.problems import Problem
from app.store.exports import PLAIN, SPREADSHEET, csv_head, csv_rows

PLAIN_CSV = "text/csv; dialect=plain"


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("text/*", "text/csv"),
        ("text/csv, application/json;q=0.5", "text/csv"),
        ("application/x-ndjson;q=0.9, text/csv;q=0.3", "application/x-ndjson"),
        ("application/json;q=0, */*", "text/csv"),
        ("TEXT/CSV; charset=utf-8", "text/csv"),
        ("text/html, */*;q=0.1", "application/json"),
        ("text/csv; dialect=plain", PLAIN_CSV),
        ("text/csv; header=present; dialect=plain", PLAIN_CSV),
        ('text/csv;dialect="plain";q=0.8, application/json;q=0.7', PLAIN_CSV),
        ("text/csv; dialect=plain; q=0.4, text/csv", "text/csv"),
        ("text/csv;q=0, text/csv; dialect=plain", PLAIN_CSV),
        ("text/csv; dialect=plain; q=0, text/csv", "text/csv"),
        ("text/csv; dialect=unix", None),
        ("application/vnd.apache.parquet", "application/vnd.apache.parquet"),
        ("application/pdf", None),
        ("text/csv;q=0", None),
        ("text/csv;q=much", None),
    ],
)
def test_the_format_is_the_best_wanted_one(accept, answered):
    if answered:
        assert wanted_type(accept) == answered
    else:
        with pytest.raises(Problem, match="not_acceptable"):
            wanted_type(accept)


@given(st.text(max_size=40) | st.text(alphabet='text/csv;dialect="plain"=q.01, *', max_size=60))
def test_any_accept_header_gives_a_format_or_a_refusal(accept):
    with suppress(Problem):
        assert wanted_type(accept) in MEDIA_TYPES


SUMMER = dt.datetime(2026, 7, 1, 22, 30, tzinfo=dt.UTC)
AUTUMN = dt.datetime(2026, 10, 25, 1, 0, tzinfo=dt.UTC)

# A Swedish Excel reads a decimal comma; a program reads a point. Everything else is written alike.
CELLS = [
    (43, "43", "43"),
    (0.16666667, "0,16666667", "0.16666667"),
    (1e-8, "0,00000001", "0.00000001"),
    (-2.5, "-2,5", "-2.5"),
    (Decimal("1E+3"), "1000", "1000"),
    (Decimal("7.50"), "7,50", "7.50"),
    (None, "", ""),
    (True, "true", "true"),
    ('a;b,c\n"d"', 'a;b,c\n"d"', 'a;b,c\n"d"'),
    ("1.5", "1.5", "1.5"),
    ([], "", ""),
    (["order_cap", "month_cap"], "order_cap month_cap", "order_cap month_cap"),
    (["=1"], "'=1", "=1"),
    ({"a": 1.5}, '{"a":1.5}', '{"a":1.5}'),
    (SUMMER.date(), "2026-07-01", "2026-07-01"),
    (SUMMER, "2026-07-02T00:30:00+02:00", "2026-07-02T00:30:00+02:00"),
    (AUTUMN, "2026-10-25T02:00:00+01:00", "2026-10-25T02:00:00+01:00"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "sheet", "plain"), CELLS)
def test_a_cell_is_written_for_its_reader(value, sheet, plain):
    for dialect, text in ((SPREADSHEET, sheet), (PLAIN, plain)):
        assert read(csv_rows([{"ref": "B-1", "value": value}], ("ref", "value"), dialect), dialect) == [["B-1", text]]


def test_columns_go_by_their_names_whatever_order_a_row_has():
    rows = [{"a": 1, "b": 2.5}, {"b": 4, "a": 3}]
    for dialect, start, number in ((SPREADSHEET, b"\xef\xbb\xbfb;a\r\n", "2,5"), (PLAIN, b"b,a\r\n", "2.5")):
        assert csv_head(("b", "a"), dialect) == start
        assert read(csv_rows(rows, ("b", "a"), dialect), dialect) == [[number, "1"], ["4", "3"]]


@pytest.mark.parametrize("start", list("=+-@\t\r\n＝＋－＠"))
def test_no_text_of_a_sheet_begins_a_formula(start):
    """A program is given the text as it is: nothing of it is computed there."""
    for dialect, text in ((SPREADSHEET, f"'{start}1"), (PLAIN, f"{start}1")):
        assert read(csv_rows([{"ref": start + "1", "n": -1}], ("ref", "n"), dialect), dialect) == [[text, "-1"]]


def read(table, dialect):
    return list(csv.reader(io.StringIO(table.decode(), newline=""), delimiter=dialect.delimiter))
