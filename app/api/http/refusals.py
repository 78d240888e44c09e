"""Handlers that turn errors into `application/problem+json` (RFC 9457), in the caller's language, without echo."""

import re
import secrets
from http import HTTPStatus

import asyncpg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic_core import to_json
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match, Mount

from app.api.http.json_bodies import field_errors
from app.api.http.problems import RETRY_SOON, Problem, allowed_values
from app.language import wanted
from app.store.clock import ClockError
from app.store.database import UnknownMunicipalityError
from app.store.pools import BusyError

PROBLEM_JSON = "application/problem+json"

TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")

log = structlog.get_logger("taggad")


def trace_id_of(request: Request) -> str:
    """The caller's W3C trace id, else a new one; the answer and the log have the same."""
    trace_id: str | None = request.scope.get("trace_id")
    if trace_id is None:
        known = TRACEPARENT.fullmatch(request.headers.get("traceparent", ""))
        trace_id = request.scope["trace_id"] = known[1] if known else secrets.token_hex(16)
    return trace_id


def answer(request: Request, problem: Problem) -> Response:
    """The response of a problem."""
    language = wanted(request.headers.get("accept-language", ""))
    body: dict[str, object] = {
        "type": f"/problems/{problem.code}",
        "title": problem.kind.title(language),
        "status": problem.kind.status,
        "code": problem.code,
        "detail": problem.kind.text(language) + allowed_values(problem.allowed, language),
    }
    if problem.errors:
        body["errors"] = [error.to_json(language) for error in problem.errors]
    if problem.version is not None:
        body["version"] = problem.version
    body["trace_id"] = trace_id_of(request)
    headers = {"Content-Language": language, "Vary": "Accept-Language", **problem.headers}
    if problem.kind.status == HTTPStatus.UNAUTHORIZED:
        headers.setdefault("WWW-Authenticate", "Bearer")
    if problem.kind.status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        headers = {**RETRY_SOON, **headers}
    return Response(to_json(body), problem.kind.status, headers, PROBLEM_JSON)


def is_busy(error: BaseException) -> bool:
    """True if the same request may succeed later.

    Time-outs, deadlocks, a full disk, a server that is starting or read-only: none is the caller's fault.
    """
    if isinstance(error, DBAPIError):
        cause = error.orig.__cause__ if error.orig is not None else None
        return error.connection_invalidated or (cause is not None and is_busy(cause))
    return isinstance(
        error,
        (
            BusyError,
            ClockError,
            OSError,  # among them ConnectionRefusedError and TimeoutError
            asyncpg.PostgresConnectionError,
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,  # the connection broke off in the middle of what the driver was reading
            asyncpg.InsufficientResourcesError,  # among them DiskFullError, OutOfMemoryError, TooManyConnectionsError
            asyncpg.PostgresSystemError,  # the disk beneath the server fails
            asyncpg.ReadOnlySQLTransactionError,  # a standby that has not been promoted
            asyncpg.QueryCanceledError,
            asyncpg.LockNotAvailableError,
            asyncpg.DeadlockDetectedError,
            asyncpg.SerializationError,
            asyncpg.CannotConnectNowError,
            asyncpg.AdminShutdownError,
            asyncpg.CrashShutdownError,
            asyncpg.TransactionTimeoutError,
            asyncpg.IdleInTransactionSessionTimeoutError,
        ),
    )


def took_too_long(error: BaseException) -> bool:
    """True if the statement itself took too long. Waiting for a lock is not meant: it ends sooner."""
    if isinstance(error, DBAPIError):
        cause = error.orig.__cause__ if error.orig is not None else None
        return cause is not None and took_too_long(cause)
    return isinstance(error, (asyncpg.QueryCanceledError, asyncpg.IdleInTransactionSessionTimeoutError))


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - Starlette types every handler with Exception
    return answer(request, error)


async def _on_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    faults = field_errors(error.errors())
    return answer(request, Problem("invalid_parameter", errors=faults))


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    code = {
        HTTPStatus.NOT_FOUND: "not_found",
        HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    }.get(HTTPStatus(error.status_code))
    if code is None:
        return await on_anything(request, error)
    headers = dict(error.headers or {})
    if code == "method_not_allowed":
        headers["Allow"] = ", ".join(_methods(request)) or headers["Allow"]
    return answer(request, Problem(code, headers=headers))


def _methods(request: Request) -> list[str]:
    """All methods of the address. Each is a route of its own, and Starlette names only those of the first."""
    routes = [route for route in request.app.routes if not isinstance(route, Mount)]
    taken = [
        method
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes)
    ]
    return ["GET", "HEAD", *taken[1:]] if taken[:1] == ["GET"] else taken


async def _on_unknown_municipality(request: Request, _: Exception) -> Response:
    return answer(request, Problem("unknown_municipality"))


async def _on_clock(request: Request, error: Exception) -> Response:
    request.scope["error"] = str(error)
    return answer(request, Problem("clock_wrong"))


async def _on_database(request: Request, error: Exception) -> Response:
    if not is_busy(error):
        return await on_anything(request, error)
    request.scope["error"] = _name(error)  # logged in the request's own line
    return answer(request, Problem("busy"))


async def on_anything(request: Request, error: Exception) -> Response:
    """The answer to an unexpected error. The log has the place in the code, never the message."""
    # Neither the message nor the address: both may hold data that the caller sent.
    log.error(
        "unexpected",
        trace_id=trace_id_of(request),
        method=request.method,
        error=_name(error),
        at=_places(error),
        exc_info=False,
    )
    return answer(request, Problem("internal"))


def _name(error: BaseException) -> str:
    cause = error.orig.__cause__ if isinstance(error, DBAPIError) and error.orig is not None else None
    return type(cause or error).__name__


def _places(error: BaseException) -> list[str]:
    places = []
    step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        if "/app/" in code.co_filename:
            places.append(f"{code.co_filename.rsplit('/app/', 1)[1]}:{step.tb_lineno} {code.co_name}")
        step = step.tb_next
    return places


def install(app: FastAPI) -> None:
    """Register the handlers for all errors of `app`."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(ClockError, _on_clock)
    app.add_exception_handler(UnknownMunicipalityError, _on_unknown_municipality)
    for kind in (
        BusyError,
        DBAPIError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
        OSError,
    ):
        app.add_exception_handler(kind, _on_database)
