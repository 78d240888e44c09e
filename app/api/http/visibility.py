"""The visits that a caller may see, and checks that it may ask about the refs that it names."""

import datetime as dt
from typing import Protocol

from app.api.http.access import Caller
from app.api.http.problems import Problem
from app.domain.closed_sets import EmergencyReason
from app.domain.time import local_date
from app.store.connection import Reading
from app.store.register import consents, register
from app.store.visits.visibility import RefKind, Visibility, known_refs

STAFF_SEES_BACK = dt.timedelta(hours=48)


def visibility_of(caller: Caller, now: dt.datetime) -> Visibility:
    """The visits a caller may see: staff their own of the last 48 hours, planners their provider's, others all."""
    if caller.role == "staff":
        return Visibility(staff=caller.staff, since=now - STAFF_SEES_BACK)
    return Visibility(provider=caller.provider) if caller.role == "planner" else Visibility()


def provider_of(caller: Caller, asked: str | None) -> str | None:
    """The provider that a question is limited to: a planner's own, else the one asked for."""
    return caller.provider if caller.role == "planner" else asked


async def require_employed(reading: Reading, caller: Caller) -> None:
    """Raises Problem `forbidden_role` for staff without an employment today: only their taps are still taken."""
    if caller.role != "staff" or caller.staff is None:
        return
    if not await register.is_employed(reading, caller.staff, local_date(reading.now)):
        raise Problem("forbidden_role")


async def require_known(reading: Reading, caller: Caller, *, pointer: str | None = None, **refs: str | None) -> None:
    """Raises Problem `unknown_ref` for a ref that does not exist or that the caller may not see.

    `pointer` is the place of the ref in the body, None if it stands in the address.
    """
    kinds: tuple[RefKind, ...] = ("recipient", "provider", "staff")
    given = [(kind, ref) for kind in kinds if (ref := refs.get(kind)) is not None]
    # No text in PostgreSQL holds a NUL, so a ref holds none.
    if any("\0" in ref for _, ref in given) or not await known_refs(reading, visibility_of(caller, reading.now), given):
        raise Problem("unknown_ref", pointer=pointer)


async def purpose_of(
    reading: Reading, caller: Caller, recipient: str | None, emergency: EmergencyReason | None
) -> str | None:
    """The purpose for which a case officer reads the recipient's visits, as it is logged; None for other roles.

    Raises Problem `consent_missing` without a consent of today or an emergency.
    """
    if caller.role != "case_officer" or recipient is None:
        return None
    today = local_date(reading.now)
    held = [one.ref for one in await consents.of_recipient(reading, recipient) if one.holds_on(today)]
    if not held and emergency is None:
        raise Problem("consent_missing")
    return f"consent {held[0]}" if held else f"emergency {emergency}"


class RefQuestion(Protocol):
    """The refs in a question to a measure."""

    provider: str | None
    recipient: str | None


async def whom(reading: Reading, caller: Caller, asked: RefQuestion) -> dict[str, str | None]:
    """The provider and recipient that a measure is limited to; a planner's own provider. Raises as `require_known`."""
    await require_known(reading, caller, provider=asked.provider, recipient=asked.recipient)
    return {"provider": provider_of(caller, asked.provider), "recipient": asked.recipient}
