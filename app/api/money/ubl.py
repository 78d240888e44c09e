"""Invoices and credit notes as UBL 2.1, by Peppol BIS Billing 3. The comments name the business terms of EN 16931."""

import datetime as dt
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from app.domain.money.explanation import month_name
from app.domain.money.invoice import WHOLE, Buyer, Invoice, InvoiceLine, Party, Seller, Vat

CUSTOMIZATION = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
PROFILE = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
NAMESPACES = {"cac": f"{UBL}CommonAggregateComponents-2", "cbc": f"{UBL}CommonBasicComponents-2"}
CURRENCY = {"currencyID": "SEK"}
UNIT_CODES = {"hour": "HUR", "month": "MON"}
ONE = "C62"
CREDIT_TRANSFER = "30"
BRANCHES = {"bankgiro": "SE:BANKGIRO", "plusgiro": "SE:PLUSGIRO"}
OBJECT_OF_LINE = "130"
F_TAX = "Godkänd för F-skatt"


def document(
    invoice: Invoice,
    seller: Seller,
    buyer: Buyer,
    earlier: Sequence[tuple[str, dt.date]],
    behind: Sequence[tuple[str, str]],
) -> bytes:
    """The document as XML in UTF-8.

    `earlier` are the invoices it adds to or takes back from, by number and day; `behind` what it can be verified
    against, each with a description.
    """
    # Six megabytes that a process which never makes one does not need.
    from lxml import etree  # noqa: PLC0415 - as said

    name = "Invoice" if invoice.kind == "invoice" else "CreditNote"
    own: dict[str | None, str] = {None: f"{UBL}{name}-2"}
    root = etree.Element(f"{{{own[None]}}}{name}", nsmap=own | NAMESPACES)
    _head(root, invoice, buyer)
    for number, issued_on in earlier:
        reference = _cac(root, "BillingReference", "InvoiceDocumentReference")  # BG-3
        _cbc(reference, "ID", number)
        _cbc(reference, "IssueDate", issued_on)
    for proof, description in behind:
        reference = _cac(root, "AdditionalDocumentReference")  # BG-24
        _cbc(reference, "ID", proof)
        _cbc(reference, "DocumentDescription", description)
    _party(_cac(root, "AccountingSupplierParty", "Party"), seller.party, list(_tax_schemes(seller)))
    not_subject = invoice.vat.percent is None
    schemes = [(buyer.party.vat_no, "VAT")] if buyer.party.vat_no and not not_subject else []
    _party(_cac(root, "AccountingCustomerParty", "Party"), buyer.party, schemes)
    _payment(root, invoice, seller)
    _totals(root, invoice)
    for line in invoice.lines:
        _line(root, name, line, invoice.vat)
    content: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return content


def _cac(parent: Any, *names: str) -> Any:
    for name in names:
        parent = _element(parent, "cac", name)
    return parent


def _cbc(parent: Any, name: str, value: object, **attributes: str) -> None:
    _element(parent, "cbc", name, attributes).text = str(value)


def _element(parent: Any, prefix: str, name: str, attributes: dict[str, str] | None = None) -> Any:
    element = parent.makeelement(f"{{{NAMESPACES[prefix]}}}{name}", attributes)
    parent.append(element)
    return element


def _amount(parent: Any, name: str, ore: int) -> None:
    _cbc(parent, name, f"{Decimal(ore) / WHOLE:.2f}", **CURRENCY)


def _head(root: Any, invoice: Invoice, buyer: Buyer) -> None:
    credit = invoice.kind == "credit_note"
    what = "Kreditnota för justeringar reglerade" if credit else "Ersättning reglerad"
    _cbc(root, "CustomizationID", CUSTOMIZATION)
    _cbc(root, "ProfileID", PROFILE)
    _cbc(root, "ID", invoice.number)
    _cbc(root, "IssueDate", invoice.issued_on)
    if credit:
        _cbc(root, "CreditNoteTypeCode", 381)
    else:
        _cbc(root, "DueDate", invoice.due_on)
        _cbc(root, "InvoiceTypeCode", 380)
    _cbc(root, "Note", f"{what} {month_name(invoice.month)}")
    _cbc(root, "DocumentCurrencyCode", CURRENCY["currencyID"])
    _cbc(root, "BuyerReference", buyer.reference)  # BT-10
    _period(root, *invoice.days)


def _period(parent: Any, first: object, last: object) -> None:
    period = _cac(parent, "InvoicePeriod")
    _cbc(period, "StartDate", first)
    _cbc(period, "EndDate", last)


def _tax_schemes(seller: Seller) -> Iterator[tuple[str, str]]:
    """BT-31 and BT-32; without anything subject to tax neither may be given."""
    if seller.vat.percent is None:
        return
    if seller.party.vat_no:
        yield seller.party.vat_no, "VAT"
    if seller.f_tax:
        yield F_TAX, "TAX"


def _party(element: Any, party: Party, tax_schemes: Sequence[tuple[str, str]]) -> None:
    scheme, endpoint = party.endpoint
    _cbc(element, "EndpointID", endpoint, schemeID=scheme)
    _cbc(_cac(element, "PartyName"), "Name", party.name)
    address = _cac(element, "PostalAddress")
    for name, key in (("StreetName", "street"), ("CityName", "city"), ("PostalZone", "postal_code")):
        if key in party.address:
            _cbc(address, name, party.address[key])
    _cbc(_cac(address, "Country"), "IdentificationCode", "SE")
    for number, tax in tax_schemes:
        registered = _cac(element, "PartyTaxScheme")
        _cbc(registered, "CompanyID", number)
        _cbc(_cac(registered, "TaxScheme"), "ID", tax)
    legal = _cac(element, "PartyLegalEntity")
    _cbc(legal, "RegistrationName", party.name)
    _cbc(legal, "CompanyID", party.org_no, schemeID="0007")


def _payment(root: Any, invoice: Invoice, seller: Seller) -> None:
    terms = f"{seller.payment_days} dagar netto"
    if invoice.kind == "credit_note":
        terms = "Avräknas mot utförarens fordran"
    elif seller.account:
        kind, number = seller.account
        means = _cac(root, "PaymentMeans")
        _cbc(means, "PaymentMeansCode", CREDIT_TRANSFER)
        _cbc(means, "PaymentID", invoice.number)
        account = _cac(means, "PayeeFinancialAccount")
        _cbc(account, "ID", number)
        if kind in BRANCHES:
            _cbc(_cac(account, "FinancialInstitutionBranch"), "ID", BRANCHES[kind])
    _cbc(_cac(root, "PaymentTerms"), "Note", terms)


def _totals(root: Any, invoice: Invoice) -> None:
    total = _cac(root, "TaxTotal")
    _amount(total, "TaxAmount", invoice.vat_ore)
    part = _cac(total, "TaxSubtotal")
    _amount(part, "TaxableAmount", invoice.net_ore)
    _amount(part, "TaxAmount", invoice.vat_ore)
    _category(_cac(part, "TaxCategory"), invoice.vat, why=True)
    sums = _cac(root, "LegalMonetaryTotal")
    _amount(sums, "LineExtensionAmount", invoice.net_ore)
    _amount(sums, "TaxExclusiveAmount", invoice.net_ore)
    _amount(sums, "TaxInclusiveAmount", invoice.net_ore + invoice.vat_ore)
    _amount(sums, "PayableAmount", invoice.net_ore + invoice.vat_ore)


def _category(element: Any, vat: Vat, *, why: bool = False) -> None:
    _cbc(element, "ID", vat.category)
    if vat.percent is not None:
        _cbc(element, "Percent", vat.percent)
    if why and vat.reason:
        _cbc(element, "TaxExemptionReasonCode", vat.code)
        _cbc(element, "TaxExemptionReason", vat.reason)
    _cbc(_cac(element, "TaxScheme"), "ID", "VAT")


def _line(root: Any, document_name: str, invoiced: InvoiceLine, vat: Vat) -> None:
    line = _cac(root, f"{document_name}Line")
    _cbc(line, "ID", invoiced.number)
    _cbc(line, "Note", invoiced.text)
    counted = "InvoicedQuantity" if document_name == "Invoice" else "CreditedQuantity"
    _cbc(line, counted, f"{invoiced.quantity:f}", unitCode=UNIT_CODES.get(invoiced.unit, ONE))
    _amount(line, "LineExtensionAmount", invoiced.amount_ore)
    _period(line, invoiced.first_on, invoiced.last_on)
    reference = _cac(line, "DocumentReference")  # BT-128: the settled line it is
    _cbc(reference, "ID", invoiced.key)
    _cbc(reference, "DocumentTypeCode", OBJECT_OF_LINE)
    item = _cac(line, "Item")
    _cbc(item, "Name", invoiced.title)
    _category(_cac(item, "ClassifiedTaxCategory"), vat)
    for name, value in (("Mottagare", invoiced.recipient), ("Justerad månad", invoiced.adjusts)):
        if value:
            item_property = _cac(item, "AdditionalItemProperty")
            _cbc(item_property, "Name", name)
            _cbc(item_property, "Value", value)
    _cbc(_cac(line, "Price"), "PriceAmount", f"{invoiced.price.normalize():f}", **CURRENCY)
