"""Begin and end work shifts: the time in which one person uses a shared device."""

import datetime as dt
import uuid

from app.actions.access.pins import forgive_tries
from app.domain.register.device import Device
from app.store.access import work_shifts
from app.store.access.work_shifts import StoredShift
from app.store.connection import Writing

KEPT = dt.timedelta(days=40)
"""After its end a work shift is kept for so long: a phone may bring its taps late, and keeps them for 35 days."""


def may_use(writing: Writing, device: Device, staff: str) -> bool:
    """True when a staff ref works today for the provider that shares the device, and the device is trusted."""
    master = writing.master
    employed = master.is_employed(staff, writing.now) and master.provider_of(staff, writing.now) == device.provider
    return device.provider is not None and device.revoked_at is None and employed


async def begin_work_shift(writing: Writing, device: str, staff: str, longest: dt.timedelta) -> StoredShift:
    """Begin a work shift with a device, of at most `longest`. It ends those of the device and of the person."""
    await forgive_tries(writing, staff)
    await work_shifts.forget(writing, writing.now - KEPT)
    for earlier in await work_shifts.lasting(writing, device, staff):
        await work_shifts.end(writing, earlier, writing.now)
    shift = StoredShift(uuid.uuid4(), device, staff, writing.now, writing.now + longest)
    await work_shifts.begin(writing, shift)
    return shift


async def end_work_shift(writing: Writing, id_: uuid.UUID, staff: str) -> StoredShift | None:
    """End the work shift of a staff ref now, if it has not ended before. None if the ref has no such work shift."""
    shift = await work_shifts.one(writing, id_)
    if shift is None or shift.staff != staff:
        return None
    ended = shift._replace(ends_at=min(shift.ends_at, writing.now))
    if ended != shift:
        await work_shifts.end(writing, shift, ended.ends_at)
    return ended
