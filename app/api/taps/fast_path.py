"""The application as it is served: FastAPI, and past it the one route that there is most of."""

from functools import cached_property

from fastapi import FastAPI
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.http.declared import only_declared
from app.api.http.middleware import Middleware
from app.api.taps import taps


class FastPath(FastAPI):
    """Answers taps straight away: what FastAPI and Starlette do around a route costs more than to judge a tap.

    Their own route, which is never reached, documents it; errors are answered by the same handlers.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "HEAD":
            # The server sends no body to whoever asks by HEAD; all else is as it is by GET.
            scope = {**scope, "method": "GET", "asked_by": "HEAD"}
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] == taps.PATH:
            scope["app"] = self
            await self._taps(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    @cached_property
    def _taps(self) -> ASGIApp:
        return Middleware(ExceptionMiddleware(_take, self.exception_handlers))


async def _take(scope: Scope, receive: Receive, send: Send) -> None:
    scope["route"] = taps.router.routes[0]  # by which the request is counted
    request = Request(scope, receive)
    await only_declared(request)
    response = await taps.send_taps(request)
    await response(scope, receive, send)
