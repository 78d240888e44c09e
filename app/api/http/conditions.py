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
