"""Parts of bodies and answers: the strict base model, instants and days, and examples for the documentation."""

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Path
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
    create_model,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from app.api.http.field_words import meaning
from app.api.http.problems import PROBLEMS

FIRST_AT = dt.datetime(1900, 1, 1, tzinfo=dt.UTC)
END_AT = dt.datetime(2200, 1, 1, tzinfo=dt.UTC)

_UNSEEN = r"\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff"
LINE = rf"^[^{_UNSEEN}]*[^{_UNSEEN}\s\u200c\u200d][^{_UNSEEN}]*$"
"""The pattern of a name or a title: something is seen, and no character breaks the line, hides or changes direction."""

REF = "^[A-Za-z0-9ÅÄÖåäö][A-Za-z0-9ÅÄÖåäö._:-]{0,63}$"

_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_SCHEMA = "#/components/schemas/{model}"


class Described(BaseModel):
    """A model whose fields are explained in the API's description, those of its base classes among them."""

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        made = handler(schema)
        names = [base.__name__ for base in cls.__mro__]
        for field, property_schema in handler.resolve_ref_schema(made).get("properties", {}).items():
            property_schema.setdefault("description", meaning(names, field))
        return made


class Wire(Described):
    """A body or an answer: nothing unknown, nothing converted. Read from JSON, never from Python values."""

    model_config = ConfigDict(extra="forbid", strict=True)


class _Instant:
    """An instant: RFC 3339 with seconds and offset. Pydantic alone also takes digits, as seconds since 1970."""

    def __get_pydantic_core_schema__(self, _: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.str_schema(
            pattern=rf"^{_DAY}[Tt ][0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(\.[0-9]{{1,9}})?([Zz]|[+-][0-9]{{2}}:[0-9]{{2}})?$",
            strict=True,
        )
        # The range keeps every conversion to UTC and to local time within the range of a datetime.
        instant = core_schema.datetime_schema(tz_constraint="aware", ge=FIRST_AT, lt=END_AT, strict=False)
        return _read_or_given(text, instant)

    def __get_pydantic_json_schema__(self, _: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "format": "date-time"}


class _Day:
    """A day: `YYYY-MM-DD` between 1900 and 2199."""

    def __get_pydantic_core_schema__(self, _: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.str_schema(pattern=f"^{_DAY}$", strict=True)
        day = core_schema.date_schema(ge=FIRST_AT.date(), lt=END_AT.date(), strict=False)
        return _read_or_given(text, day)

    def __get_pydantic_json_schema__(self, _: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "format": "date"}


def _read_or_given(text: CoreSchema, value: CoreSchema) -> CoreSchema:
    read = core_schema.chain_schema([text, value])
    # A Python string comes from the address of a request and is parsed alike; any other value is our own.
    given = core_schema.no_info_wrap_validator_function(
        lambda own, reads: reads(own) if isinstance(own, str) else own, read
    )
    return core_schema.json_or_python_schema(json_schema=read, python_schema=given)


Instant = Annotated[dt.datetime, _Instant()]
Day = Annotated[dt.date, _Day()]


def _none_for_ever(value: object) -> object:
    return None if value == FOR_EVER else value


FOR_EVER = "9999-12-31"
LastDay = Annotated[
    Day | None,
    BeforeValidator(_none_for_ever),
    Field(description="The last day, inclusive. Null or 9999-12-31: until further notice."),
]
"""The last day of a span, None for an open one. Many systems write an open end as the last possible day."""


@dataclass(frozen=True, eq=False, slots=True)
class OneOf:
    """A name from one of our tables; the refusal of any other lists the names."""

    known: Collection[str]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "enum": list(self.known)}

    def _check(self, name: str) -> str:
        if name not in self.known:
            raise PydanticCustomError("invalid_value", "not one of the known", {"expected": ", ".join(self.known)})
        return name


# For the description alone: answers are ours, and an id that is asked for is looked up, not refused for its form.
AnyRef = Annotated[str, Field(json_schema_extra={"pattern": REF})]
DayText = Annotated[str, Field(json_schema_extra={"format": "date"})]
Sha256 = Annotated[str, Field(json_schema_extra={"pattern": "^[0-9a-f]{64}$"})]
RefInPath = Annotated[str, Path(json_schema_extra={"pattern": REF})]
IdInPath = Annotated[str, Path(json_schema_extra={"format": "uuid"})]
Month = Annotated[str, StringConstraints(pattern=r"^(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])$")]


class Fault(Wire):
    """One error: a JSON Pointer to the place, a code, and a sentence that says what is accepted."""

    pointer: str
    code: Annotated[str, OneOf(PROBLEMS)]
    message: str


T = TypeVar("T", bound=BaseModel)


class Page(Wire, Generic[T]):
    """A page of a list."""

    items: list[T]
    next: str | None


def page_of(model: type[BaseModel]) -> type[BaseModel]:
    """The model of a page of such items, under a name of its own in the description."""
    name = f"{model.__name__.removesuffix('Answer')}Page"
    return create_model(name, __base__=Page[model], __doc__=Page.__doc__)  # type: ignore[valid-type] # known only here


def body_of(model: type[BaseModel], *, example: Any, required: bool = True) -> dict[str, Any]:
    """The `openapi_extra` of a route that reads its body itself. `description.py` moves its `$defs` up."""
    schema = model.model_json_schema(ref_template=_SCHEMA)
    schema = {
        "$ref": _SCHEMA.format(model=model.__name__),
        "$defs": {**schema.pop("$defs", {}), model.__name__: schema},
    }
    content = {"application/json": {"schema": schema, "example": example}}
    return {"requestBody": {"required": required, "content": content}}


def answer_of(
    model: type[BaseModel] | UnionType,
    *,
    example: Any,
    status: int = 200,
    text: str = "OK",
    headers: Iterable[str] = (),
) -> dict[int | str, dict[str, Any]]:
    """A `responses` entry: the answer's model (several are joined with `|`), its example, the names of its headers."""
    content = {"application/json": {"example": example}}
    return {status: {"model": model, "description": text, "content": content} | sent(*headers)}


def sent(*headers: str) -> dict[str, Any]:
    """The headers in a `responses` entry."""
    return {"headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers}} if headers else {}


def refused(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` entries of refusals that only some routes give; `description.py` completes them."""
    return {status: {} for status in statuses}
