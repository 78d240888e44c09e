"""How uvicorn serves the application."""

import asyncio
import errno
import logging
import re
import socket
import sys
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from threading import Thread
from time import sleep
from typing import Any

import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.supervisors import Multiprocess

ASK_AGAIN_SECONDS = 0.05
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to ask a server that listens everywhere

log = structlog.get_logger("taggad")


class ListenError(Exception):
    """The address cannot be listened at. The message says what to do."""


def listen(host: str, port: int) -> socket.socket:
    """Take the address before anything else is begun, so that a taken port costs nothing. Raises ListenError."""
    taken = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host, port))
    except OSError as error:
        taken.close()
        if error.errno == errno.EADDRINUSE:
            raise ListenError(f"port {port} is taken by another program: choose one with --port") from error
        raise ListenError(f"{host}:{port} cannot be listened at: {error.strerror or error}") from error
    return taken


def serve(config: uvicorn.Config, at: socket.socket, ready: Callable[[int], None]) -> None:
    """Serve at a taken address until a signal ends it; `ready` is told the port once requests are answered."""
    _tell_server()
    at.set_inheritable(True)
    Thread(target=_announce, args=(at, ready), daemon=True).start()
    if config.workers > 1:
        Multiprocess(config, sockets=[at]).run()
        return
    server = uvicorn.Server(config)
    server.run(sockets=[at])
    if not server.started:
        sys.exit(1)


def _announce(at: socket.socket, ready: Callable[[int], None]) -> None:
    host, port = at.getsockname()[:2]
    while not _answers(ANYWHERE.get(host, host), port):
        sleep(ASK_AGAIN_SECONDS)
    ready(port)


def _answers(host: str, port: int) -> bool:
    asking = HTTPConnection(host, port, timeout=5)
    try:
        asking.request("GET", "/health/live")
        return asking.getresponse().status < 500  # noqa: PLR2004 - HTTP's own border
    except (OSError, HTTPException):
        return False
    finally:
        asking.close()


class _ServerLog(logging.Handler):
    """What uvicorn says, as lines like all others: its warnings, and that a worker died."""

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        died = re.fullmatch(r"Child process \[(\d+)\] died", message)
        if died:
            log.error("worker_died", pid=int(died[1]))
        elif record.levelno >= logging.WARNING:
            log.warning("server", message=message)


def _tell_server() -> None:
    said = logging.getLogger("uvicorn.error")
    said.handlers = [_ServerLog()]
    said.propagate = False
    said.setLevel(logging.INFO)


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
    """The settings of every server. The edge logs requests, because addresses may name people."""
    return {
        "http": OneSegment,
        "access_log": False,
        "log_config": None,
        "server_header": False,
        "ws": "none",
        "lifespan": "on",
        "timeout_keep_alive": 60,
        "timeout_graceful_shutdown": 10,
        "backlog": 2048,
    }
