"""What is a table comes in the format that is asked for, with the same values in each."""

import csv
import datetime as dt
import io
import re

import pyarrow.parquet
import pytest
from openpyxl import load_workbook
from service import day

from app.api.http import formats
from app.api.http.headings import HEADINGS
from app.api.http.kept import KeptAnswers
from app.store import typed_exports
from app.store.exports import FORMULA_STARTS
from app.store.typed_exports import Column, parquet

SINCE = "2020-01-01"
UID = "04A1B2C3D4E5F6"
MONTH = f"{day(-1):%Y-%m}"
TABLES = {
    "/v1/executed-time": {"month": MONTH, "by": "recipient,local_date"},
    "/v1/expected": {"date": f"{day(-1):%Y-%m-%d}"},
    "/v1/compensation": {"month": MONTH},
    "/v1/measures/continuity": {"month": MONTH},
    "/v1/measures/executed-share": {"month": MONTH},
    "/v1/measures/evidence": {"month": MONTH},
    "/v1/measures/declined": {"month": MONTH},
    "/v1/measures/indices": {"month": MONTH},
    "/v1/measures/licensed": {"month": MONTH},
    "/v1/measures/alarms": {"month": MONTH},
    "/v1/reports/half-year": {"from": MONTH},
    "/v1/reports/fee-basis": {"month": MONTH},
    "/v1/anomalies": {},
    "/v1/periods": {},
}


@pytest.fixture
async def town(service):
    """A provider with one employee, a recipient with an order, a visit yesterday and one without its tap out."""
    await service.put("providers", "P-1", {"name": "P-1", "form": "external"})
    await service.put("interventions", "dusch", {"title": "Dusch", "category": "CARE", "standard_minutes": 20})
    await service.put("recipients", "B-1", {"area": "URBAN", "birth_date": "1940-01-01"})
    line = {"ref": "1", "intervention": "dusch", "frequency": 1, "period": 1, "period_unit": "d"}
    await service.put("orders", "O-1", {"recipient": "B-1", "provider": "P-1", "valid_from": SINCE, "lines": [line]})
    await service.put("staff", "S-1", {"provider": "P-1", "role": "care_assistant", "valid_from": SINCE})
    await service.put("tags", "T-1", {"kind": "static", "uid": UID})
    await service.mount("T-1", "B-1", day(-30))
    await service.visit_by("S-1", UID, day(-1, "00:01"), day(-1, "00:04"))
    await service.tap("S-1", UID, "out", day(-1, "00:10"))
    return service


async def told(town, path, accept):
    """The answer in a format."""
    answer = await town.ask("GET", path, params=TABLES[path], headers={"Accept": accept}, expect=200)
    assert answer.headers["content-type"].partition(";")[0] == accept.partition(";")[0]
    assert "accept" in answer.headers["vary"].lower()
    return answer


def sheet_of(answer):
    """The only sheet of a workbook."""
    book = load_workbook(io.BytesIO(answer.content))
    [sheet] = book.worksheets
    return sheet


@pytest.mark.parametrize("path", TABLES)
async def test_what_is_a_table_comes_in_every_format(town, path):
    answer = await told(town, path, formats.JSON)
    whole = answer.json()
    key = next((name for name in ("rows", "lines", "items") if name in whole), None)
    rows = whole[key] if key else [whole]
    lines = (await told(town, path, formats.PLAIN_CSV)).text.splitlines()
    names = lines[0].split(",")
    assert len(lines) == 1 + len(rows)
    assert (await told(town, path, formats.CSV)).text.splitlines()[0] == "\ufeff" + ";".join(names)
    assert len((await told(town, path, formats.NDJSON)).text.splitlines()) == len(rows)

    table = pyarrow.parquet.read_table(io.BytesIO((await told(town, path, formats.PARQUET)).content))
    assert (table.column_names, table.num_rows) == (names, len(rows))
    sheet = sheet_of(await told(town, path, formats.XLSX))
    assert [cell.value for cell in sheet[1]] == [HEADINGS[name] for name in names]
    assert (sheet.max_row, sheet.freeze_panes) == (1 + len(rows), "A2")
    for place, row in enumerate(table.to_pylist()):
        for column, name in enumerate(names, 1):
            there = sheet.cell(place + 2, column).value
            if isinstance(row[name], float | int):
                assert there == pytest.approx(row[name])
            elif isinstance(row[name], dt.date) and not isinstance(row[name], dt.datetime):
                assert there == dt.datetime.combine(row[name], dt.time())
            elif isinstance(row[name], dt.datetime):
                assert dt.datetime.fromisoformat(there) == row[name]
                assert there[-6:] in {"+01:00", "+02:00"}, "local, so that people know it, with its offset"
            else:
                assert (there or None) == (row[name] or None)


async def test_no_cell_of_any_table_is_computed(town):
    """Names and titles that a spreadsheet would take for formulas are text in every format that it opens."""
    formula = '=HYPERLINK("https://evil.example";"Klicka")'
    await town.put("providers", "P-1", {"name": formula, "form": "external"})
    await town.put("interventions", "dusch", {"title": formula, "category": "CARE", "standard_minutes": 20})
    rule = {"ref": "care", "title": formula, "basis": "per_month", "categories": ["CARE"], "rates": [{"ore": 100}]}
    body = {"provider": "P-1", "valid_from": SINCE, "compensation": {"rules": [rule]}}
    await town.put("contracts", "K-1", body)
    seen = 0
    for path in TABLES:
        lines = (await told(town, path, formats.CSV)).text.removeprefix("\ufeff").splitlines()
        cells = [one for row in csv.reader(lines, delimiter=";") for one in row]
        seen += sum(formula in one for one in cells)
        begun = [one for one in cells if one.startswith(FORMULA_STARTS) and not re.fullmatch(r"-[0-9]+(,[0-9]+)?", one)]
        assert begun == [], path
        sheet = sheet_of(await told(town, path, formats.XLSX))
        assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= set("snbd"), path
    assert seen >= 1, "a table has such a text"


async def test_the_formats_hold_the_values_of_the_json(town):
    path = "/v1/executed-time"
    rows = (await told(town, path, formats.JSON)).json()["rows"]
    assert rows
    table = pyarrow.parquet.read_table(io.BytesIO((await told(town, path, formats.PARQUET)).content))
    assert [str(column.type) for column in table.schema][:4] == ["string", "date32[day]", "int64", "int64"]
    again = [row | {"local_date": row["local_date"].isoformat()} for row in table.to_pylist()]
    assert again == rows
    anomalies = (await told(town, "/v1/anomalies", formats.JSON)).json()["items"]
    table = pyarrow.parquet.read_table(io.BytesIO((await told(town, "/v1/anomalies", formats.PARQUET)).content))
    assert [one["id"] for one in table.to_pylist()] == [one["id"] for one in anomalies] != []
    assert str(table.schema.field("since").type) == "timestamp[us, tz=UTC]"


async def test_a_page_of_anomalies_leads_on_in_every_format(town):
    await town.tap("S-1", UID, "out", day(-1, "00:20"))
    for accept in (formats.JSON, formats.CSV, formats.XLSX):
        answer = await town.ask("GET", "/v1/anomalies", params={"limit": 1}, headers={"Accept": accept})
        assert answer.links["next"]["url"].startswith("/v1/anomalies?limit=1&cursor=")


async def test_406_says_what_there_is(service):
    for path, params in TABLES.items():
        headers = {"Accept": "text/html", "Accept-Language": "en"}
        problem = (await service.ask("GET", path, params=params, headers=headers, expect=406)).json()
        assert problem["code"] == "not_acceptable"
        listed = problem["detail"].partition("Allowed: ")[2].removesuffix(".").split(", ")
        assert listed == list(formats.MEDIA_TYPES), path


def test_every_column_has_a_heading(app_document):
    """As the description of the API has them, whoever adds one."""
    for path, methods in app_document["paths"].items():
        content = methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        if formats.XLSX in content and formats.PLAIN_CSV in content:
            names = content[formats.PLAIN_CSV]["example"].splitlines()[0].split(",")
            assert set(names) <= HEADINGS.keys(), path
            assert path in TABLES


@pytest.fixture
async def app_document(service):
    return service.app.openapi()


async def _pieces(*pieces):
    for rows in pieces:
        yield rows


async def test_a_parquet_file_has_its_schema_whatever_comes_first():
    columns = [Column("a", "integer"), Column("b")]
    pieces = [[{"a": None, "b": "x"}], [{"a": 7, "b": None}]]
    for given in (pieces, []):
        content = b"".join([part async for part in parquet(_pieces(*given), columns)])
        file = pyarrow.parquet.ParquetFile(io.BytesIO(content))
        assert [str(one.type) for one in file.schema_arrow] == ["int64", "string"]
        assert file.num_row_groups == len(given)
        assert file.read().to_pylist() == [row for rows in given for row in rows]


async def test_a_workbook_is_made_of_so_many_rows(town, monkeypatch):
    path = "/v1/executed-time"
    answer = await told(town, path, formats.JSON)
    count = len(answer.json()["rows"])
    monkeypatch.setattr(typed_exports, "MOST_SHEET_ROWS", count)
    await told(town, path, formats.XLSX)
    monkeypatch.setattr(typed_exports, "MOST_SHEET_ROWS", count - 1)
    town.app.state.kept = KeptAnswers()  # which would give the workbook that was made
    headers = {"Accept": formats.XLSX}
    problem = (await town.ask("GET", path, params=TABLES[path], headers=headers, expect=409)).json()
    assert problem["code"] == "too_many_rows"
    await told(town, path, formats.PARQUET)


async def test_continuity_of_a_month_is_that_of_its_first_fourteen_days(town):
    first = f"{MONTH}-01"
    by_month = (await town.ask("GET", "/v1/measures/continuity", params={"month": MONTH})).json()
    assert by_month == (await town.ask("GET", "/v1/measures/continuity", params={"from": first})).json()
    assert (by_month["from"], by_month["to"]) == (first, f"{MONTH}-14")
    for params, pointer in [({}, "/query/month"), ({"month": MONTH, "from": first}, "/query/month")]:
        problem = (await town.ask("GET", "/v1/measures/continuity", params=params, expect=422)).json()
        assert [one["pointer"] for one in problem["errors"]] == [pointer]
