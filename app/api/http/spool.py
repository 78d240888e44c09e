"""Large answers are completed before they are sent: in memory up to a limit, beyond it in a file without a name.

A slow reader must not hold a connection to the database.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, closing
from tempfile import SpooledTemporaryFile

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api.http.problems import Problem

IN_MEMORY_BYTES = 1024 * 1024
MOST_WAITING_BYTES = 2 * 1024**3
"""The limit of all waiting answers of a worker together: slow readers must not fill the disk."""
MOST_SHARED_BYTES = 128 * 1024**2
"""The limit of all answers that are held in memory to be shared, also of forgotten ones that are still being read."""
SENT_BYTES = 64 * 1024
"""Bytes that are sent at once; the server takes the next when most of them have been sent."""


async def spooled(pieces: AsyncIterator[bytes], media_type: str, headers: Mapping[str, str]) -> Response:
    """The answer made of the pieces, once all are there. Raises Problem `busy` when too much is waiting already."""
    with ExitStack() as opened:
        waiting = opened.enter_context(closing(_Waiting()))
        async for piece in pieces:
            waiting.make_room(len(piece))
            await asyncio.to_thread(waiting.file.write, piece)
        waiting.file.seek(0)
        if waiting.size <= IN_MEMORY_BYTES:
            return Response(waiting.file.read(), media_type=media_type, headers=dict(headers))
        opened.pop_all()  # the response closes it
    return _FromFile(waiting, media_type, headers)


async def shared(response: Response, most_bytes: int) -> Response:
    """The same answer from memory, to be sent to many; as it is if it waits in a file and there is no room for it."""
    body = bytes(response.body)
    if isinstance(response, _FromFile):
        size = response.waiting.size
        if size > most_bytes or Shared.of_all + size > MOST_SHARED_BYTES:
            return response
        with closing(response.waiting) as waiting:
            body = await asyncio.to_thread(waiting.file.read)
    whole = Shared(body, response.status_code)
    whole.raw_headers = response.raw_headers
    return whole


class Shared(Response):
    """A response in memory, sent in pieces: slow readers hold its bytes together, and not a copy each."""

    of_all = 0

    def __init__(self, body: bytes, status_code: int) -> None:
        super().__init__(body, status_code)
        Shared.of_all += len(body)

    def __del__(self) -> None:
        Shared.of_all -= len(self.body)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as ASGI calls it
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for place in range(0, len(self.body), SENT_BYTES):
            piece = self.body[place : place + SENT_BYTES]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body"})


class _Waiting:
    """A waiting answer, and its share of the limit until it is closed or deleted."""

    of_all = 0

    def __init__(self) -> None:
        self.file = SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115 - closed with the rest
        self.size = 0

    def make_room(self, count: int) -> None:
        """Reserve `count` bytes of the limit. Raises Problem `busy`."""
        if _Waiting.of_all + count > MOST_WAITING_BYTES:
            raise Problem("busy")
        self.size += count
        _Waiting.of_all += count

    def close(self) -> None:
        self.file.close()
        _Waiting.of_all -= self.size
        self.size = 0

    __del__ = close
    """An answer that is never sent is deleted without `close`."""


class _FromFile(Response):
    """A response from a waiting file, which is deleted when it has been sent or the client is gone."""

    def __init__(self, waiting: _Waiting, media_type: str, headers: Mapping[str, str]) -> None:
        super().__init__(headers={**headers, "Content-Length": str(waiting.size)}, media_type=media_type)
        self.waiting = waiting

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as ASGI calls it
        with closing(self.waiting) as waiting:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            while piece := await asyncio.to_thread(waiting.file.read, SENT_BYTES):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body"})
