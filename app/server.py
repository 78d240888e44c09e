"""Serving of the application by uvicorn."""

import asyncio
import errno
import logging
import re
import resource
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from http.client import HTTPConnection, HTTPException
from threading import Thread
from time import sleep
from typing import Any

import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.supervisors import Multiprocess

from app.api.http.middleware import unreadable

ASK_AGAIN_SECONDS = 0.05
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to ask a server that listens everywhere
MAPPED = "::ffff:"
"""Stands before an address of IPv4 where the server listens at both; proxies are named without it."""

PATIENCE_SECONDS = 20
MOST_HEAD_BYTES = 64 * 1024
BESIDE = len(":\r\n")
"""The bytes of a header beside its name and value, at least: thousands of short ones are a long head too."""
LEAST_MOVED_BYTES = 16 * 1024
"""A connection that moves less than this between two looks is not slow but held open: it is ended."""

MOST_CONNECTIONS = 10_000
"""The most connections of a worker. An idle one costs some kilobytes; above this, the longest silent are ended."""
SPARE_FILES = 128
"""Files that a worker opens beside its connections: to the database, spooled answers, imports."""

log = structlog.get_logger("taggad")


class ListenError(Exception):
    """The address cannot be bound. The message says what to do."""


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to the address, made before all else so that a busy port costs nothing. Raises ListenError."""
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
    """Serve at a bound address until a signal ends it; `ready` is called with the port once requests are answered."""
    at.set_inheritable(True)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # which workers get too
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


class _LinesOfOthers(logging.Handler):
    """Writes the messages of uvicorn and of our supervisor of PostgreSQL like all other log lines.

    Of any other logger only the name is written: its message may hold data that a caller sent.
    """

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        died = re.fullmatch(r"Child process \[(\d+)\] died", message)
        if died:
            log.error("worker_died", pid=int(died[1]))
        elif record.levelno >= logging.WARNING:
            known = record.name.startswith(("uvicorn.", "app."))
            log.warning("server", logger=record.name, **({"message": message} if known else {}))


def route_other_logs() -> None:
    """Write the messages of the standard library's logging in our form."""
    logging.basicConfig(handlers=[_LinesOfOthers()], level=logging.WARNING, force=True)
    logging.getLogger("uvicorn.error").setLevel(logging.INFO)  # by which it reports that a worker died


def most_connections() -> int:
    """The most connections that leave a worker enough files to work with."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if files < 0 else min(MOST_CONNECTIONS, max(files - SPARE_FILES, SPARE_FILES))


class HeadTooLargeError(Exception):
    """The address and the headers of a request are longer than the limit."""


class Patient(HttpToolsProtocol):
    """The protocol of uvicorn with time limits: a client that stops sending or taking data is disconnected.

    The head of an answer waits for its body: one system call instead of two.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(transport)
        if self.client is not None:
            self.client = (self.client[0].removeprefix(MAPPED), self.client[1])
        self.out = _Joining(transport, self.loop)
        self.transport = self.out  # type: ignore[assignment] # stands for the transport
        self._begun = 0
        """The number of requests of this connection, including an unfinished one."""
        self._whole = False
        self._received = self._head_at = 0
        self._in_head = True
        self.heard_at = self.loop.time()
        self._look(None)
        most = most_connections()
        if len(self.connections) > most:
            self._make_room(most)

    def connection_lost(self, exc: Exception | None) -> None:
        self._next_look.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        self.heard_at = self.loop.time()
        self._whole = False
        super().data_received(data)
        if self._in_head and self._received - self._head_at > MOST_HEAD_BYTES:
            self.out.abort()

    def on_message_begin(self) -> None:
        self._begun += 1
        self._whole, self._in_head, self._head_at = False, True, self._received
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        if len(self.url) + sum(len(name) + len(value) + BESIDE for name, value in self.headers) > MOST_HEAD_BYTES:
            raise HeadTooLargeError  # the parser stops, and the answer is 400
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._whole = True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's own text
        """Answer what the parser refuses with a problem document, as everything else that is refused."""
        headers, body = unreadable()
        lines = [b"%s: %s\r\n" % pair for pair in (*self.server_state.default_headers, *headers)]
        self.transport.write(b"".join((STATUS_LINE[400], *lines, b"connection: close\r\n\r\n", body)))
        self.transport.close()

    def _make_room(self, most: int) -> None:
        """End the connections that have been silent for longest, among those that wait for no answer.

        Otherwise clients that hold connections, which needs no token, would leave no file for others. Several are
        ended at once, because all have to be looked at.
        """
        others = self.connections - {self}
        waiting = [one for one in others if isinstance(one, Patient) and not one.is_answering()] or [self]
        for silent in nsmallest(most // 20, waiting, key=lambda one: one.heard_at):
            self.connections.discard(silent)
            silent.out.abort()

    def is_answering(self) -> bool:
        """True if a complete request has come and its answer is not finished."""
        return self.cycle is not None and not self.cycle.more_body and not self.cycle.response_complete

    def _look(self, before: "_Owed | None") -> None:
        """End the connection if the client owes the same as at the last look, and has hardly moved since."""
        waits = not self._whole and not self.flow.read_paused
        now = _Owed(self._begun if waits else None, self._received, self.out.waiting(), self.out.taken())
        if before is not None and now.stands_since(before):
            self.out.abort()
            return
        self._next_look = self.loop.call_later(PATIENCE_SECONDS, self._look, now)


@dataclass(frozen=True, slots=True)
class _Owed:
    """A client's debt at a moment: the rest of the request with this number, and the bytes that wait for it."""

    request: int | None
    received: int
    waiting: int
    taken: int

    def stands_since(self, before: "_Owed") -> bool:
        sends_on = self.request != before.request or self.received - before.received >= LEAST_MOVED_BYTES
        takes_on = not before.waiting or self.taken - before.taken >= LEAST_MOVED_BYTES
        return (self.request is not None and not sends_on) or (self.waiting > 0 and not takes_on)


class _Joining:
    """A transport that joins all writes within one step of the event loop into one."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []
        self._given = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._held:
            self._loop.call_soon(self._write)
        self._held.append(data)

    def close(self) -> None:
        self._write()
        self._transport.close()

    def waiting(self) -> int:
        """The number of bytes that wait to be sent."""
        return self._transport.get_write_buffer_size()

    def taken(self) -> int:
        """The number of bytes that were sent."""
        return self._given - self.waiting()

    def _write(self) -> None:
        if self._held and not self._transport.is_closing():  # a client that is gone takes no more
            self._given += sum(map(len, self._held))
            self._transport.writelines(self._held)
        self._held = []


def server_options(trusted_proxies: Sequence[str] = ()) -> dict[str, Any]:
    """The options of uvicorn. Its access log is off, because addresses may name people: the middleware logs requests.

    A request from one of `trusted_proxies` has the last address in the proxies' header that is not a proxy's own. From
    any other address the header is ignored, because every client can write it.
    """
    return {
        "proxy_headers": bool(trusted_proxies),
        "forwarded_allow_ips": list(trusted_proxies),
        "http": Patient,
        "access_log": False,
        "log_config": None,
        "server_header": False,
        "ws": "none",
        "lifespan": "on",
        "timeout_keep_alive": 60,
        "timeout_graceful_shutdown": 10,
        # For a silent worker: it may only be loading, on a machine that starts everything at once.
        "timeout_worker_healthcheck": 60,
        "backlog": 2048,
    }
