"""Providers, recipients, staff and interventions: who gives help, who gets it, and what it is."""

import datetime as dt
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError, to_json

from app.actions.register.put_personal import put_personal
from app.actions.versions import Condition, Json, PutOutcome
from app.api.http.access import Caller, encryption_of
from app.api.http.json_bodies import read_at
from app.api.http.personal import CLEARED, Personal, opened
from app.api.http.records import (
    CASE_READERS,
    Put,
    RecordKind,
    Spanned,
    Versioned,
    add_routes,
    author_of,
    stored_body,
    written,
)
from app.api.http.refs import Line, Minutes, Ref
from app.api.http.shapes import Day, LastDay, Wire
from app.api.register.contacts import ProviderContactsBody, RecipientContactsBody, StaffContactsBody
from app.api.register.parties import INVOICING, InvoicingBody, OrgNo
from app.domain.closed_sets import Area, Category, Licensed, Profession, ProviderForm
from app.domain.register.personal_number import number_of
from app.domain.time import local_date
from app.store.connection import Writing

router = APIRouter(tags=["master data"])

MOST_DELEGATIONS = 500


class ProviderBody(Wire):
    """A provider: the municipality's own (`in_house`), or outside it, with or without value added tax."""

    name: Line
    org_no: OrgNo | None = None
    form: ProviderForm
    invoicing: InvoicingBody | None = None
    contacts: ProviderContactsBody | None = None


class ProviderAnswer(ProviderBody, Versioned):
    """A provider as it is stored.

    A planner sees `invoicing` and `contacts` only of its own provider, a case officer no `invoicing`.
    """


def in_full(text: str, info: ValidationInfo) -> str:
    """The twelve digits of a personal number. Raises PydanticCustomError."""
    number = number_of(text.replace(" ", ""))
    today = local_date(read_at(info))
    if number is None or number.in_full(today) is None:
        raise PydanticCustomError("personal_number_invalid", "not a valid personal or coordination number")
    full = number.in_full(today, info.data.get("birth_date"))
    if full is None:
        raise PydanticCustomError("birth_date_differs", "another day of birth")
    return full


class RecipientFields(Wire):
    """Somebody who gets help. `valid_from` is the first day of what is said: ever since for the first, else today."""

    name: Line | None = None
    contacts: RecipientContactsBody | None = None
    birth_date: Day | None = None
    household: Ref | None = Field(
        None,
        description="The household's ref, shared behind one door. Left out: the recipient's own ref.",
    )
    area: Area
    protected: bool = False
    died_on: Day | None = None
    valid_from: Day | None = None


class RecipientBody(RecipientFields):
    """A recipient. Of `name`, `contacts` and `personal_number`, one left out stays as it was, and null deletes it.

    The number is never shown. If it has ten digits, the century is that of `birth_date`. Without `birth_date`, the sign
    in the number decides.
    """

    personal_number: str | None = None

    @field_validator("birth_date")
    @classmethod
    def _born(cls, day: dt.date | None, info: ValidationInfo) -> dt.date | None:
        if day is not None and day > local_date(read_at(info)):
            raise PydanticCustomError("out_of_range", "lies in time to come")
        return day

    @field_validator("personal_number")
    @classmethod
    def _in_full(cls, text: str | None, info: ValidationInfo) -> str | None:
        return None if text is None else in_full(text, info)


class RecipientAnswer(RecipientFields, Versioned):
    """A recipient as it is stored. Controllers see no names and contacts.

    Of a recipient with protected data, planners and controllers do not see `name`, `contacts` and `birth_date` either.
    """


class DelegationBody(Spanned):
    """A delegation of one intervention to one person, for a span of days."""

    intervention: Ref
    valid_from: Day
    valid_to: LastDay = None


class StaffFields(Spanned):
    """An employment. `person` is the same for all employments of one person."""

    name: Line | None = None
    contacts: StaffContactsBody | None = None
    person: Ref | None = Field(
        None, description="The person, the same in all employments. Left out: the staff ref itself."
    )
    provider: Ref
    role: Profession
    valid_from: Day | None = None
    valid_to: LastDay = None
    relative_of: Ref | None = Field(None, description="The ref of a recipient that the person is related to.")
    delegations: Annotated[list[DelegationBody], Field(default_factory=list, max_length=MOST_DELEGATIONS)]


class StaffBody(StaffFields):
    """An employment. Of `name`, `contacts` and `personal_number`, one left out stays as it was, and null deletes it.

    The number is never shown.
    """

    personal_number: str | None = None

    @field_validator("personal_number")
    @classmethod
    def _in_full(cls, text: str | None, info: ValidationInfo) -> str | None:
        return None if text is None else in_full(text, info)


class StaffAnswer(StaffFields, Versioned):
    """An employment as it is stored. Controllers see no names and contacts.

    A planner may name a `person`, but cannot decide it if no other staff of its provider is that person, or if staff of
    another provider is. The name is then `person_unconfirmed`, and `person` does not change until the municipality
    puts the employment.
    """

    person_unconfirmed: Ref | None
    registered_on: Day | None = Field(
        description="The day on which a planner of the provider registered it. Null: the municipality registered it."
    )


class InterventionBody(Wire):
    """A kind of help with its usual minutes."""

    title: Line
    category: Category
    standard_minutes: Minutes
    licensed: Licensed | None = Field(
        None,
        description="The kind of licensed care. Left out: rehabilitation for the ref `rehab`, nursing for all others.",
    )
    valid_from: Day | None = None

    @field_validator("licensed")
    @classmethod
    def _of_licensed_care(cls, licensed: Licensed | None, info: ValidationInfo) -> Licensed | None:
        if licensed and info.data.get("category") not in {None, "LICENSED_HSL"}:
            raise PydanticCustomError("invalid_value", "other help is not licensed health care")
        return licensed


class InterventionAnswer(InterventionBody, Versioned):
    """An intervention as it is stored."""


ENCRYPTED = ("name", "contacts", "personal_number")
PERSONAL = Personal()
OF_PROVIDERS = Personal(("contacts",), frozenset(CASE_READERS))


def _put_with(kind: str, personal: Personal) -> Put:
    """The function that puts a record of a kind with what is encrypted of it."""
    fields = ENCRYPTED if "name" in personal.fields else personal.fields

    async def put_one(request: Request, caller: Caller, ref: str, body: Wire, condition: Condition) -> PutOutcome:
        plain = stored_body(body)
        values = {field: plain.pop(field, None) for field in fields}
        given = {
            field: value if value is None or isinstance(value, str) else to_json(value).decode()
            for field, value in values.items()
            if field in body.model_fields_set
        }

        async def act(writing: Writing) -> PutOutcome:
            author = author_of(caller)
            outcome = await put_personal(writing, kind, ref, plain, author, condition, encryption_of(request), given)
            if outcome.status == "refused":
                return outcome
            [shown] = await opened(request, writing, personal, kind, caller, {ref: outcome.body})
            return replace(outcome, body=shown)

        return await written(request, caller, act)

    return put_one


def _shown_provider(caller: Caller, body: Json) -> Json:
    if caller.role == "planner" and body["ref"] != caller.provider:
        return body | {"invoicing": None, "contacts": None}
    return body | {"invoicing": None} if caller.role == "case_officer" else body


def _shown_recipient(caller: Caller, body: Json) -> Json:
    return body | {"birth_date": None} if body["protected"] and caller.role not in CLEARED else body


def _shown_staff(_: Caller, body: Json) -> Json:
    return {"person_unconfirmed": None, "registered_on": None} | body


PROVIDER = {"name": "Utförare norr", "org_no": "556000-0001", "form": "external", "invoicing": INVOICING}
RECIPIENT = {"birth_date": "1941-05-09", "household": "H-004", "area": "RURAL"}
STAFF = {
    "provider": "P-norr",
    "role": "assistant_nurse",
    "valid_from": "2026-01-01",
    "delegations": [{"intervention": "insulin", "valid_from": "2026-01-01", "valid_to": "2026-12-31"}],
}
INTERVENTION = {"title": "Dusch", "category": "CARE", "standard_minutes": 30}

for kind in (
    RecordKind(
        "providers",
        "provider",
        ProviderBody,
        ProviderAnswer,
        PROVIDER,
        {"ref": "P-norr", "version": 1, **PROVIDER, "contacts": None},
        shown=_shown_provider,
        readers=CASE_READERS,
        personal=OF_PROVIDERS,
        put=_put_with("providers", OF_PROVIDERS),
    ),
    RecordKind(
        "recipients",
        "recipient",
        RecipientBody,
        RecipientAnswer,
        RECIPIENT,
        {
            "ref": "B-004",
            "version": 1,
            "name": None,
            "contacts": None,
            **RECIPIENT,
            "protected": False,
            "died_on": None,
            "valid_from": None,
        },
        visible_by="served_by",
        shown=_shown_recipient,
        readers=CASE_READERS,
        personal=PERSONAL,
        put=_put_with("recipients", PERSONAL),
    ),
    RecordKind(
        "staff",
        "staff",
        StaffBody,
        StaffAnswer,
        STAFF,
        {
            "ref": "S-07",
            "version": 1,
            "name": None,
            "contacts": None,
            "person": "S-07",
            **STAFF,
            "valid_to": None,
            "relative_of": None,
            "person_unconfirmed": None,
            "registered_on": None,
        },
        visible_by="provider",
        shown=_shown_staff,
        personal=PERSONAL,
        put=_put_with("staff", PERSONAL),
        filters={"provider": "providers"},
        writers=("system", "admin", "planner"),
    ),
    RecordKind(
        "interventions",
        "intervention",
        InterventionBody,
        InterventionAnswer,
        INTERVENTION,
        {"ref": "dusch", "version": 1, **INTERVENTION, "valid_from": None},
        readers=CASE_READERS,
    ),
):
    add_routes(router, kind)
