"""`taggad doctor`: checks if an installation is fit to be served from, with advice where it is not."""

import datetime as dt
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from app.actions.access.fit_keys import fit_keys
from app.actions.ledger.seal import ledger_fault
from app.settings import VERSION, Settings
from app.store import health
from app.store.database import Database
from app.store.server.backup import made_at

LEAST_POSTGRES = 18
LEAST_FREE = 0.05
LEAST_FREE_BYTES = 2 * 1024**3
MOST_CLOCK_SECONDS = 10
MOST_AHEAD = dt.timedelta(minutes=10)
OLDEST_BACKUP = dt.timedelta(hours=26)


class Finding(NamedTuple):
    """The result of one check. `well` is None where the check cannot be made from here."""

    well: bool | None
    text: str


async def examine(database: Database, settings: Settings) -> list[Finding]:
    """The results of all checks, in the order of display. The database must be at this version's schema."""
    now = database.clock.now()
    tenants = await database.municipalities()
    if not tenants:
        return [Finding(True, f"taggad {VERSION}, no municipality yet"), *_of_machine(settings, now)]
    async with database.read(tenants[0]) as reading:
        state = await health.server_state(reading)
    findings = [
        _of_versions(state.version),
        *_of_roles(state),
        _of_clock(now, state),
    ]
    for one in tenants:
        findings += await _of_tenant(database, one, now)
    return [*findings, *_of_machine(settings, now)]


async def _of_tenant(database: Database, municipality_id: int, now: dt.datetime) -> list[Finding]:
    lines = await fit_keys(database, municipality_id)
    findings = [Finding(False, f"{municipality_id}: {line}") for line in lines]
    if not lines:
        findings.append(Finding(True, f"{municipality_id}: the keys are those the data was written with"))
    fault = await ledger_fault(database, municipality_id)
    if fault:
        findings.append(Finding(False, f"{municipality_id}: nothing is sealed any more: {fault}"))
    async with database.read(municipality_id) as reading:
        as_of, taps = await health.latest(reading, now + MOST_AHEAD)
    if as_of > now + MOST_AHEAD:
        text = f"{municipality_id}: visits are derived up to {as_of - now} from now: `taggad doctor --clock` mends that"
        findings.append(Finding(False, text))
    if taps:
        text = f"{municipality_id}: {taps} taps were received by a clock that was ahead: look at their visits"
        findings.append(Finding(False, text))
    return findings


def _of_versions(postgres: str) -> Finding:
    versions = f"taggad {VERSION}, Python {platform.python_version()}, PostgreSQL {postgres}"
    old = int(postgres.partition(".")[0]) < LEAST_POSTGRES
    return Finding(not old, f"{versions}: PostgreSQL {LEAST_POSTGRES} is needed" if old else versions)


def _of_roles(state: health.ServerState) -> Iterator[Finding]:
    wrong = [f"row-level security does not bind {role}" for role in state.too_mighty]
    wrong += [f"taggad_app owns {state.owned} tables"] * bool(state.owned)
    wrong += [f"{table} has no row-level security" for table in state.open_tables]
    yield from (Finding(False, line) for line in wrong)
    if not wrong:
        yield Finding(True, "the application's role owns nothing and is bound by row-level security")


def _of_clock(now: dt.datetime, state: health.ServerState) -> Finding:
    off = (now - state.now).total_seconds()
    if abs(off) <= MOST_CLOCK_SECONDS:
        return Finding(True, "this machine's clock and the database's agree")
    which = "ahead of" if off > 0 else "behind"
    return Finding(False, f"this machine's clock is {abs(off):.0f} s {which} the database's: set both by one source")


def _of_machine(settings: Settings, now: dt.datetime) -> Iterator[Finding]:
    if settings.database_url is not None:
        if settings.public_url is None:
            yield Finding(False, "TAGGAD_PUBLIC_URL is not set: whoever asks says at what address devices sign in")
        else:
            yield Finding(True, f"callers know the service as {settings.public_url}")
        yield Finding(None, "the disk and the backups of an outside database are not seen from here")
        return
    yield _of_disk(settings.data_dir)
    at = made_at(settings.data_dir)
    if at is None:
        yield Finding(False, "no backup has been made: `taggad db backup` makes one")
    else:
        hours = (now - at).total_seconds() / 3600
        yield Finding(now - at <= OLDEST_BACKUP, f"the newest backup is {hours:.0f} hours old")


def _of_disk(data_dir: Path) -> Finding:
    usage = shutil.disk_usage(data_dir)
    enough = usage.free >= max(LEAST_FREE_BYTES, LEAST_FREE * usage.total)
    return Finding(enough, f"{usage.free / 1024**3:.1f} GiB free of {usage.total / 1024**3:.1f} where the data lies")
