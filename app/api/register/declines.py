"""Declines in advance: a visit or an intervention that nobody came for, and the time of the notice."""

from fastapi import APIRouter

from app.api.http.records import RecordKind, Versioned, add_routes
from app.api.http.refs import Ref, Text
from app.api.http.shapes import Instant, Wire

router = APIRouter(tags=["master data"])


class DeclineBody(Wire):
    """A notice that a planned visit is not wanted.

    Without `intervention`, it is for everything that was ordered at that time.

    It changes no visit. It may change what the provider is paid and what the recipient is asked to pay, depending on
    when notice was given.
    """

    recipient: Ref
    provider: Ref
    intervention: Ref | None = None
    at: Instant
    notified_at: Instant
    reason: Text
    withdrawn: bool = False


class DeclineAnswer(DeclineBody, Versioned):
    """A notice that a visit is not wanted, as it is stored."""


DECLINE = {
    "recipient": "B-004",
    "provider": "P-norr",
    "intervention": "dusch",
    "at": "2026-10-12T08:00:00+02:00",
    "notified_at": "2026-10-11T16:30:00+02:00",
    "reason": "visitors",
}

add_routes(
    router,
    RecordKind(
        "declines",
        "decline",
        DeclineBody,
        DeclineAnswer,
        DECLINE,
        {"ref": "A-004", "version": 1, **DECLINE, "withdrawn": False},
        visible_by="provider",
        filters={"recipient": "recipients", "provider": "providers"},
        writers=("system", "admin", "planner"),
    ),
)
