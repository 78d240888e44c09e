"""Large answers wait whole for whoever reads them: in memory up to a bound, beyond it in a file without a name.

A reader takes as long as its line does, and must not keep a connection to the database for that.
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
"""Of all answers of a worker together: slow readers must not fill the disk."""
SENT_BYTES = 64 * 1024
"""How much of a file is read at a time; the server takes the next when most of that has been sent."""


async def spooled(pieces: AsyncIterator[bytes], media_type: str, headers: Mapping[str, str]) -> Response:
    """The answer that the pieces are, once all of them are there. Raises Problem `busy` when too much waits already."""
    with ExitStack() as opened:
        waiting = opened.enter_context(closing(_Waiting()))
        async for piece in pieces:
            waiting.make_room(len(piece))
            await asyncio.to_thread(waiting.file.write, piece)
        waiting.file.seek(0)
        if waiting.size <= IN_MEMORY_BYTES:
            return Response(waiting.file.read(), media_type=media_type, headers=dict(headers))
        opened.pop_all()  # whoever sends it closes it
    return _FromFile(waiting, media_type, headers)


class _Waiting:
    """What waits to be sent, and the room that it takes of all, until it is closed or forgotten."""

    of_all = 0

    def __init__(self) -> None:
        self.file = SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115 - closed with the rest
        self.size = 0

    def make_room(self, count: int) -> None:
        """Raises Problem `busy`."""
        if _Waiting.of_all + count > MOST_WAITING_BYTES:
            raise Problem("busy")
        self.size += count
        _Waiting.of_all += count

    def close(self) -> None:
        self.file.close()
        _Waiting.of_all -= self.size
        self.size = 0

    __del__ = close
    """Not every answer that is made is sent."""


class _FromFile(Response):
    """What waits in a file, which is gone once it has been sent or nobody takes it any more."""

    def __init__(self, waiting: _Waiting, media_type: str, headers: Mapping[str, str]) -> None:
        super().__init__(headers={**headers, "Content-Length": str(waiting.size)}, media_type=media_type)
        self._waiting = waiting

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as ASGI calls it
        with closing(self._waiting) as waiting:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            while piece := await asyncio.to_thread(waiting.file.read, SENT_BYTES):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body"})
