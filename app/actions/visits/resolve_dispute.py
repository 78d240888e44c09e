"""A person settles a disputed tap: by a correction of its visit, or of the tap alone if it has none."""

import datetime as dt
from uuid import UUID

from app.actions.versions import Condition
from app.actions.visits.correct_visit import correct_visit
from app.actions.visits.project import Affected, project
from app.actions.visits.validate_correction import CorrectionRefusedError, CorrectionRequest
from app.domain.author import Author
from app.domain.time import local_date
from app.store.connection import Writing
from app.store.visits import corrections as store
from app.store.visits import disputes
from app.store.visits import visits as store_visits
from app.store.visits.corrections import NewCorrection
from app.store.visits.visit_row import StoredVisit


async def resolve_dispute(writing: Writing, tap: UUID, asked: CorrectionRequest, author: Author) -> StoredVisit | None:
    """Settle the tap's dispute, once, and return the visit as it now is; None if the tap has no visit.

    If a tap without a visit is accepted, a visit that it gets later is not disputed; otherwise it never gets one.
    Raises CorrectionRefusedError, as `correct_visit`.
    """
    known = (await store.known(writing, [asked.id])).get(asked.id)
    visit, held = await store_visits.of_tap(writing, tap) or (None, False)
    if visit is not None and (held if known is None else known["recipient"] is not None):
        return await correct_visit(writing, visit, asked, author, Condition())
    tapped = await disputes.one(writing, tap)
    if tapped is None or not _is_visible(writing, author, tapped["staff"], tapped["at"]):
        raise CorrectionRefusedError("not_found")
    hashed = asked.hashed(tap)
    if known is not None:
        if known["body_hash"] != asked.hashed(tap, {known["body_hash"]}):
            raise CorrectionRefusedError("id_conflict")
        return None
    if visit is not None or not tapped["open"]:
        raise CorrectionRefusedError("correction_not_applicable")
    person = writing.master.person_of(tapped["staff"])
    if asked.fields["accept"] and writing.master.person_of(author.who) == person:
        raise CorrectionRefusedError("second_person_required")
    await store.append(
        writing,
        [
            NewCorrection(
                id=asked.id,
                tap=tap,
                staff=tapped["staff"],
                at=tapped["at"],
                recipient=None,
                kind=asked.kind,
                body=asked.fields,
                seen=[tap],
                before={"status": "disputed"},
                reason=asked.reason,
                note=asked.note,
                by=author.subject,
                recorded_at=writing.now,
                body_hash=hashed,
            ),
        ],
    )
    # It may be a side tap of a presence, which then no longer counts there.
    await project(writing, Affected(persons=[(person, tapped["at"], tapped["at"])]))
    return None


def _is_visible(writing: Writing, author: Author, ref: str, at: dt.datetime) -> bool:
    if author.provider is None:
        return True
    staff = writing.master.staff_on(ref, local_date(at))
    return staff is not None and staff.provider == author.provider
