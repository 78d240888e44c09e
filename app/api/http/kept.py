"""Answers that hold until a visit or master data change: their ETag, 304 for who has them, the newest ones in memory.

A route of `KeptRoute` may read visits and master data of its municipality, and nothing that changes otherwise: neither
the time nor another state.
"""

import hmac
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic_core import to_json

from app.api.http.access import Caller, allowed_by, database
from app.api.http.conditions import HELD, held_etags
from app.api.http.looks import pulled
from app.api.http.shapes import sent
from app.api.http.spool import Shared, shared
from app.api.http.visibility import provider_of
from app.settings import VERSION, Settings
from app.store.municipalities import latest_change

MOST_KEPT_BYTES = 32 * 1024**2
"""The limit of all kept answers of a worker together. An answer of more than half of it is not kept."""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class KeptAnswers:
    """The newest answers to questions, in memory alone. A question is a digest of whatever decides its answer."""

    def __init__(self, most_bytes: int = MOST_KEPT_BYTES) -> None:
        self._most_bytes = most_bytes
        self._answers: dict[bytes, tuple[str, Response]] = {}
        self._bytes = 0

    def get(self, question: bytes, etag: str) -> Response | None:
        """The answer to a question as it was under this ETag, None if it is not kept."""
        kept_etag, response = self._answers.get(question, ("", None))
        return response if kept_etag == etag else None

    def keep(self, question: bytes, etag: str, response: Response) -> None:
        """Keep an answer in place of the earlier one to the same question. The oldest make room."""
        self._drop(question)
        if len(response.body) > self._most_bytes:
            return
        self._answers[question] = etag, response
        self._bytes += len(response.body)
        while self._bytes > self._most_bytes:
            self._drop(next(iter(self._answers)))

    def _drop(self, question: bytes) -> None:
        _, response = self._answers.pop(question, ("", None))
        self._bytes -= len(response.body) if response else 0


class KeptRoute(APIRoute):
    """A route whose answers hold until a visit or master data of the municipality change.

    The number of the last change is read before the answer is made. So an answer may be newer than its ETag says, and
    then that ETag never holds again.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **given: Any) -> None:
        responses: dict[int | str, dict[str, Any]] = given["responses"]
        headers = responses[200]["headers"] | sent("ETag")["headers"]
        given["responses"] = {
            200: responses[200] | {"headers": headers},
            304: {"description": "The answer that you have still holds"} | sent("ETag"),
        }
        given["openapi_extra"] = {"parameters": [HELD]}
        super().__init__(path, endpoint, **given)

    def get_route_handler(self) -> Handler:
        """The handler that answers from what is kept, if it holds, before anything is read."""
        make, allowed = super().get_route_handler(), allowed_by(self)
        if allowed is None:
            raise ValueError(f"{self.path} does not say who may ask")

        async def answer(request: Request) -> Response:
            caller = await allowed(request)
            kept: KeptAnswers = request.app.state.kept
            question = _question(request, caller)
            async with database(request).read(caller.municipality_id) as reading:
                etag = f'"{_digest(request, question.hex(), *await latest_change(reading)).hex()[:32]}"'
                held, response = etag in held_etags(request), kept.get(question, etag)
                if held or response is not None:
                    await pulled(request, reading)
            headers = {"ETag": etag, "Vary": "Accept"}
            if held:
                return Response(status_code=304, headers=headers)
            if response is None:
                response = await shared(await make(request), MOST_KEPT_BYTES // 2)
                response.headers.update(headers)
                if isinstance(response, Shared):
                    kept.keep(question, etag, response)
            return response

        return answer


def _question(request: Request, caller: Caller) -> bytes:
    """The digest of whatever decides an answer but for the time: whose rows, what about them, in which format."""
    seen = caller.municipality_id, provider_of(caller, None)
    accept = request.headers.get("accept", "")
    return _digest(request, *seen, request.url.path, request.url.query, accept)


def _digest(request: Request, *words: object) -> bytes:
    """A keyed digest. Nobody can name the ETag of an answer that they did not get, or read a number from one."""
    settings: Settings = request.app.state.settings
    return hmac.digest(settings.lookup_key, to_json(["kept", VERSION, *words]), "sha256")
