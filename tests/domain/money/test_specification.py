"""The specification of a closed month: every line once, in words, and sums that are the lines'."""

import asyncio
import datetime as dt
import subprocess
import sys

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import to_json
from pypdf import PdfReader
from test_invoice import row
from test_invoice import settled as settled_line

from app.api.http.typeset import UNSHOWN, typeset
from app.api.money.specifications import TEMPLATE
from app.domain.money.explanation import COUNTED, explained
from app.domain.money.specification import Origin, columns_of, specification_of

CLOSED_AT = dt.datetime(2026, 11, 4, 11, tzinfo=dt.UTC)
ORIGIN = Origin(188, "Norrtälje", "P-norr", "Utförare norr", "2026-10", CLOSED_AT, 1207, "ab" * 32, "cd" * 32)


@settings(max_examples=50, deadline=None)
@given(st.lists(settled_line(), max_size=12))
def test_every_line_stands_once_and_the_sums_are_the_months(rows):
    told = specification_of(rows, ORIGIN)
    total = sum(one.amount_ore for one in rows)
    assert sum(line.amount_ore for line in told.lines) == sum(ore for _, ore in told.sums) == told.total_ore == total
    assert sorted(line.invoiced.text for line in told.lines) == sorted(explained(one) for one in rows)
    assert len({line.place for line in told.lines}) == len(rows)
    assert all((line.place[0] == "K") == (line.amount_ore < 0) for line in told.lines)


def test_what_is_told_of_a_month():
    told = specification_of([row(), row(-100, adjusts="2026-08"), row(200, title="Larm")], ORIGIN)
    assert told.title == "Specifikation oktober 2026, Utförare norr"
    assert told.facts == (
        ("Kommun", "Norrtälje"),
        ("Utförare", "Utförare norr (P-norr)"),
        ("Månad", "oktober 2026"),
        ("Stängd", "2026-11-04 12:00"),
        ("Faktura", "188-P-norr-2026-10, 2 rader (F), 16\u00a0944,00 kr"),
        ("Kreditnota", "188-P-norr-2026-10-K, 1 rad (K), 1,00 kr"),
        ("Summa utan mervärdesskatt", "16\u00a0943,00 kr"),
        ("Liggarens rot", f"{'ab' * 32} över 1207 händelser"),
        ("Radernas SHA-256", "cd" * 32),
    )
    assert told.sums == (("Omsorg", 1_694_200), ("Larm", 200), ("Omsorg, justering av augusti 2026", -100))
    assert [line.place for line in told.lines] == ["F1", "F2", "K1"]


def test_the_columns_of_a_line_are_numbers_that_multiply():
    vat = row(33_884, reason="vat_compensation", unit="ore", quantity=1_694_200, price_ore=1, percent=2, title="")
    for line in specification_of([row(), vat], ORIGIN).lines:
        told = columns_of(line)
        product = told["Antal"] * told["Pris kr"] * told["Index"] * told["Procent"] / 100
        assert product == pytest.approx(told["Belopp kr"], abs=0.005)
    assert (told["Enhet"], told["Avser"]) == ("kr", COUNTED["vat_compensation"])


async def typeset_of(*titles):
    lines = [(f"F{place}", "B-001", title, "Utförd tid.", "1,00") for place, title in enumerate(titles, 1)]
    words = {"title": "Specifikation", "author": "Norrtälje", "facts": [("Månad", "oktober 2026")], "sums": []}
    return await typeset(TEMPLATE, to_json(words | {"lines": lines}), CLOSED_AT)


async def test_a_pdf_holds_any_title_as_it_is_but_for_what_the_font_lacks(tmp_path):
    marked = "_a_ *b* #c() [d] $e$ \\ <f> åäö ÅÄÖ é 日本 😀"
    (tmp_path / "one.pdf").write_bytes(await typeset_of(marked))
    text = PdfReader(tmp_path / "one.pdf").pages[0].extract_text()
    assert "_a_ *b* #c() [d] $e$ \\ <f> åäö ÅÄÖ é ?? ?" in " ".join(text.split())
    # One that it is said to have and lacks would make no document at all.
    shown = "".join(chr(code) for code in range(0x3000) if not UNSHOWN.match(chr(code)))
    with pikepdf.open(tmp_path / "one.pdf"):
        assert (await typeset_of(" ".join(shown))).startswith(b"%PDF-")


async def test_a_pdf_is_the_same_for_the_same_month_and_its_child_is_gone_when_nobody_waits():
    assert await typeset_of("Omsorg") == await typeset_of("Omsorg")
    waiting = asyncio.create_task(typeset_of(*["Omsorg"] * 500))
    await asyncio.sleep(0.05)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (await typeset_of("Omsorg")).startswith(b"%PDF-")
    with pytest.raises(RuntimeError):
        await typeset(TEMPLATE, b"{}", CLOSED_AT)


def test_a_worker_starts_without_what_only_documents_need():
    asked = "import sys, app.main; print({'lxml', 'typst', 'xlsxwriter'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
