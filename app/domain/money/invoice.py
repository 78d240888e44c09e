"""Invoices and credit notes of a closed month: its frozen lines, divided by sign, with their sums.

What is owed stands on an invoice, line by line; what a later fact has taken back stands on a credit note with positive
amounts, because an invoice has no negative prices. Nothing is computed anew: the two add up to the month's total to the
öre, and only value added tax is rounded, once for a document.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from app.domain.money.explanation import COUNTED, explained, plain
from app.domain.register.personal_number import has_check_digit
from app.domain.rounding import half_up

InvoiceKind = Literal["invoice", "credit_note"]
Row = Mapping[str, Any]
DEFAULT_SCHEME = "0007"
"""Swedish organisation numbers, among the schemes of Peppol's addresses."""
WHOLE = Decimal(100)


class Vat(NamedTuple):
    """Tax on every line alike: a category of UNCL5305, its rate (None: none is told), and why there is none."""

    category: str
    percent: int | None
    code: str = ""
    reason: str = ""


IN_HOUSE = Vat("O", None, "VATEX-EU-O", "Mellanhavande inom kommunen, inte föremål för mervärdesskatt")
EXEMPT = Vat("E", 0, "VATEX-EU-132-1G", "Social omsorg, undantagen från mervärdesskatt")


@dataclass(frozen=True, slots=True)
class Party:
    """Who sells or buys. `org_no` and `endpoint` are what they are found by; `vat_no` where they have one."""

    name: str
    org_no: str
    endpoint: tuple[str, str]
    address: Mapping[str, str]
    vat_no: str | None


@dataclass(frozen=True, slots=True)
class Seller:
    """A provider as it is paid. `account` is its kind and number; `payer` is the ref of who pays."""

    party: Party
    payer: str
    vat: Vat
    f_tax: bool
    account: tuple[str, str] | None
    payment_days: int


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who pays, and the reference that leads an invoice to the right desk there."""

    party: Party
    reference: str


class InvoiceLine(NamedTuple):
    """One settled line. `quantity` x `price` (kronor) is the amount; `text` explains it; `key` is the line's own."""

    number: int
    key: str
    recipient: str
    title: str
    text: str
    unit: str
    quantity: Decimal
    price: Decimal
    amount_ore: int
    first_on: dt.date
    last_on: dt.date
    adjusts: str | None


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice, or a credit note, of a closed month. Amounts are öre and never negative."""

    kind: InvoiceKind
    number: str
    month: str
    issued_on: dt.date
    due_on: dt.date
    vat: Vat
    lines: tuple[InvoiceLine, ...]

    @property
    def net_ore(self) -> int:
        """The lines' sum."""
        return sum(line.amount_ore for line in self.lines)

    @property
    def vat_ore(self) -> int:
        """Tax on the sum, rounded half up."""
        return half_up(Fraction(self.net_ore * (self.vat.percent or 0), 100))

    @property
    def days(self) -> tuple[dt.date, dt.date]:
        """The first and last day of any line: adjustments and bonuses are of earlier months."""
        return min(line.first_on for line in self.lines), max(line.last_on for line in self.lines)

    @property
    def adjusts(self) -> frozenset[str]:
        """The closed months that lines are adjustments of."""
        return frozenset(line.adjusts for line in self.lines if line.adjusts)


def number_of(municipality_id: int, provider: str, month: str, kind: InvoiceKind) -> str:
    """What the document is called, for ever the same."""
    return f"{municipality_id}-{provider}-{month}{'-K' * (kind == 'credit_note')}"


def invoice_of(
    rows: Iterable[Row], kind: InvoiceKind, number: str, month: str, issued_on: dt.date, seller: Seller
) -> Invoice | None:
    """The month's document of this kind: lines below zero go to the credit note. None where there are no lines."""
    lines = lines_of(rows, kind)
    if not lines:
        return None
    due_on = issued_on + dt.timedelta(days=seller.payment_days)
    return Invoice(kind, number, month, issued_on, due_on, seller.vat, tuple(lines))


def lines_of(rows: Iterable[Row], kind: InvoiceKind) -> list[InvoiceLine]:
    """The settled lines of one kind of document, numbered, in their order."""
    return [line_of(number, row) for number, row in enumerate(rows_of(rows, kind), 1)]


def rows_of(rows: Iterable[Row], kind: InvoiceKind) -> list[Row]:
    """What stands on one kind of document: below zero on the credit note, all else on the invoice."""
    return [row for row in rows if (row["amount_ore"] < 0) == (kind == "credit_note")]


def line_of(number: int, row: Row) -> InvoiceLine:
    """A settled line as a line of its document."""
    amount = abs(row["amount_ore"])
    if row["unit"] == "ore":  # a share of an amount: nobody sells öre by the piece
        quantity, price = Decimal(1), Decimal(amount) / WHOLE
    else:
        quantity = abs(_exact(row["quantity"]))
        price = row["price_ore"] * _exact(row["index"]) * _exact(row["percent"]) / WHOLE / WHOLE
    return InvoiceLine(
        number,
        row["line"],
        row["recipient"],
        plain(row["title"]) or COUNTED[row["reason"]],
        explained(row),
        row["unit"],
        quantity,
        price,
        amount,
        dt.date.fromisoformat(row["from"]),
        dt.date.fromisoformat(row["to"]),
        row["adjusts"],
    )


def _exact(value: float) -> Decimal:
    """A number as it is written in the row."""
    return Decimal(str(value))


# Who sells and who buys, from what is stored of them


def gaps(provider: Mapping[str, Any]) -> list[str]:
    """Pointers into a stored provider to what is missing before it can be invoiced."""
    if not provider.get("invoicing"):
        return ["/invoicing"] if _org_no(provider) else ["/org_no", "/invoicing"]
    told, form = provider["invoicing"], provider["form"]
    found = [] if _org_no(provider) else ["/org_no"]
    if form != "in_house" and told["account"] is None:
        found.append("/invoicing/account")
    if form == "external" and not told["f_tax"] and told["vat_no"] is None:
        found.append("/invoicing/f_tax")
    if form == "external_vat" and told["vat_no"] is None:
        found.append("/invoicing/vat_no")
    return found


def _org_no(body: Mapping[str, Any]) -> str:
    """The ten digits, empty where there are none that are right."""
    digits = (body["org_no"] or "").replace("-", "")[-10:]
    return digits if digits and has_check_digit(digits) else ""


def seller_of(provider: Mapping[str, Any]) -> Seller:
    """A stored provider without gaps."""
    told, form = provider["invoicing"], provider["form"]
    account = told["account"]
    vat = {"in_house": IN_HOUSE, "external": EXEMPT}.get(form) or Vat("S", told["vat_percent"])
    return Seller(
        _party(provider, told),
        told["payer"],
        vat,
        told["f_tax"],
        (account["kind"], account["number"].replace("-", "")) if account else None,
        told["payment_days"],
    )


def buyer_of(payer: Mapping[str, Any]) -> Buyer:
    """A stored payer."""
    return Buyer(_party(payer, payer), plain(payer["reference"]) or payer["org_no"])


def _party(named: Mapping[str, Any], told: Mapping[str, Any]) -> Party:
    org_no, endpoint = _org_no(named), told["endpoint"]
    address = (endpoint["scheme"], endpoint["id"]) if endpoint else (DEFAULT_SCHEME, org_no)
    lines = {key: plain(value) for key, value in told["address"].items() if plain(value)}
    return Party(plain(named["name"]) or org_no, org_no, address, lines, told["vat_no"])


def in_force(versions: Sequence[tuple[int, Mapping[str, Any]]], at_seq: int) -> Sequence[tuple[int, Mapping[str, Any]]]:
    """Of numbered versions in their order, the one in force at a number and those that came after it."""
    before = [place for place, (seq, _) in enumerate(versions) if seq <= at_seq]
    return versions[before[-1] if before else 0 :]
