"""How uvicorn serves the application."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class OneSegment(HttpToolsProtocol):
    """uvicorn's protocol, but for the head of an answer, which waits for the body: one system call instead of two."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(transport)
        self.transport = _Joining(transport, self.loop)  # type: ignore[assignment] # stands for the transport


class _Joining:
    """A transport that writes what is given to it within one step of the event loop at once."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._held:
            self._loop.call_soon(self._write)
        self._held.append(data)

    def close(self) -> None:
        self._write()
        self._transport.close()

    def _write(self) -> None:
        if self._held:
            self._transport.writelines(self._held)
            self._held = []


def server_options() -> dict[str, Any]:
    """The settings of every server. What is asked is counted, not logged: addresses may name people."""
    return {
        "http": OneSegment,
        "access_log": False,
        "log_level": "warning",
        "server_header": False,
        "ws": "none",
        "lifespan": "on",
        "timeout_keep_alive": 60,
        "timeout_graceful_shutdown": 10,
        "backlog": 2048,
    }
