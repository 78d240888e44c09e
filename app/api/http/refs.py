"""Types of refs and short texts in bodies and paths."""

import datetime as dt
import re
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from app.api.http.paging import cursor_of, words_of
from app.api.http.problems import Problem
from app.api.http.shapes import LINE, REF
from app.domain.register.personal_number import holds_number


def no_personal_number(value: object) -> object:
    """The value unchanged. Raises PydanticCustomError if it is a text that holds a personal number."""
    if isinstance(value, str) and holds_number(value):
        raise PydanticCustomError("ref_is_personal_number", "a ref is never a personal number")
    return value


def not_before(first: dt.date | None, last: dt.date | None) -> dt.date | None:
    """The last day unchanged. Raises PydanticCustomError when it comes before the first."""
    if first is not None and last is not None and last < first:
        raise PydanticCustomError("out_of_range", "the last day comes before the first")
    return last


Ref = Annotated[str, StringConstraints(pattern=REF), BeforeValidator(no_personal_number)]

Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]

Line = Annotated[Text, StringConstraints(pattern=LINE)]

Minutes = Annotated[int, Field(ge=0, le=1440)]


def new_ref(ref: str) -> None:
    """Raises Problem unless the text may become a ref: `ref_is_personal_number`, `invalid_parameter`."""
    if holds_number(ref):
        raise Problem("ref_is_personal_number")
    if not re.fullmatch(REF, ref):
        raise Problem("invalid_parameter", pointer="/path/ref")


def known_ref(ref: str) -> None:
    """Raises Problem `unknown_ref` for a text that cannot be a ref, without asking the database."""
    if not re.fullmatch(REF, ref):
        raise Problem("unknown_ref")


def ref_after(cursor: str) -> str:
    """The ref in a cursor. Raises Problem `invalid_cursor`."""
    ref = " ".join(words_of(cursor))
    if not re.match(REF, ref) or cursor_of(ref) != cursor:
        raise Problem("invalid_cursor")
    return ref
