"""Large answers wait whole for whoever reads them: in memory up to a bound, beyond it in a file without a name.

A reader takes as long as its line does, and must not keep a connection to the database for that.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack
from tempfile import SpooledTemporaryFile

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

IN_MEMORY_BYTES = 1024 * 1024
SENT_BYTES = 64 * 1024
"""How much of a file is read at a time; the server takes the next when most of that has been sent."""


async def spooled(pieces: AsyncIterator[bytes], media_type: str, headers: Mapping[str, str]) -> Response:
    """The answer that the pieces are, once all of them are there."""
    with ExitStack() as opened:
        file = opened.enter_context(SpooledTemporaryFile(IN_MEMORY_BYTES))
        async for piece in pieces:
            await asyncio.to_thread(file.write, piece)
        size = file.tell()
        file.seek(0)
        if size <= IN_MEMORY_BYTES:
            return Response(file.read(), media_type=media_type, headers=dict(headers))
        opened.pop_all()  # whoever sends it closes it
    return _FromFile(file, size, media_type, headers)


class _FromFile(Response):
    """What waits in a file, which is gone once it has been sent or nobody takes it any more."""

    def __init__(
        self, file: "SpooledTemporaryFile[bytes]", size: int, media_type: str, headers: Mapping[str, str]
    ) -> None:
        super().__init__(headers={**headers, "Content-Length": str(size)}, media_type=media_type)
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as ASGI calls it
        with self._file as file:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            while piece := await asyncio.to_thread(file.read, SENT_BYTES):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body"})
