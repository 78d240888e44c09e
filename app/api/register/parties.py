"""The parties of an invoice: the data of a provider that it needs, and the municipality's payers."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from stdnum import ean, iban

from app.api.http.records import RecordKind, Versioned, add_routes
from app.api.http.refs import Line, Ref
from app.api.http.shapes import Wire
from app.domain.register.personal_number import has_check_digit, holds_number

router = APIRouter(tags=["master data"])

ORG_NO_DIGITS = 10
GLN_DIGITS = 13


def _not_a_persons(identity: str) -> str:
    # A sole trader's organisation number is a personal number, and the record keeps what it gets in clear. It may
    # stand after a century, or between a country and a serial number. A GLN holds none.
    digits = identity.replace("-", "")
    number = digits[2:12] if digits.startswith("SE") else digits[-ORG_NO_DIGITS:]
    if len(digits) != GLN_DIGITS and holds_number(number):
        raise PydanticCustomError("ref_is_personal_number", "a personal number is kept for recipients alone, encrypted")
    return identity


def _checked(digits: str) -> str:
    if not has_check_digit(digits.replace("-", "")[-ORG_NO_DIGITS:]):
        raise PydanticCustomError("invalid_value", "the check digit is another")
    return digits


OrgNo = Annotated[str, StringConstraints(pattern="^([0-9]{2})?[0-9]{6}-?[0-9]{4}$"), AfterValidator(_not_a_persons)]
VatNo = Annotated[str, StringConstraints(pattern="^SE[0-9]{12}$"), AfterValidator(_not_a_persons)]


class AddressBody(Wire):
    """A Swedish postal address. Unknown parts may be left out."""

    street: Line | None = None
    postal_code: Line | None = None
    city: Line | None = None


class EndpointBody(Wire):
    """An address in Peppol: an organisation number (`0007`) or a GLN (`0088`)."""

    scheme: Literal["0007", "0088"]
    id: Annotated[str, StringConstraints(pattern="^([0-9]{10}|[0-9]{13})$"), AfterValidator(_not_a_persons)]

    @field_validator("id")
    @classmethod
    def _right(cls, number: str, info: ValidationInfo) -> str:
        gln = info.data.get("scheme") == "0088"
        if not (ean.is_valid(number) if gln else len(number) == ORG_NO_DIGITS and has_check_digit(number)):
            raise PydanticCustomError("invalid_value", "no number of that scheme")
        return number


class AccountBody(Wire):
    """The account that invoices are paid to: a bankgiro or plusgiro number, with or without a hyphen, or an IBAN."""

    kind: Literal["bankgiro", "plusgiro", "iban"]
    number: Annotated[str, StringConstraints(pattern="^([0-9]{1,7}-?[0-9]{1,4}|[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30})$")]

    @field_validator("number")
    @classmethod
    def _right(cls, number: str, info: ValidationInfo) -> str:
        kind, digits = info.data.get("kind"), number.replace("-", "")
        if kind == "iban":
            right = iban.is_valid(number)
        else:
            shortest = 7 if kind == "bankgiro" else 2
            right = digits.isdecimal() and shortest <= len(digits) <= 8 and has_check_digit(digits)  # noqa: PLR2004 - SE-R-009, SE-R-010
        if not right:
            raise PydanticCustomError("invalid_value", "no number of that kind")
        return number


class InvoicingBody(Wire):
    """The data that invoices of a provider need: the payer, the account, the days to pay, and tax.

    An external provider needs an `account`. Without a VAT number it also needs `f_tax`; if it is liable to VAT, it
    needs `vat_no`. Without an `endpoint`, the organisation number is its Peppol address.
    """

    payer: Ref
    address: AddressBody = AddressBody()
    account: AccountBody | None = None
    payment_days: Annotated[int, Field(ge=0, le=365)] = 30
    f_tax: bool = Field(False, description="True if the provider is approved for F-tax.")
    vat_no: VatNo | None = None
    vat_percent: Literal[25, 12, 6] = Field(25, description="The rate of VAT, for a provider that is liable to VAT.")
    endpoint: EndpointBody | None = None


class PayerBody(Wire):
    """A payer of invoices: the municipality or a committee of it."""

    name: Line
    org_no: Annotated[OrgNo, AfterValidator(_checked)]
    reference: Line
    address: AddressBody = AddressBody()
    vat_no: VatNo | None = None
    endpoint: EndpointBody | None = None


class PayerAnswer(PayerBody, Versioned):
    """A payer as it is stored."""


ADDRESS = {"postal_code": "761 28", "city": "Norrtälje"}
PAYER = {"name": "Norrtälje kommun", "org_no": "212000-0001", "reference": "4711", "address": ADDRESS}
INVOICING = {
    "payer": "omsorg",
    "address": {"postal_code": "761 30", "city": "Norrtälje"},
    "account": {"kind": "bankgiro", "number": "991-2346"},
    "payment_days": 30,
    "f_tax": True,
}

add_routes(
    router,
    RecordKind(
        "payers",
        "payer",
        PayerBody,
        PayerAnswer,
        PAYER,
        {"ref": "omsorg", "version": 1, **PAYER, "vat_no": None, "endpoint": None},
    ),
)
