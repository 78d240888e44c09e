"""What was declined in advance: a visit or one of its interventions that nobody came for, and when notice was given."""

from fastapi import APIRouter

from app.api.http.records import RecordKind, Versioned, add_routes
from app.api.http.refs import Ref, Text
from app.api.http.shapes import Instant, Wire

router = APIRouter(tags=["master data"])


class DeclineBody(Wire):
    """A planned visit that is not wanted; without `intervention` all that was ordered for `at`.

    Visits do not change by it. A contract may pay for it, and a fee may be owed for it, by how late notice was given.
    """

    recipient: Ref
    provider: Ref
    intervention: Ref | None = None
    at: Instant
    notified_at: Instant
    reason: Text
    withdrawn: bool = False


class DeclineAnswer(DeclineBody, Versioned):
    """What was declined, as stored."""


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
        reach="provider",
        filters={"recipient": "recipients", "provider": "providers"},
        writers=("system", "admin", "planner"),
    ),
)
