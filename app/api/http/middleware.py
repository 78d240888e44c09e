"""The outermost step of every request: protecting headers, a line in the log, the answer to unexpected errors."""

from time import perf_counter

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.http.health import count_request
from app.api.http.problems import Problem
from app.api.http.refusals import answer, on_anything, trace_id_of

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})

PROTECTING = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cache-control": b"no-store",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    b"cross-origin-resource-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    b"x-frame-options": b"DENY",
}
"""Headers of every answer that has not set its own. Pages set a policy of their own that is as strict."""
TWO_YEARS = 2 * 365 * 86400
ONLY_HTTPS = (b"strict-transport-security", f"max-age={TWO_YEARS}".encode())
"""Of answers by https, as a client must not take it by http (RFC 6797, 7.2)."""

Headers = list[tuple[bytes, bytes]]

log = structlog.get_logger("taggad")


class BrokenOffError(Exception):
    """An answer that had begun was broken off."""


class Middleware:
    """ASGI middleware, outside everything but Starlette's own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = perf_counter()
        status = 0

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = [*message["headers"], *scope.get("rate_limit", ())]
                message["headers"] = [*_protected(own), ONLY_HTTPS] if scope["scheme"] == "https" else _protected(own)
            await send(message)

        try:
            # A route's pattern would match one line feed behind its address too.
            readable = _names_its_host(scope) and not scope["path"].endswith("\n")
            app = self.app if readable else answer(Request(scope), Problem("malformed_request"))
            await app(scope, receive, send_on)
        except ClientDisconnect:
            return  # nobody is left to answer
        except Exception as error:  # noqa: BLE001 - this is the last place that can still answer
            unexpected = await on_anything(Request(scope), error)
            if status:
                raise BrokenOffError from None  # the server closes the connection, so the caller sees the break
            await unexpected(scope, receive, send_on)
        finally:
            asked_by = scope.get("asked_by", scope["method"])
            method = asked_by if asked_by in METHODS else "other"
            route = getattr(scope.get("route"), "path", "none")
            seconds = perf_counter() - began
            count_request(method, route, status, seconds)
            _log_request(scope, method, route, status, seconds)


def unreadable() -> tuple[Headers, bytes]:
    """The headers and the body of the answer to bytes that are no request, counted and logged as one."""
    scope: Scope = {"type": "http", "method": "other", "headers": []}
    response = answer(Request(scope), Problem("malformed_request"))
    count_request("other", "none", response.status_code, 0)
    _log_request(scope, "other", "none", response.status_code, 0)
    return _protected(response.raw_headers), bytes(response.body)


def _protected(headers: Headers) -> Headers:
    given = {name for name, _ in headers}
    return [*headers, *(pair for pair in PROTECTING.items() if pair[0] not in given)]


def _names_its_host(scope: Scope) -> bool:
    """True if the request has one Host, as every request of HTTP/1.1 must (RFC 9112, 3.2)."""
    hosts = sum(name == b"host" for name, _ in scope["headers"])
    return hosts == 1 or (hosts == 0 and str(scope["http_version"]) == "1.0")


def _log_request(scope: Scope, method: str, route: str, status: int, seconds: float) -> None:
    """Log one line for the request, with the route's template instead of the address, which may name a person."""
    more = {"error": scope["error"]} if "error" in scope else {}
    log.info(
        "request",
        method=method,
        route=route,
        status=status,
        ms=round(seconds * 1000, 2),
        trace_id=trace_id_of(Request(scope)),
        **more,
    )
