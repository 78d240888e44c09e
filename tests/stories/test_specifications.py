"""The specification of a closed month over HTTP: a workbook that computes, and a PDF that can be read aloud."""

import io

import openpyxl
import pdfua
import pikepdf
import pytest
from pypdf import PdfReader
from test_closing import CARE, CONTRACT, close, month_of, paid, visit  # noqa: F401 - a fixture among them
from world import recipient

from app.api.money import specifications

XLSX, PDF = "specification.xlsx", "specification.pdf"
SECRET = ("Hemlig", "121212", "1912", "S-1", "H-2")


@pytest.fixture
async def adjusted(paid):  # noqa: F811 - the fixture that is imported
    """September has a line of its own, one up and one down for August, and a title that would be a formula."""
    who = {"name": SECRET[0], "personal_number": "19121212-1212", "protected": True, "birth_date": "1912-12-12"}
    await paid.put("recipients", "B-2", recipient("B-2", **who))
    await visit(paid, "2026-08-03", 30)
    await close(paid, "2026-08")
    dearer = CARE | {"title": "=Omsorg 19121212-1212", "rates": [{"ore": 72_000}]}
    await paid.put("contracts", "K-1", CONTRACT | {"compensation": {"rules": [dearer]}})
    await visit(paid, "2026-09-01", 5)
    await close(paid, "2026-09")
    return paid


async def asked(service, name, month="2026-09", *, expect=200):
    params = {"month": month, "provider": "P-norr"}
    return await service.ask("GET", f"/v1/compensation/{name}", role="controller", params=params, expect=expect)


ADJUSTS = "Justering av augusti 2026: skillnaden mot det som redan har reglerats."
EXPLAINED = [
    "Utförd tid, omsorg, tätort. 0,0833 timmar à 720,00 kr = 60,00 kr. 1 besök 2026-09-01.",
    f"Utförd tid, omsorg, tätort. 0,5 timmar à 720,00 kr = 360,00 kr. 1 besök 2026-08-03. {ADJUSTS}",
    f"Utförd tid, omsorg, tätort. −0,5 timmar à 360,00 kr = −180,00 kr. −1 besök 2026-08-03. {ADJUSTS}",
]


async def test_a_workbook_explains_every_line_and_adds_up(adjusted):
    answer = await asked(adjusted, XLSX)
    assert answer.headers["content-type"] == specifications.XLSX
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    assert book.properties.title == "Specifikation september 2026, P-norr"
    head, *rows = book["Rader"].iter_rows(values_only=True)
    lines = [dict(zip(head, one, strict=True)) for one in rows]
    assert [(one["Rad"], one["Belopp kr"], one["Justerar"]) for one in lines] == [
        ("F1", 60, None),
        ("F2", 360, "2026-08"),
        ("K1", -180, "2026-08"),
    ]
    assert sorted(one["Förklaring"] for one in lines) == sorted(EXPLAINED)
    settled = await month_of(adjusted, "2026-09")
    assert {one["Radens nyckel"] for one in lines} == {one["line"] for one in settled["lines"]}
    sums = {one[0]: one[1] for one in book["Översikt"].iter_rows(values_only=True)}
    assert round(sums["Summa"] * 100) == settled["total_ore"] == 24_000
    # A title that begins as a formula is text, and no number of a person goes along.
    assert book["Rader"]["C2"].value == "=Omsorg …"
    assert book["Rader"]["C2"].data_type == "s"
    assert [word for word in SECRET for row in rows if word in str(row)] == []
    assert book["Rader"].freeze_panes == "C2"


def tags(element, found):
    """The structure below an element in reading order: each tag with its parent's."""
    kids = element.get("/K", [])
    for kid in kids if isinstance(kids, pikepdf.Array) else [kids]:
        if isinstance(kid, pikepdf.Dictionary) and "/S" in kid:
            found.append((str(element.S)[1:] if "/S" in element else "", str(kid.S)[1:], kid))
            tags(kid, found)
    return found


async def test_a_pdf_is_tagged_titled_and_in_swedish(adjusted, tmp_path):
    answer = await asked(adjusted, PDF)
    assert answer.headers["content-type"] == "application/pdf"
    path = tmp_path / "one.pdf"
    path.write_bytes(answer.content)
    text = " ".join(" ".join(page.extract_text() for page in PdfReader(path).pages).split())
    assert [words for words in EXPLAINED if words not in text] == []
    assert "=Omsorg …" in text
    assert [word for word in SECRET if word in text] == []
    report = pdfua.validate(str(path))
    assert [(one.rule_id, one.message) for one in report.findings] == []
    with pikepdf.open(path) as pdf:
        root = pdf.Root
        assert (root.Lang, root.MarkInfo.Marked, root.ViewerPreferences.DisplayDocTitle) == ("sv-SE", True, True)
        with pdf.open_metadata() as told:
            assert (told["pdfuaid:part"], told["dc:title"]) == ("1", "Specifikation september 2026, P-norr")
        found = tags(root.StructTreeRoot, [])
        parts = [name for _, name, _ in found if name in {"H1", "H2", "Table"}]
        assert parts == ["H1", "H2", "Table", "H2", "Table"]
        # Each cell of a line says which head it stands under.
        heads = {str(one.ID) for _, name, one in found if name == "TH"}
        cells = [one for _, name, one in found if name == "TD"]
        assert len(heads) == 2 + 5
        assert len(cells) == 2 * 3 + 5 * 3
        assert {str(head) for one in cells for told in one.A if "/Headers" in told for head in told.Headers} == heads
        assert {parent for parent, name, _ in found if name == "TR"} == {"THead", "TBody"}
    assert (await asked(adjusted, PDF)).content == answer.content


async def test_what_has_no_specification(adjusted, monkeypatch):
    for name in (XLSX, PDF):
        assert (await asked(adjusted, name, "2026-10", expect=409)).json()["code"] == "month_not_closed"
    monkeypatch.setattr(specifications, "MOST_TYPESET", 2)
    assert (await asked(adjusted, PDF, expect=409)).json()["code"] == "too_many_lines"

    async def slow(*_):
        raise TimeoutError

    monkeypatch.setattr(specifications, "MOST_TYPESET", 3)
    monkeypatch.setattr(specifications, "typeset", slow)
    assert (await asked(adjusted, PDF, expect=503)).json()["code"] == "busy"


async def test_a_month_without_lines_has_a_specification_that_says_so(paid):  # noqa: F811 - as above
    await close(paid, "2026-08")
    book = openpyxl.load_workbook(io.BytesIO((await asked(paid, XLSX, "2026-08")).content))
    assert {one[0]: one[1] for one in book["Översikt"].iter_rows(values_only=True)}["Summa"] == 0
    assert (await asked(paid, PDF, "2026-08")).content.startswith(b"%PDF-")
