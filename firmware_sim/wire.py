"""HTTP; the only module that uses the library for it."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

TIMEOUT_SECONDS = 20.0
TRIES = 6
LATER = frozenset({0, 429, 502, 503, 504})


class ServiceRefusedError(Exception):
    """The service gave an answer that the caller cannot go on with; the message has the path and the answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: `status` 0 when none came, `body` None when it was no JSON, `retry_after` in seconds or None."""

    status: int
    body: Any = None
    retry_after: float | None = None

    @property
    def code(self) -> str:
        """The error code of a problem, else an empty string."""
        return str(self.body.get("code", "")) if isinstance(self.body, dict) else ""


class Wire:
    """Connections to one service. An asynchronous context manager."""

    def __init__(self, base_url: str, *, connections: int = 8) -> None:
        self._client = httpx.AsyncClient(
            base_url=base_url,
            timeout=TIMEOUT_SECONDS,
            limits=httpx.Limits(max_connections=connections),
            # A proxy from the environment must not stand between a phone on this machine and its service.
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def send(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        body: Any = None,
        form: Mapping[str, str] | None = None,
        query: Mapping[str, str | int] | None = None,
    ) -> Answer:
        """Send one request with a JSON body or a form. A network failure is an answer with status 0."""
        content = None if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"Accept": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if content is not None:
            headers["Content-Type"] = "application/json"
        try:
            response = await self._client.request(
                method, path, params=query, content=content, data=form, headers=headers
            )
        except httpx.TransportError:
            return Answer(0)
        return Answer(response.status_code, _json(response.content), _seconds(response.headers.get("Retry-After")))

    async def insist(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        body: Any = None,
        query: Mapping[str, str | int] | None = None,
    ) -> Answer:
        """Repeat a request while the service is busy or away. Raises ServiceRefusedError unless it ends in 2xx."""
        answer = Answer(0)
        for attempt in range(TRIES):
            answer = await self.send(method, path, token=token, body=body, query=query)
            if answer.status not in LATER:
                break
            await asyncio.sleep(answer.retry_after or 0.2 * 2**attempt)
        if answer.status // 100 != 2:  # noqa: PLR2004 - the class of success
            raise ServiceRefusedError(f"{method} {path}: {answer.status} {answer.code}".strip())
        return answer

    async def items(self, path: str, *, token: str, query: Mapping[str, str | int]) -> AsyncIterator[Any]:
        """All items of a list, page after page along `next`."""
        asked = dict(query)
        while True:
            page = (await self.insist("GET", path, token=token, query=asked)).body
            for item in page["items"]:
                yield item
            if not page.get("next"):
                return
            asked["cursor"] = page["next"]


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None


def _seconds(header: str | None) -> float | None:
    # Retry-After may also be a date; then the caller's own patience decides.
    return float(header) if header is not None and header.isdecimal() else None
