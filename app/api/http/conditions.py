"""`If-Match` and `If-None-Match`: the version of a record that a caller has seen."""

import re
from typing import Annotated

from fastapi import Header, Request

from app.actions.versions import Condition

ETAG = re.compile(r'"([0-9]{1,9})"')

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description='The version that you have read, as `"<version>"`. Another version is refused with 412.',
    ),
]

IfNoneMatch = Annotated[
    str | None,
    Header(
        alias="If-None-Match", description="`*` makes the call create only. It is refused if the record already exists."
    ),
]

HELD = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` of the answer that you have. If it still holds, you get 304 without a body.",
    "schema": {"type": "string"},
}
"""The header of a call that answers 304, as the description has it."""


async def condition_of(request: Request, if_match: IfMatch = None, if_none_match: IfNoneMatch = None) -> Condition:
    """The condition in the headers `If-Match` and `If-None-Match`; an ETag that is not ours is never met."""
    given = ",".join(request.headers.getlist("if-match"))
    star = given.strip() == "*"
    tags = [ETAG.fullmatch(tag.strip()) for tag in given.split(",")]
    versions = frozenset(int(tag[1]) for tag in tags if tag)
    return Condition(
        match=None if star or if_match is None else versions,
        must_exist=star,
        must_not_exist=(if_none_match or "").strip() == "*",
    )


def held_etags(request: Request) -> set[str]:
    """The ETags of the answers that a caller has. A weak one is taken for a strong one (RFC 9110, 13.1.2)."""
    given = ",".join(request.headers.getlist("if-none-match"))
    return {tag.strip().removeprefix("W/") for tag in given.split(",")}
