"""Routes common to all kinds of master data: PUT with versions, GET one, GET a list."""

import datetime as dt
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import to_json

from app.actions.register.put_master import put
from app.actions.versions import Condition, Json, PutOutcome
from app.api.http.access import Caller, allow, database
from app.api.http.conditions import IfMatch, condition_of
from app.api.http.json_bodies import read_json
from app.api.http.looks import shown
from app.api.http.paging import Cursor, Limit, cursor_of, paged
from app.api.http.personal import NAME_PARAMETER, Personal, found_by_name, opened
from app.api.http.problems import FieldError, Problem
from app.api.http.refs import known_ref, new_ref, not_before, ref_after
from app.api.http.shapes import REF, AnyRef, RefInPath, Wire, answer_of, body_of, page_of
from app.domain.author import Author
from app.store.access.sealed_fields import NAME
from app.store.connection import Reading, Writing
from app.store.register import records, register
from app.store.register.master import RefusedError, is_visible, page

READERS = ("system", "admin", "controller", "planner")
CASE_READERS = (*READERS, "case_officer")
"""The readers of what a case needs: the recipient, its orders, the help and who gives it."""
WRITERS = ("system", "admin")
Out = Callable[[Caller, Json], Json]
Put = Callable[[Request, Caller, str, Any, Condition], Awaitable[PutOutcome]]
Within = Callable[[Reading | Writing, Caller, Sequence[Json]], Awaitable[Sequence[Json]]]


class Spanned(Wire):
    """With `valid_from` and an inclusive `valid_to`."""

    @field_validator("valid_to", check_fields=False)
    @classmethod
    def _not_before_its_first_day(cls, last: dt.date | None, info: ValidationInfo) -> dt.date | None:
        return not_before(info.data.get("valid_from"), last)


class Versioned(Wire):
    """The fields that every answer has beside those of the body."""

    ref: AnyRef
    version: Annotated[int, Field(ge=1)]


def _as_it_is(_: Caller, body: Json) -> Json:
    return body


async def _all_of_it(_: Reading | Writing, __: Caller, bodies: Sequence[Json]) -> Sequence[Json]:
    return bodies


@dataclass(frozen=True, slots=True)
class RecordKind:
    """A kind of master data over HTTP. `visible_by` names the filter that holds a planner to its own provider.

    `within` removes from a record the parts that the caller may not see; `personal` says what is encrypted beside it.
    A kind without `writers` is only read here,
    and has routes of its own that make it.
    """

    name: str
    one: str
    body: type[Wire]
    answer: type[Wire]
    example: Json
    example_out: Json
    visible_by: str | None = None
    filters: Mapping[str, str] = field(default_factory=dict)
    shown: Out = _as_it_is
    within: Within = _all_of_it
    personal: Personal | None = None
    writers: tuple[str, ...] = WRITERS
    readers: tuple[str, ...] = READERS
    scope: str = "records:read"
    write_scope: str = "records:write"
    put: Put | None = None

    @property
    def noun(self) -> str:
        """One record in words, with its article."""
        if self.one == "staff":
            return "a staff member"
        return f"{'an' if self.one[0] in 'aeiou' else 'a'} {self.one}"


async def seen_by(request: Request, if_match: IfMatch = None) -> Condition | None:
    """The condition on the version of a visit that the caller has seen, None without an `If-Match`."""
    return None if if_match is None else await condition_of(request, if_match)


Conditional = Annotated[Condition, Depends(condition_of)]
Seen = Annotated[Condition | None, Depends(seen_by)]


def add_routes(router: APIRouter, kind: RecordKind) -> None:
    """Add PUT, GET one and GET list of a kind."""
    if kind.writers:
        _add_put(router, kind)
    _add_reads(router, kind)


def _add_put(router: APIRouter, kind: RecordKind) -> None:
    answer = answer_of(kind.answer, example=kind.example_out, headers=["ETag"])
    created = answer_of(kind.answer, example=kind.example_out, status=201, text="Created", headers=["ETag"])

    @router.put(
        f"/v1/{kind.name}/{{ref}}",
        operation_id=f"put_{kind.one}",
        summary=f"Create or replace {kind.noun}",
        openapi_extra=body_of(kind.body, example=kind.example),
        responses=answer | created,
    )
    async def put_one(
        request: Request,
        ref: RefInPath,
        caller: Annotated[Caller, Depends(allow(*kind.writers, scope=kind.write_scope))],
        condition: Conditional,
    ) -> Response:
        """Create or replace a whole record. Its history is kept. The same body again makes no new version.

        `If-Match: "<version>"` replaces only that version. `If-None-Match: *` only creates. Otherwise: 412.
        """
        new_ref(ref)
        body = await read_json(request, kind.body)
        outcome = await (kind.put or _put(kind))(request, caller, ref, body, condition)
        return record(kind, caller, ref, outcome)


def _add_reads(router: APIRouter, kind: RecordKind) -> None:
    listed = {"items": [kind.example_out], "next": None}
    named = kind.personal is not None and NAME in kind.personal.fields

    @router.get(
        f"/v1/{kind.name}/{{ref}}",
        operation_id=f"get_{kind.one}",
        summary=f"Get {kind.noun}",
        responses=answer_of(kind.answer, example=kind.example_out, headers=["ETag"]),
    )
    async def get_one(
        request: Request, ref: RefInPath, caller: Annotated[Caller, Depends(allow(*kind.readers, scope=kind.scope))]
    ) -> Response:
        """Get the record as it is now. Its `ETag` is its version."""
        async with database(request).read(caller.municipality_id) as reading:
            stored = await visible_record(reading, kind, caller, ref)
            [body] = await _seen(request, reading, kind, caller, [stored])
        return _answer(kind, caller, ref, stored.version, body)

    @router.get(
        f"/v1/{kind.name}",
        operation_id=f"list_{kind.name}",
        summary=f"List {kind.name}",
        responses=answer_of(page_of(kind.answer), example=listed, headers=["Link"]),
        openapi_extra={"parameters": [*map(_filter_parameter, kind.filters), *([NAME_PARAMETER] * named)]},
    )
    async def get_list(
        request: Request,
        caller: Annotated[Caller, Depends(allow(*kind.readers, scope=kind.scope))],
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Response:
        """List the records by ref, page by page. Ask again with `next` as `cursor` until `next` is null."""
        after = "" if cursor is None else ref_after(cursor)
        query = request.query_params
        asked = {name: query[name] for name in kind.filters if name in query}
        async with database(request).read(caller.municipality_id) as reading:
            filters = await _filters(reading, kind, caller, asked)
            if named and "name" in query:
                filters |= await found_by_name(request, reading, kind.name, caller, query["name"])
            stored_page = await page(reading, kind.name, after, limit + 1, filters)
            bodies = await _seen(request, reading, kind, caller, stored_page[:limit])
        following = cursor_of(stored_page[-2].ref) if len(stored_page) > limit else None
        items = [
            _shown(kind, caller, one.ref, one.version, body)
            for one, body in zip(stored_page[:limit], bodies, strict=True)
        ]
        return paged(request, items, following)


def _put(kind: RecordKind) -> Put:
    async def put_record(request: Request, caller: Caller, ref: str, body: Wire, condition: Condition) -> PutOutcome:
        async def act(writing: Writing) -> PutOutcome:
            outcome = await put(
                writing,
                kind.name,
                ref,
                stored_body(body),
                author_of(caller) if kind.visible_by else Author(caller.subject),
                condition,
            )
            return await visible_outcome(writing, kind, caller, outcome)

        return await written(request, caller, act)

    return put_record


def _named(kind: RecordKind, stored: records.Stored) -> Iterator[str | None]:
    """The recipients in a record."""
    yield stored.ref if kind.name == "recipients" else None
    yield stored.body.get("recipient")
    yield stored.body.get("relative_of")
    if kind.name == "purges":
        yield from (row["recipient"] for row in (*stored.body["recipients"], *stored.body["kept"]))


async def _seen(
    request: Request, reading: Reading, kind: RecordKind, caller: Caller, stored: Sequence[records.Stored]
) -> Sequence[Json]:
    """The bodies of records, with what the caller may see. Whoever is a recipient in them is logged as shown."""
    bodies = await kind.within(reading, caller, [one.body for one in stored])
    await shown(request, reading, chain.from_iterable(_named(kind, one) for one in stored))
    if kind.personal is None:
        return bodies
    of_refs = {one.ref: body for one, body in zip(stored, bodies, strict=True)}
    return await opened(request, reading, kind.personal, kind.name, caller, of_refs)


async def visible_outcome(writing: Writing, kind: RecordKind, caller: Caller, outcome: PutOutcome) -> PutOutcome:
    """The outcome with the parts of the record that the caller may see."""
    if outcome.status == "refused":
        return outcome
    [body] = await kind.within(writing, caller, [outcome.body])
    return replace(outcome, body=body)


async def written(request: Request, caller: Caller, act: Callable[[Writing], Awaitable[PutOutcome]]) -> PutOutcome:
    """Run `act` in one transaction under the municipality's lock, committed on return. Raises Problem."""
    try:
        async with database(request).write(caller.municipality_id) as writing:
            outcome = await act(writing)
    except RefusedError as error:
        raise Problem(error.code) from None
    if outcome.status == "refused":
        raise _problem(outcome)
    return outcome


def _problem(outcome: PutOutcome) -> Problem:
    errors = [FieldError(flaw.pointer, flaw.code) for flaw in outcome.flaws]
    return Problem(outcome.code, errors=errors, version=outcome.version or None)


def stored_body(body: Wire) -> Json:
    """The body with its defaults, as it is stored."""
    return body.model_dump(mode="json", by_alias=True)


def record(kind: RecordKind, caller: Caller, ref: str, outcome: PutOutcome) -> Response:
    """The answer to a put: the record, 201 where it is new."""
    return _answer(kind, caller, ref, outcome.version, outcome.body, status=201 if outcome.status == "created" else 200)


def _answer(kind: RecordKind, caller: Caller, ref: str, version: int, body: Json, *, status: int = 200) -> Response:
    shown = to_json(_shown(kind, caller, ref, version, body))
    return Response(shown, status, {"ETag": f'"{version}"'}, "application/json")


def _shown(kind: RecordKind, caller: Caller, ref: str, version: int, body: Json) -> Json:
    head = {"ref": ref, "version": version}
    return head | kind.shown(caller, head | body)


def own_provider(caller: Caller) -> str | None:
    """The provider a caller is held to; None for roles that see the whole municipality."""
    return (caller.provider or "") if caller.role == "planner" else None


def author_of(caller: Caller) -> Author:
    """The author of what a caller changes, with the provider whose records alone it may change."""
    return Author(caller.subject, own_provider(caller))


async def visible_record(reading: Reading, kind: RecordKind, caller: Caller, ref: str) -> records.Stored:
    """The record, if the caller may see it. Raises Problem `unknown_ref`."""
    known_ref(ref)
    stored = await records.latest(reading, kind.name, ref)
    visible = await _is_visible(reading, kind, caller, ref)  # asked of what is missing too: the time would be a hint
    if stored is None or stored.removed or not visible:
        raise Problem("unknown_ref")
    return stored


async def _is_visible(reading: Reading, kind: RecordKind, caller: Caller, ref: str) -> bool:
    provider = own_provider(caller)
    if provider is None or kind.visible_by is None:
        return True
    return await is_visible(reading, kind.name, ref, kind.visible_by, provider)


async def _filters(reading: Reading, kind: RecordKind, caller: Caller, asked: Mapping[str, str]) -> dict[str, Any]:
    """The filters asked for and the caller's own. Raises Problem `unknown_ref` for a ref that is not there."""
    filters: dict[str, Any] = dict(asked)
    provider = own_provider(caller)
    for name, ref in asked.items():
        known_ref(ref)
        stored = await records.latest(reading, kind.filters[name], ref)
        visible = provider is None or (
            ref == provider if name == "provider" else await register.is_served_by(reading, ref, provider)
        )
        if stored is None or not visible:
            raise Problem("unknown_ref")
    if provider is not None and kind.visible_by:
        filters[kind.visible_by] = provider
    return filters


def _filter_parameter(name: str) -> Json:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": f"Only those of this {name}, by its ref.",
        "schema": {"type": "string", "pattern": REF},
    }
