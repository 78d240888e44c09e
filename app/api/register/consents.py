"""Consents of recipients: without one, a case officer reads no visit of theirs but in an emergency."""

import datetime as dt

from fastapi import APIRouter
from pydantic import ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from app.api.http.json_bodies import read_at
from app.api.http.records import WRITERS, RecordKind, Versioned, add_routes
from app.api.http.refs import Ref, Text, not_before
from app.api.http.shapes import Day, Wire
from app.domain.time import local_date

router = APIRouter(tags=["master data"])


class ConsentBody(Wire):
    """A consent of a recipient to have its visits read by case officers, from the day on which it was given.

    On the day of `withdrawn_on` it holds no longer. A consent is withdrawn, not removed.
    """

    recipient: Ref
    what: Text
    given_on: Day
    withdrawn_on: Day | None = None

    @field_validator("given_on")
    @classmethod
    def _given(cls, day: dt.date, info: ValidationInfo) -> dt.date:
        if day > local_date(read_at(info)):
            raise PydanticCustomError("out_of_range", "lies in time to come")
        return day

    @field_validator("withdrawn_on")
    @classmethod
    def _not_before_it_was_given(cls, day: dt.date | None, info: ValidationInfo) -> dt.date | None:
        return not_before(info.data.get("given_on"), day)


class ConsentAnswer(ConsentBody, Versioned):
    """A consent as it is stored."""


CONSENT = {"recipient": "B-004", "what": "Handläggaren får läsa mina besök.", "given_on": "2026-10-01"}

add_routes(
    router,
    RecordKind(
        "consents",
        "consent",
        ConsentBody,
        ConsentAnswer,
        CONSENT,
        {"ref": "M-004", "version": 1, **CONSENT, "withdrawn_on": None},
        filters={"recipient": "recipients"},
        writers=(*WRITERS, "case_officer"),
        readers=("system", "admin", "controller", "auditor", "case_officer"),
    ),
)
