"""Contracts: what a municipality and a provider have agreed, with the document that says what is paid."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field, field_serializer

from app.api.http.records import RecordKind, Spanned, Versioned, add_routes
from app.api.http.refs import Ref
from app.api.http.shapes import Day, LastDay
from app.api.money.contract_document import EXAMPLE_DOCUMENT, CompensationDocument, as_said
from app.domain.visits.plan import SplitPolicy

router = APIRouter(tags=["master data"])


class ContractBody(Spanned):
    """A contract with a provider: how its visits are divided and what it is paid.

    Two contracts of a provider never overlap.
    """

    provider: Ref
    valid_from: Day
    valid_to: LastDay = None
    split_policy: SplitPolicy = "proportional"
    report_required: bool = False
    manual_attest_minutes: Annotated[int, Field(ge=0, le=960)] | None = Field(
        None, description="A longer visit with an end entered by hand needs a second person. Left out: 60 minutes."
    )
    compensation: Annotated[CompensationDocument, Field(default_factory=CompensationDocument)]

    @field_serializer("compensation")
    def _as_it_was_said(self, document: CompensationDocument) -> dict[str, Any]:
        return as_said(document)


class ContractAnswer(ContractBody, Versioned):
    """A contract as it is stored."""


CONTRACT = {
    "provider": "P-norr",
    "valid_from": "2026-01-01",
    "split_policy": "hsl_first",
    "report_required": True,
    "manual_attest_minutes": 60,
    "compensation": EXAMPLE_DOCUMENT,
}

add_routes(
    router,
    RecordKind(
        "contracts",
        "contract",
        ContractBody,
        ContractAnswer,
        CONTRACT,
        {"ref": "C-norr", "version": 1, **CONTRACT, "valid_to": None},
        visible_by="provider",
        filters={"provider": "providers"},
    ),
)
