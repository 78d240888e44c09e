"""The application: routes, database and settings put together."""

import asyncio
import gc
import math
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from time import monotonic
from typing import TextIO

import structlog
from fastapi import Depends, FastAPI
from pydantic_core import to_json

from app import assets
from app.actions.access.close_block import close_block
from app.actions.ledger.seal import LedgerBrokenError, seal_all
from app.actions.register.find_by_name import NameIndex
from app.actions.visits.move_clock import move_clock
from app.api.access import (
    access_log,
    clients,
    device_clock,
    devices,
    issuers,
    me,
    members,
    oauth,
    pins,
    sessions,
    well_known,
    work_shifts,
)
from app.api.access.openid import IdentityProviders
from app.api.http import description, docs, health, pulls, refusals
from app.api.http.access import Revocations, Tokens
from app.api.http.declared import only_declared
from app.api.http.kept import KeptAnswers
from app.api.http.limits import Limits
from app.api.http.middleware import Middleware
from app.api.http.sessions import session_caller, still_holds
from app.api.http.throttle import Throttle
from app.api.ledger import ledger
from app.api.measures import alarms, executed_time, expected, indices, licensed_care, measures, outcomes
from app.api.money import compensation, contracts, fee_basis, half_year, invoices, periods, specifications
from app.api.register import consents, declines, delegations, orders, parties, purges, register
from app.api.taps import keysets, presence, reports, tags, taps
from app.api.taps.fast_path import FastPath
from app.api.visits import anomalies, changes, corrections, disputes, extract, manual_visits, reminders, repairs, visits
from app.outage import Outage
from app.server import route_other_logs
from app.settings import VERSION, Settings
from app.store.access.access_log import BLOCK_ENTRIES
from app.store.access.field_encryption import FieldEncryption
from app.store.clock import Clock
from app.store.database import Database
from app.store.ledger.marks import Marks
from app.web import documentation, login, login_issuer, pages, passkeys, phone

DESCRIPTION = """Visits of Swedish home care: one tap in, one tap out. Taps and reports come from phones, master data
and orders from the municipality's systems; visits, their split and executed time
are derived, and pulled from here."""
MODULES = (
    taps,
    reports,
    visits,
    changes,
    corrections,
    anomalies,
    repairs,
    disputes,
    presence,
    reminders,
    parties,
    purges,
    register,
    orders,
    contracts,
    outcomes,
    declines,
    consents,
    tags,
    keysets,
    devices,
    device_clock,
    pins,
    work_shifts,
    clients,
    issuers,
    members,
    access_log,
    extract,
    sessions,
    me,
    oauth,
    well_known,
    manual_visits,
    delegations,
    executed_time,
    expected,
    measures,
    licensed_care,
    alarms,
    compensation,
    invoices,
    specifications,
    periods,
    half_year,
    fee_basis,
    ledger,
    health,
    indices,
    docs,
    documentation,
    pages,
    phone,
    login,
    login_issuer,
    passkeys,
)
"""The modules with routes, in the order of the documentation. Routes are tried in turn, so the busiest come first."""
CLOCK_SECONDS = 30
SEAL_SECONDS = 0.5
BLOCK_SECONDS = 60
"""The time that entries of the access log wait for their block."""
ANSWER_SECONDS = 10
"""The time limit of a statement. A database that needs longer hangs or is overloaded: callers get 503."""
SWEEP_SECONDS = 5
"""The longest wait of a fact to be sealed if its writer died before, or is no server."""
COLLECT_AFTER = (50_000, 20, 50)
"""Thresholds of the garbage collector. A batch makes thousands of values and no cycles: a search costs more than it
frees."""

log = structlog.get_logger("taggad")


def create_app(
    settings: Settings, database_url: str | None = None, *, demo: bool = False, clock: Clock | None = None
) -> FastAPI:
    """The application. `database_url` is that of the embedded database; without one, `settings.database_url` is used.

    `clock` says what time it is in the whole service (None: the machine's own).

    Raises UnsafeSettingsError when secrets are missing or, but for a `demo`, unsafe.
    """
    settings.require_secrets()
    if not demo:
        settings.require_safe()
    url = database_url or settings.database_url
    if url is None:
        raise ValueError("no database")

    app = FastPath(
        title="Taggad",
        version=VERSION,
        description=DESCRIPTION,
        lifespan=partial(_life, settings, url),
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        dependencies=[Depends(only_declared)],
    )
    app.state.settings = settings
    app.state.demo = demo
    app.state.clock = clock or Clock()
    app.state.encryption = FieldEncryption(settings.field_keys, settings.lookup_key)
    app.state.names = NameIndex(app.state.encryption)
    app.state.tokens = Tokens(settings.token_key, app.state.clock, settings.public_url)
    app.state.session_caller = session_caller
    app.state.still_holds = still_holds
    app.state.identity_providers = IdentityProviders(app.state.tokens)
    app.state.max_body_bytes = settings.max_body_bytes
    app.state.enrolment_attempts = Throttle()
    app.state.limits = Limits(settings.caller_requests, settings.municipality_requests)
    app.state.exporting = pulls.exporting()
    app.state.kept = KeptAnswers()
    app.openapi = lambda: description.document(app)  # type: ignore[method-assign] # FastAPI's own way to extend it
    refusals.install(app)
    app.add_middleware(Middleware)
    for module in MODULES:
        app.include_router(module.router)
    app.mount(assets.PAGES.at, assets.PAGES)
    return app


@asynccontextmanager
async def _life(settings: Settings, url: str, app: FastAPI) -> AsyncIterator[None]:
    """Run the background tasks while the application is served."""
    app.state.database = Database(
        url,
        pool_size=settings.pool_size,
        ledger_keys=settings.ledger_key,
        encryption=app.state.encryption,
        answer_seconds=ANSWER_SECONDS,
        marks=Marks(settings.data_dir),
        clock=app.state.clock,
    )
    app.state.revocations = Revocations(app.state.database)
    app.state.taps = taps.tap_queue(app.state.database, settings)
    app.state.corrections = corrections.correction_queue(app.state.database)
    outage = Outage()
    tasks = [
        asyncio.create_task(keep(app.state.database, outage)) for keep in (_keep_time, _keep_sealing, _keep_blocks)
    ]
    collect_seldom()
    log.info("started", version=VERSION, pid=os.getpid())
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await app.state.taps.close()
        await app.state.corrections.close()
        await app.state.database.close()
        log.info("stopped", pid=os.getpid())


def collect_seldom() -> None:
    """Search for garbage in cycles rarely, and never in the present objects, which live as long as the process.

    A search through all of them was most of the p99 latency, and a fifth of a rebuild.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


def _json(event: object, default: Callable[[object], object]) -> str:
    """As `json.dumps`, and faster: each request writes a line."""
    return to_json(event, fallback=default).decode()


def configure_logs(to: TextIO | None = None) -> None:
    """Write logs as one JSON object a line, to standard error unless `to` is given."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=_json),
        ],
        logger_factory=structlog.PrintLoggerFactory(to or sys.stderr),
        cache_logger_on_first_use=True,
    )
    route_other_logs()


def worker() -> FastAPI:
    """The application of one of several worker processes, with settings from the environment that the parent made."""
    configure_logs()
    return create_app(Settings.from_environment(os.environ))


async def _keep_time(database: Database, outage: Outage) -> None:
    while True:
        try:
            await move_clock(database)
        except Exception as error:  # noqa: BLE001 - the next round tries again; the database may just be restarting
            outage.failed("clock_stands", error)
        await asyncio.sleep(CLOCK_SECONDS)


async def _keep_sealing(database: Database, outage: Outage) -> None:
    """Seal new facts of this process at once, and those of others now and then: most tenants are idle mostly."""
    swept_at = -math.inf
    unkept: str | None = None
    while True:
        try:
            due: Iterable[int] = database.take_unsealed()
            if monotonic() - swept_at >= SWEEP_SECONDS:
                due = await database.municipalities()
                outage.passed()
                swept_at = monotonic()
            for municipality_id in due:
                await _seal(database, municipality_id)
            if database.marks.fault != unkept:
                unkept = database.marks.fault
                log.error("ledger_marks_not_kept", error=unkept) if unkept else log.info("ledger_marks_kept")
        except Exception as error:  # noqa: BLE001 - as above
            outage.failed("sealing_stands", error)
        await asyncio.sleep(SEAL_SECONDS)


async def _keep_blocks(database: Database, outage: Outage) -> None:
    """Close blocks of the access log, at first those that other processes have left open."""
    due: Iterable[int] | None = None
    while True:
        try:
            due = await database.municipalities() if due is None else database.take_looked_at()
            for municipality_id in due:
                while await close_block(database, municipality_id) == BLOCK_ENTRIES:
                    pass
        except Exception as error:  # noqa: BLE001 - as above
            outage.failed("blocks_stand", error)
            due = None
        await asyncio.sleep(BLOCK_SECONDS)


async def _seal(database: Database, municipality_id: int) -> None:
    """Seal one municipality. An error is logged, so that it does not stop the others."""
    try:
        done = await seal_all(database, municipality_id)
    except LedgerBrokenError as error:
        if municipality_id not in database.stopped:  # logged once, not on every attempt
            log.error("ledger_broken", municipality=municipality_id, reason=str(error))  # noqa: TRY400 - a finding
        database.stopped[municipality_id] = str(error)
        health.count_stopped(len(database.stopped))
        return
    if done.looked and database.stopped.pop(municipality_id, ""):
        log.info("ledger_goes_on", municipality=municipality_id)
        health.count_stopped(len(database.stopped))
    if done.void:
        log.error("leaves_forged", municipality=municipality_id, count=done.void)
