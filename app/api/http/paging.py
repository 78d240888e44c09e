"""Paging of lists: cursors, and the answer with a link to the next page."""

import datetime as dt
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Query, Request
from fastapi.responses import Response
from pydantic_core import to_json

from app.api.http.problems import Problem

Limit = Annotated[int, Query(ge=1, le=500)]
Cursor = Annotated[str | None, Query(max_length=400)]


def paged(request: Request, items: Sequence[Any], following: str | None, **more: Any) -> Response:
    """The answer with a page's items and the cursor of the next page, which is also in a `Link` header (RFC 8288)."""
    headers = {}
    if following is not None:
        asked = urlencode(dict(request.query_params) | {"cursor": following})
        headers["Link"] = f'<{request.url.path}?{asked}>; rel="next"'
    return Response(
        to_json({"items": items, **more, "next": following}), headers=headers, media_type="application/json"
    )


def cursor_of(*words: object) -> str:
    """A cursor that encodes the words; an instant among them is written in ISO form."""
    written = (word.isoformat() if isinstance(word, dt.datetime) else str(word) for word in words)
    return urlsafe_b64encode(" ".join(written).encode()).decode().rstrip("=")


def words_of(cursor: str) -> list[str]:
    """The words in a cursor. Raises Problem `invalid_cursor`."""
    try:
        words = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError as error:
        raise Problem("invalid_cursor") from error
    if "\0" in words:  # a NUL, which no text in PostgreSQL holds
        raise Problem("invalid_cursor")
    return words.split(" ")


def moment_of(words: Sequence[str]) -> tuple[dt.datetime, UUID]:
    """The instant and the id in a cursor's two words. Raises Problem `invalid_cursor`."""
    try:
        at, id_ = words
        return dt.datetime.fromisoformat(at).astimezone(dt.UTC), UUID(id_)
    except (ValueError, OverflowError) as error:
        raise Problem("invalid_cursor") from error
