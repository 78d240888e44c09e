"""A month is one table: in every format, before its close and after it, and on the documents that are made of it."""

import csv
import io
import json
from decimal import Decimal

import openpyxl
import pytest
from lxml import etree
from pypdf import PdfReader
from test_closing import CARE, CONTRACT, close, paid, visit  # noqa: F401 - a fixture among them
from test_invoices import PAYER, PROVIDER
from world import H1, order
from world import line as ordered

from app.domain.money.explanation import explained, kronor
from app.domain.money.month_lines import of_json

URL = "/v1/compensation"
MONTH = {"month": "2026-09", "provider": "P-norr"}
DAY = {"band": "dag", "times": [{"from": "08:00", "to": "16:00"}]}
# A spreadsheet would take it for a formula, and a careless reader of CSV for three cells.
TITLED = CARE | {"title": '=Omsorg, "dag"; natt'}
RULES = [
    TITLED | {"rates": [{"band": "dag", "ore": 41_111}, {"ore": 36_000}],
            "caps": {"month_hours": "0.9"}, "rounding": {"per": "visit", "step_minutes": 15, "mode": "up"}},
    {"ref": "granted", "title": "Städ", "basis": "granted", "categories": ["SERVICE"], "rates": [{"ore": 39_400}]},
    {"ref": "visits", "basis": "per_visit", "categories": ["DELEGATED_HSL"], "rates": [{"ore": 20_050}]},
    {"ref": "months", "basis": "per_month", "categories": ["ALARM"], "rates": [{"ore": 18_500}]},
]  # fmt: skip
DOCUMENT = {
    "bands": [DAY],
    "rules": RULES,
    "index": [{"from": "2026-09-15", "factor": "1.0213"}],
    "vat_compensation": {"percent": 2.5, "forms": ["external"]},
}
HEADINGS = (
    "provider", "month", "recipient", "contract", "rule", "title", "category", "area", "band", "reason", "notes",
    "from", "to", "visits", "unit", "quantity", "price_ore", "index", "percent", "amount_ore", "adjusts", "line",
)  # fmt: skip
TITLES = {
    "care": TITLED["title"],
    "granted": "Städ",
    "visits": "Utfört besök",
    "months": "Månad med gällande beställning",
    "vat_compensation": "Momskompensation på mottagarens övriga rader",
}
WORDS = {
    "CARE": "omsorg", "SERVICE": "service", "DELEGATED_HSL": "delegerad HSL", "ALARM": "larm",
    "hour": "timmar", "visit": "besök", "month": "månader", "ore": "kr",
}  # fmt: skip


@pytest.fixture
async def september(paid):  # noqa: F811 - the fixture that is imported
    """Every unit, band, index and limit; August has been closed and comes to more and to less since."""
    await paid.put("payers", "omsorg", PAYER)
    await paid.put("providers", "P-norr", PROVIDER)
    lines = [ordered("1", "dusch"), ordered("2", "insulin"), ordered("3", "städ", frequency=1), ordered("4", "larm")]
    await paid.put("contracts", "K-1", CONTRACT | {"compensation": {"rules": [TITLED]}})
    await paid.put("orders", "O-1", order("B-1", *lines, pauses=[("2026-09-01", "2026-09-04")]))
    await visit(paid, "2026-08-03", 30)
    await visit(paid, "2026-08-04", 20, staff="S-2")
    await close(paid, "2026-08")
    await paid.put("contracts", "K-1", CONTRACT | {"compensation": DOCUMENT})
    await visit(paid, "2026-09-10", 20)
    await visit(paid, "2026-09-20", 50)
    await visit(paid, "2026-09-21", 40, place=H1)
    return paid


def cell(value, dialect):
    """A value of the JSON as CSV has it."""
    if value is None:
        return ""
    if isinstance(value, list):
        return " ".join(value)
    if isinstance(value, float):
        return str(value) if dialect == "plain" else str(value).replace(".", ",")
    return f"'{value}" if dialect == "sheet" and str(value).startswith("=") else str(value)


def read(table, delimiter):
    return list(csv.DictReader(io.StringIO(table.decode("utf-8-sig"), newline=""), delimiter=delimiter))


async def in_every_format(service):
    """The lines as JSON has them, and the other formats as they came: each of them says the same, cell by cell."""
    answers = [
        await service.ask("GET", URL, role="system", params=MONTH, headers={"Accept": kind}, expect=200)
        for kind in ("application/json", "application/x-ndjson", "text/csv", "text/csv; dialect=plain")
    ]
    told, ndjson, sheet, plain = (answer.content for answer in answers)
    lines = json.loads(told)["lines"]
    assert [json.loads(text) for text in ndjson.splitlines()] == lines
    assert {tuple(line) for line in lines} == {HEADINGS}
    for table, dialect, delimiter in ((sheet, "sheet", ";"), (plain, "plain", ",")):
        assert read(table, delimiter) == [{key: cell(line[key], dialect) for key in HEADINGS} for line in lines]
    return lines, (ndjson, sheet, plain)


def by_document(lines):
    """Each line with its place on the invoice or, where it is below zero, on the credit note."""
    for letter, below in (("F", False), ("K", True)):
        own = [line for line in lines if (line["amount_ore"] < 0) == below]
        yield from ((f"{letter}{number}", line) for number, line in enumerate(own, 1))


def worked_out(line):
    """Quantity and price in kronor, index and share aside. A share of an amount counts kronor."""
    if line["unit"] == "ore":
        return line["quantity"] / 100, 1
    return line["quantity"], line["price_ore"] / 100


def of_workbook(content):
    head, *rows = openpyxl.load_workbook(io.BytesIO(content))["Rader"].iter_rows(values_only=True)
    return [dict(zip(head, row, strict=True)) for row in rows]


def of_invoice(content, kind):
    """What each line of the XML says."""
    for found in etree.fromstring(content).iterfind(f"{{*}}{kind}Line"):

        def text(*path, found=found):
            return [one.text for one in found.iterfind("/".join(f"{{*}}{name}" for name in path))]

        yield {
            "place": text("ID") + text("Note"),
            "quantity": [Decimal(one) for name in ("Invoiced", "Credited") for one in text(f"{name}Quantity")],
            "amount": [Decimal(one) for one in text("LineExtensionAmount")],
            "price": [Decimal(one) for one in text("Price", "PriceAmount")],
            "days": text("InvoicePeriod", "StartDate") + text("InvoicePeriod", "EndDate"),
            "key": text("DocumentReference", "ID"),
            "what": text("Item", "Name") + text("Item", "AdditionalItemProperty", "Value"),
        }


def as_invoiced(place, line):
    """What a line of the JSON is on the invoice: nobody sells öre by the piece, and no price is below zero."""
    amount = abs(Decimal(line["amount_ore"])) / 100
    exact = [Decimal(str(line[key])) for key in ("quantity", "price_ore", "index", "percent")]
    quantity, price = abs(exact[0]), exact[1] * exact[2] * exact[3] / 10_000
    return {
        "place": [place[1:], explained(of_json(line))],
        "quantity": [1 if line["unit"] == "ore" else quantity],
        "amount": [amount],
        "price": [amount if line["unit"] == "ore" else price],
        "days": [line["from"], line["to"]],
        "key": [line["line"]],
        "what": [one for one in (TITLES.get(line["rule"]), line["recipient"], line["adjusts"]) if one],
    }


async def test_every_format_of_a_month_is_the_same_table_before_and_after_its_close(september):
    before, files = await in_every_format(september)
    assert {line["unit"] for line in before} == {"hour", "visit", "month", "ore"}
    assert {line["adjusts"] for line in before} == {None, "2026-08"}
    assert {line["amount_ore"] < 0 for line in before} == {True, False}
    assert any(len(line["notes"]) > 1 for line in before)
    granted = [line for line in before if line["rule"] == "granted" and not line["adjusts"]]
    # Not paused from the fifth on, and dearer from the fifteenth.
    assert [(line["from"], line["to"]) for line in granted] == [
        ("2026-09-05", "2026-09-14"),
        ("2026-09-15", "2026-09-30"),
    ]
    await close(september, "2026-09")
    assert await in_every_format(september) == (before, files)

    async def document(name):
        return (await september.ask("GET", f"{URL}/{name}", role="controller", params=MONTH, expect=200)).content

    numbered = list(by_document(before))
    book = of_workbook(await document("specification.xlsx"))
    assert book == [
        {
            "Rad": place,
            "Mottagare": line["recipient"],
            "Avser": TITLES[line["rule"]],
            "Förklaring": explained(of_json(line)),
            "Kategori": WORDS.get(line["category"]),
            "Område": "tätort" if line["area"] else None,
            "Tidsband": line["band"],
            "Från": line["from"],
            "Till": line["to"],
            "Besök": line["visits"],
            "Antal": worked_out(line)[0],
            "Enhet": WORDS[line["unit"]],
            "Pris kr": worked_out(line)[1],
            "Index": line["index"],
            "Procent": line["percent"],
            "Belopp kr": line["amount_ore"] / 100,
            "Justerar": line["adjusts"],
            "Avtal": line["contract"],
            "Radens nyckel": line["line"],
        }
        for place, line in numbered
    ]
    for letter, name, kind in (("F", "invoice.xml", "Invoice"), ("K", "credit-note.xml", "CreditNote")):
        expected = [as_invoiced(place, line) for place, line in numbered if place[0] == letter]
        assert list(of_invoice(await document(name), kind)) == expected
    pages = PdfReader(io.BytesIO(await document("specification.pdf"))).pages
    text = " ".join(" ".join(page.extract_text() for page in pages).split())
    for place, line in numbered:
        cells = (place, line["recipient"], TITLES[line["rule"]], explained(of_json(line)), kronor(line["amount_ore"]))
        assert " ".join(" ".join(cells).split()) in text
