"""Invoices and credit notes of a closed month: its frozen lines, divided by sign, with their sums.

Amounts owed stand on an invoice, line by line; amounts taken back by later facts stand on a credit note, as positive
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
from app.domain.money.month_lines import SettledLine
from app.domain.register.personal_number import has_check_digit
from app.domain.rounding import half_up

InvoiceKind = Literal["invoice", "credit_note"]
DEFAULT_SCHEME = "0007"
"""Swedish organisation numbers, among the schemes of Peppol's addresses."""
WHOLE = Decimal(100)


class Vat(NamedTuple):
    """Tax on every line alike: category of UNCL5305, rate in percent (None: not stated), reason of an exemption."""

    category: str
    percent: int | None
    code: str = ""
    reason: str = ""


IN_HOUSE = Vat("O", None, "VATEX-EU-O", "Mellanhavande inom kommunen, inte föremål för mervärdesskatt")
EXEMPT = Vat("E", 0, "VATEX-EU-132-1G", "Social omsorg, undantagen från mervärdesskatt")


@dataclass(frozen=True, slots=True)
class Party:
    """A seller or buyer. `endpoint` is (scheme, id) of the Peppol address; `vat_no` is None without one."""

    name: str
    org_no: str
    endpoint: tuple[str, str]
    address: Mapping[str, str]
    vat_no: str | None


@dataclass(frozen=True, slots=True)
class Seller:
    """A provider as the seller. `account` is (kind, number); `payer` is the ref of the party that pays."""

    party: Party
    payer: str
    vat: Vat
    f_tax: bool
    account: tuple[str, str] | None
    payment_days: int


@dataclass(frozen=True, slots=True)
class Buyer:
    """The party that pays, and the reference that brings an invoice to the right office there."""

    party: Party
    reference: str


class InvoiceLine(NamedTuple):
    """One settled line. `quantity` x `price` (kronor) is the amount; `text` explains it; `key` identifies the line."""

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
        """The sum of the lines, öre."""
        return sum(line.amount_ore for line in self.lines)

    @property
    def vat_ore(self) -> int:
        """Tax on the sum, öre, rounded half up."""
        return half_up(Fraction(self.net_ore * (self.vat.percent or 0), 100))

    @property
    def days(self) -> tuple[dt.date, dt.date]:
        """The first and last day of any line; adjustments and bonuses reach into earlier months."""
        return min(line.first_on for line in self.lines), max(line.last_on for line in self.lines)

    @property
    def adjusts(self) -> frozenset[str]:
        """The closed months that the lines adjust, as `2026-10`."""
        return frozenset(line.adjusts for line in self.lines if line.adjusts)


def number_of(municipality_id: int, provider: str, month: str, kind: InvoiceKind) -> str:
    """The number of the document, which never changes."""
    return f"{municipality_id}-{provider}-{month}{'-K' * (kind == 'credit_note')}"


def invoice_of(
    settled: Iterable[SettledLine], kind: InvoiceKind, number: str, month: str, issued_on: dt.date, seller: Seller
) -> Invoice | None:
    """The month's document of this kind: lines below zero go to the credit note. None without lines."""
    lines = lines_of(settled, kind)
    if not lines:
        return None
    due_on = issued_on + dt.timedelta(days=seller.payment_days)
    return Invoice(kind, number, month, issued_on, due_on, seller.vat, tuple(lines))


def lines_of(settled: Iterable[SettledLine], kind: InvoiceKind) -> list[InvoiceLine]:
    """The settled lines of one kind of document, numbered, in their order."""
    return [line_of(number, line) for number, line in enumerate(of_kind(settled, kind), 1)]


def of_kind(settled: Iterable[SettledLine], kind: InvoiceKind) -> list[SettledLine]:
    """The lines of one kind of document: below zero on the credit note, all others on the invoice."""
    return [line for line in settled if (line.amount_ore < 0) == (kind == "credit_note")]


def line_of(number: int, settled: SettledLine) -> InvoiceLine:
    """A settled line as a line of its document."""
    amount = abs(settled.amount_ore)
    if settled.unit == "ore":  # a share of an amount: nobody sells öre by the piece
        quantity, price = Decimal(1), Decimal(amount) / WHOLE
    else:
        quantity = abs(_exact(settled.quantity))
        price = settled.price_ore * _exact(settled.index) * _exact(settled.percent) / WHOLE / WHOLE
    return InvoiceLine(
        number,
        settled.key,
        settled.recipient,
        plain(settled.title) or COUNTED[settled.reason],
        explained(settled),
        settled.unit,
        quantity,
        price,
        amount,
        settled.first_on,
        settled.last_on,
        settled.adjusts,
    )


def _exact(value: float) -> Decimal:
    """A number as it is written in JSON."""
    return Decimal(str(value))


# Sellers and buyers from stored records


def gaps(provider: Mapping[str, Any]) -> list[str]:
    """JSON pointers to the fields that a stored provider lacks for invoicing."""
    if not provider.get("invoicing"):
        return ["/invoicing"] if _org_no(provider) else ["/org_no", "/invoicing"]
    invoicing, form = provider["invoicing"], provider["form"]
    missing = [] if _org_no(provider) else ["/org_no"]
    if form != "in_house" and invoicing["account"] is None:
        missing.append("/invoicing/account")
    if form == "external" and not invoicing["f_tax"] and invoicing["vat_no"] is None:
        missing.append("/invoicing/f_tax")
    if form == "external_vat" and invoicing["vat_no"] is None:
        missing.append("/invoicing/vat_no")
    return missing


def _org_no(body: Mapping[str, Any]) -> str:
    """The ten digits of the organisation number; empty without one with a right check digit."""
    digits = (body["org_no"] or "").replace("-", "")[-10:]
    return digits if digits and has_check_digit(digits) else ""


def seller_of(provider: Mapping[str, Any]) -> Seller:
    """The seller of a stored provider; it must have no `gaps`."""
    invoicing, form = provider["invoicing"], provider["form"]
    account = invoicing["account"]
    vat = {"in_house": IN_HOUSE, "external": EXEMPT}.get(form) or Vat("S", invoicing["vat_percent"])
    return Seller(
        _party(provider, invoicing),
        invoicing["payer"],
        vat,
        invoicing["f_tax"],
        (account["kind"], account["number"].replace("-", "")) if account else None,
        invoicing["payment_days"],
    )


def buyer_of(payer: Mapping[str, Any]) -> Buyer:
    """The buyer of a stored payer."""
    return Buyer(_party(payer, payer), plain(payer["reference"]) or payer["org_no"])


def _party(named: Mapping[str, Any], body: Mapping[str, Any]) -> Party:
    org_no, endpoint = _org_no(named), body["endpoint"]
    address = (endpoint["scheme"], endpoint["id"]) if endpoint else (DEFAULT_SCHEME, org_no)
    lines = {key: plain(value) for key, value in body["address"].items() if plain(value)}
    return Party(plain(named["name"]) or org_no, org_no, address, lines, body["vat_no"])


def in_force(versions: Sequence[tuple[int, Mapping[str, Any]]], at_seq: int) -> Sequence[tuple[int, Mapping[str, Any]]]:
    """Of versions sorted by `seq`, the one in force at `at_seq` and all later ones."""
    before = [place for place, (seq, _) in enumerate(versions) if seq <= at_seq]
    return versions[before[-1] if before else 0 :]
