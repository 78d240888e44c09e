"""Liveness, readiness and metrics of the service."""

import os
from asyncio import timeout
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.responses import Response

from app.api.http.access import database
from app.api.http.problems import Problem
from app.api.http.shapes import Wire, answer_of
from app.store.database import Database

READY_SECONDS = 5

router = APIRouter(tags=["health"])

_TAPS = Counter("taggad_taps_total", "Taps answered, by verdict and code.", ["verdict", "code"])
_REQUESTS = Histogram(
    "taggad_request_seconds",
    "Time to answer, by method, route and status.",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
)
_STOPPED = Gauge(
    "taggad_ledgers_stopped",
    "Municipalities whose ledger was found broken, so that nothing of them is sealed.",
    multiprocess_mode="mostrecent",
)
_taps: dict[tuple[str, str], Counter] = {}
_requests: dict[tuple[str, str, int], Histogram] = {}


class State(Wire):
    """The state of the process."""

    status: Literal["alive"]


class Readiness(Wire):
    """The service is ready. The warnings need attention, although phones are served."""

    status: Literal["ready"]
    warnings: list[Literal["ledger_stopped"]]


def count_tap(verdict: str, code: str | None) -> None:
    """Count an answered tap; `code` is None without one."""
    key = (verdict, code or "")
    counter = _taps.get(key)
    if counter is None:
        counter = _taps[key] = _TAPS.labels(*key)
    counter.inc()


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count an answered request; `route` is a template, never an address."""
    key = (method, route, status)
    histogram = _requests.get(key)
    if histogram is None:
        histogram = _requests[key] = _REQUESTS.labels(*map(str, key))
    histogram.observe(seconds)


def count_stopped(municipalities: int) -> None:
    """Set the number of ledgers that have stopped."""
    _STOPPED.set(municipalities)


@router.get(
    "/health/live",
    operation_id="check_liveness",
    summary="Check that the process is alive",
    responses=answer_of(State, example={"status": "alive"}),
)
async def live() -> State:
    """Check that the process answers. It needs no database."""
    return State(status="alive")


@router.get(
    "/health/ready",
    operation_id="check_readiness",
    summary="Check that the service is ready",
    responses=answer_of(Readiness, example={"status": "ready", "warnings": []}),
)
async def ready(database: Annotated[Database, Depends(database, use_cache=True)]) -> Readiness:
    """Check that the database answers and can be written to. Otherwise the answer is 503.

    The warning `ledger_stopped` means that nothing more is sealed for a municipality until a person has looked at its
    ledger. Taps are still stored.
    """
    try:
        async with timeout(READY_SECONDS):
            await database.ready()
    except Exception as error:
        raise Problem("busy") from error
    return Readiness(status="ready", warnings=["ledger_stopped"] if database.stopped else [])


@router.get(
    "/metrics",
    operation_id="get_metrics",
    summary="Get metrics",
    response_class=Response,
    responses={
        200: {
            "description": "OK",
            "content": {
                "text/plain": {
                    "schema": {"type": "string"},
                    "example": 'taggad_taps_total{code="",verdict="accepted"} 2.0',
                }
            },
        }
    },
)
async def metrics(_: Request) -> Response:
    """Get the counters of all worker processes, in the format of Prometheus."""
    registry: CollectorRegistry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # the library is untyped there
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
