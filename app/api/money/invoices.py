"""The invoice of a closed month and its credit note: `GET /v1/compensation/invoice.xml`, `credit-note.xml`."""

import asyncio
import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from app.api.http.access import Caller, database
from app.api.http.looks import pulled
from app.api.http.problems import RETRY_SOON, FieldError, Problem
from app.api.http.pulls import PayReader
from app.api.http.shapes import AnyRef, Month, refused, sent
from app.api.http.visibility import require_known
from app.api.money import ubl
from app.domain.money.invoice import InvoiceKind, Seller, buyer_of, gaps, invoice_of, number_of, seller_of
from app.domain.money.month_lines import SettledLine
from app.domain.time import local_date, month_days
from app.store.connection import Reading
from app.store.money import closed_months, invoices
from app.store.money.closed_months import Close
from app.store.money.invoices import LedgerPosition

router = APIRouter(tags=["compensation"])

XML = "application/xml"


class ClosedMonth(BaseModel):
    """A closed month of a provider."""

    month: Month
    provider: AnyRef


Asked = Annotated[ClosedMonth, Query()]


@dataclass(frozen=True, slots=True)
class SettledMonth:
    """A closed month with its lines and where its close stands in the ledger."""

    close: Close
    lines: list[SettledLine]
    position: LedgerPosition


def _xml_of(name: str) -> dict[int | str, dict[str, Any]]:
    example = f'<{name} xmlns="{ubl.UBL}{name}-2">…</{name}>'
    content = {XML: {"schema": {"type": "string"}, "example": example}}
    return {200: {"description": "UBL 2.1", "content": content} | sent("Content-Disposition")} | refused(409)


@router.get(
    "/v1/compensation/invoice.xml",
    operation_id="get_invoice",
    summary="Get the invoice of a closed month",
    response_class=Response,
    responses=_xml_of("Invoice"),
)
async def get_invoice(request: Request, caller: PayReader, query: Asked) -> Response:
    """Get the invoice of a closed month as Peppol BIS Billing 3.

    It has a line for each settled line that is not below zero.

    The invoice never changes. Its parties are shown as they were when the month was closed, or as soon after that as no
    data was missing. It names the root of the ledger at the close and the invoices that it adjusts upwards. The answer
    is 409 `month_not_closed`; 409 `not_sealed` with `Retry-After` if the close was answered with 202; 409
    `invoice_data_missing` with a pointer to each gap in the provider; or 404 `nothing_to_invoice`.
    """
    return await _document(request, caller, query, "invoice")


@router.get(
    "/v1/compensation/credit-note.xml",
    operation_id="get_credit_note",
    summary="Get the credit note of a closed month",
    response_class=Response,
    responses=_xml_of("CreditNote"),
)
async def get_credit_note(request: Request, caller: PayReader, query: Asked) -> Response:
    """Get the credit note of a closed month: the amounts that the month took back from earlier months.

    It names the invoices that had these amounts. The invoice less the credit note is the total of the month. It is
    refused for the same reasons as the invoice. 404 `nothing_to_invoice` means that nothing was taken back.
    """
    return await _document(request, caller, query, "credit_note")


async def settled(reading: Reading, caller: Caller, query: ClosedMonth) -> SettledMonth:
    """The closed month. Raises Problem `unknown_ref`, `month_not_closed`, `not_sealed`."""
    await require_known(reading, caller, provider=query.provider)
    first_on = month_days(query.month)[0]
    closes = await closed_months.closes(reading, query.provider, first_on)
    if not closes:
        raise Problem("month_not_closed")
    position = await invoices.position_of(reading, closes[0].id)
    if position is None:
        raise Problem("not_sealed", headers=RETRY_SOON)
    lines = await closed_months.lines_of(reading, query.provider, first_on)
    return SettledMonth(closes[0], lines, position)


async def _document(request: Request, caller: Caller, query: ClosedMonth, kind: InvoiceKind) -> Response:
    code = caller.municipality_id
    number = number_of(code, query.provider, query.month, kind)
    async with database(request).read(code) as reading:
        month = await settled(reading, caller, query)
        close = month.close
        seller, seq = await _seller(reading, close)
        payers = await invoices.versions(reading, "payers", seller.payer, seq)
        invoice = invoice_of(month.lines, kind, number, query.month, local_date(close.closed_at), seller)
        if invoice is None:
            raise Problem("nothing_to_invoice")
        adjusted = [dt.date.fromisoformat(f"{one}-01") for one in sorted(invoice.adjusts)]
        before = await invoices.billed_before(reading, query.provider, adjusted, close.month)
        await pulled(request, reading)
    earlier = [(number_of(code, query.provider, name, "invoice"), local_date(closed_at)) for name, closed_at in before]
    stands_on = f"Rot i liggaren taggad/{code} över {month.position.size} händelser, den sista är stängningen"
    behind = [(month.position.root.hex(), stands_on), (close.lines_hash.hex(), "SHA-256 över månadens rader")]
    content = await asyncio.to_thread(ubl.document, invoice, seller, buyer_of(payers[0][1]), earlier, behind)
    return attachment(content, XML, f"{number}.xml")


async def _seller(reading: Reading, close: Close) -> tuple[Seller, int]:
    """The provider as it was at the close, or the first version after it without gaps, and when that was put."""
    at_seq = close.master_seq
    versions = await invoices.versions(reading, "providers", close.provider, at_seq)
    for seq, body in versions:
        if not gaps(body):
            return seller_of(body), max(seq, at_seq)
    missing = [FieldError(pointer, "missing_field") for pointer in gaps(versions[-1][1])]
    raise Problem("invoice_data_missing", errors=missing)


def attachment(content: bytes, media_type: str, name: str) -> Response:
    """A file to keep under a name."""
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
    return Response(content, media_type=media_type, headers=headers)
