"""The specification of a closed month's invoice, for people: `GET /v1/compensation/specification.xlsx` and `.pdf`."""

import asyncio
import io
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic_core import to_json

from app.api.http.access import Caller, database
from app.api.http.looks import pulled
from app.api.http.problems import Problem
from app.api.http.pulls import PayReader
from app.api.http.shapes import refused, sent
from app.api.http.typeset import typeset
from app.api.money.invoices import Asked, ClosedMonth, attachment, settled
from app.domain.money.explanation import kronor
from app.domain.money.specification import Origin, Specification, columns_of, specification_of
from app.store.money import invoices

router = APIRouter(tags=["compensation"])

PDF = "application/pdf"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_TYPESET = 5_000
TEMPLATE = Path(__file__).with_name("specification.typ")
"""Lines of a PDF: so many take half a minute and 650 megabytes, in a process of its own."""
WIDTHS = {"Rad": 6, "Avser": 30, "Förklaring": 90, "Radens nyckel": 34}
USUAL_WIDTH = 12


def _file_of(media_type: str, begins: str) -> dict[int | str, dict[str, Any]]:
    content = {media_type: {"schema": {"type": "string", "format": "binary"}, "example": f"{begins}…"}}
    return {200: {"description": "The document", "content": content} | sent("Content-Disposition")} | refused(409)


@router.get(
    "/v1/compensation/specification.xlsx",
    operation_id="get_specification_xlsx",
    summary="Get the specification of a closed month as a workbook",
    response_class=Response,
    responses=_file_of(XLSX, "PK"),
)
async def get_xlsx(request: Request, caller: PayReader, query: Asked) -> Response:
    """Get every line of a closed month in a workbook. One sheet has facts and sums, the other has the lines.

    Each line is explained in Swedish and has its key. Lines of the invoice are numbered F1, F2, …, lines of the credit
    note K1, K2, …. The month must be closed. Nothing else is needed of the provider.
    """
    specification = await _specification(request, caller, query)
    return attachment(await asyncio.to_thread(_workbook, specification), XLSX, _name(query, "xlsx"))


@router.get(
    "/v1/compensation/specification.pdf",
    operation_id="get_specification_pdf",
    summary="Get the specification of a closed month as a PDF",
    response_class=Response,
    responses=_file_of(PDF, "%PDF-1.7"),
)
async def get_pdf(request: Request, caller: PayReader, query: Asked) -> Response:
    """Get the same specification as PDF/UA, which screen readers can read aloud.

    The answer is 409 `too_many_lines` above 5 000 lines.
    """
    specification = await _specification(request, caller, query)
    if len(specification.lines) > MOST_TYPESET:
        raise Problem("too_many_lines")
    words = {
        "title": specification.title,
        "author": specification.facts[0][1],
        "facts": specification.facts,
        "sums": [(name, kronor(ore)) for name, ore in specification.sums],
        "lines": [
            (line.place, line.invoiced.recipient, line.invoiced.title, line.invoiced.text, kronor(line.amount_ore))
            for line in specification.lines
        ],
    }
    try:
        document = await typeset(TEMPLATE, to_json(words), specification.closed_at)
    except TimeoutError:
        raise Problem("busy") from None
    return attachment(document, PDF, _name(query, "pdf"))


def _name(query: ClosedMonth, ending: str) -> str:
    return f"specifikation-{query.provider}-{query.month}.{ending}"


async def _specification(request: Request, caller: Caller, query: ClosedMonth) -> Specification:
    """Read whole before anything is written: that may take longer than a transaction should stand open."""
    municipality_id = caller.municipality_id
    async with database(request).read(municipality_id) as reading:
        month = await settled(reading, caller, query)
        seq = month.close.master_seq
        provider = await invoices.versions(reading, "providers", query.provider, seq)
        municipality = await invoices.municipality_name(reading)
        await pulled(request, reading)
    origin = Origin(
        municipality_id,
        municipality,
        query.provider,
        provider[0][1]["name"],
        query.month,
        month.close.closed_at,
        month.position.size,
        month.position.root.hex(),
        month.close.lines_hash.hex(),
    )
    return specification_of(month.lines, origin)


def _workbook(specification: Specification) -> bytes:
    # Eight megabytes that a process which never makes one does not need.
    from xlsxwriter import Workbook  # noqa: PLC0415 - as said

    content = io.BytesIO()
    with Workbook(content, {"constant_memory": True}) as book:
        book.set_properties({"title": specification.title, "created": specification.closed_at.replace(tzinfo=None)})
        bold, money = book.add_format({"bold": True}), book.add_format({"num_format": "#,##0.00"})
        facts = book.add_worksheet("Översikt")
        facts.set_column(0, 1, 40)
        facts.write_string(0, 0, specification.title, bold)
        for place, (name, value) in enumerate(specification.facts, 1):
            facts.write_string(place, 0, name)
            facts.write_string(place, 1, value)
        first = len(specification.facts) + 2
        facts.write_string(first, 0, "Avser", bold)
        facts.write_string(first, 1, "Belopp kr", bold)
        for place, (name, ore) in enumerate((*specification.sums, ("Summa", specification.total_ore)), first + 1):
            facts.write_string(place, 0, name)
            facts.write_number(place, 1, ore / 100, money)
        _write_lines(book.add_worksheet("Rader"), specification, bold, money)
    return content.getvalue()


def _write_lines(sheet: Any, specification: Specification, bold: Any, money: Any) -> None:
    """A head that stays in sight, and a row for each line. Text is written as text: none of it is a formula."""
    rows = [columns_of(line) for line in specification.lines]
    names = list(rows[0]) if rows else []
    sheet.freeze_panes(1, 2)
    for column, name in enumerate(names):
        sheet.set_column(column, column, WIDTHS.get(name, USUAL_WIDTH))
        sheet.write_string(0, column, name, bold)
    for place, row in enumerate(rows, 1):
        for column, (name, value) in enumerate(row.items()):
            if isinstance(value, str):
                sheet.write_string(place, column, value)
            elif value is not None:
                sheet.write_number(place, column, value, money if name.endswith("kr") else None)
    if rows:
        sheet.autofilter(0, 0, len(rows), len(names) - 1)
