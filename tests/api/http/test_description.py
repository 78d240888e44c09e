"""The description of the API: its examples fit its schemas, and nothing that a caller may need is left out of it."""

import re
from pathlib import Path

import httpx
import pytest
from described import Description

import app.api
from app.api.http.description import FILTERS, WORDS
from app.api.http.field_words import FIELDS, OF_MODEL

API = Path(app.api.__file__).parent


@pytest.fixture
async def told(service):
    return Description(service.app.openapi())


def _contents(description):
    """Every place with a schema and examples: of bodies, of answers, and of parameters and headers."""
    for method, path, operation in description.operations():
        places = [["paths", path, method.lower(), "responses", status] for status in operation["responses"]]
        if "requestBody" in operation:
            places.append(["paths", path, method.lower(), "requestBody"])
        for place in places:
            found, said = description.place_of(place)
            for media_type, content in said.get("content", {}).items():
                yield [*found, "content", media_type], content
    for name, header in description.document["components"]["headers"].items():
        yield ["components", "headers", name], header


async def test_every_example_fits_its_schema(told):
    wrong, count = [], 0
    for place, content in _contents(told):
        examples = (
            [content["example"]] if "example" in content else [one["value"] for one in content["examples"].values()]
        )
        count += len(examples)
        for example in examples:
            wrong += [("/".join(place), fault) for fault in told.faults([*place, "schema"], example)]
    assert wrong == []
    assert count > 100


async def test_every_json_answer_has_a_schema_with_something_in_it(told):
    for method, path, operation in told.operations():
        for status in operation["responses"]:
            _, answer = told.place_of(["paths", path, method.lower(), "responses", status])
            for media_type, content in answer.get("content", {}).items():
                assert content.get("schema"), (method, path, status, media_type)


VERBS = {
    "acknowledge", "approve", "begin", "check", "close", "correct", "create", "draw", "end", "enrol", "explain", "get",
    "list", "mount",
    "prove", "pull", "put", "register", "repair", "revoke", "send", "set", "settle", "simulate", "withdraw",
}  # fmt: skip
"""What an operation does; the first word of its id and of its summary."""


def _few_words(text):
    return len((text or "").split()) < 2


async def test_every_operation_has_an_id_and_a_summary_that_begin_with_a_verb(told):
    said = [operation for _, _, operation in told.operations()]
    assert [one["operationId"] for one in said if not re.fullmatch("[a-z]+(_[a-z]+)+", one["operationId"])] == []
    assert [one["operationId"] for one in said if one["operationId"].partition("_")[0] not in VERBS] == []
    assert [one["summary"] for one in said if one["summary"].partition(" ")[0].lower() not in VERBS] == []
    assert [one["operationId"] for one in said if _few_words(one["summary"])] == []
    assert [one["operationId"] for one in said if _few_words(one.get("description"))] == []
    assert len({one["operationId"] for one in said}) == len(said)
    assert len({one["summary"] for one in said}) == len(said)


async def test_every_parameter_says_what_it_means(told):
    silent = [
        (method, path, one["name"])
        for method, path, operation in told.operations()
        for one in operation.get("parameters", [])
        if _few_words(one.get("description"))
    ]
    assert silent == []


def _properties(part, place=()):
    """Every property of every object in a part of the document, at any depth."""
    if isinstance(part, dict):
        for name, one in part.get("properties", {}).items():
            yield (*place, name), one
        for name, one in part.items():
            yield from _properties(one, (*place, name))
    elif isinstance(part, list):
        for number, one in enumerate(part):
            yield from _properties(one, (*place, number))


async def test_every_schema_and_every_field_says_what_it_means(told):
    schemas = told.document["components"]["schemas"]
    assert [name for name, one in schemas.items() if _few_words(one.get("description"))] == []
    fields = dict(_properties(told.document))
    assert [place for place, one in fields.items() if _few_words(one.get("description"))] == []
    assert len(fields) > 900


async def test_no_sentence_is_kept_for_a_name_that_is_gone(told):
    used = {one["description"] for _, one in _properties(told.document)}
    used |= {one["description"] for _, _, operation in told.operations() for one in operation.get("parameters", [])}
    assert {text for table in (FIELDS, OF_MODEL, WORDS, FILTERS) for text in table.values()} <= used


async def test_what_is_said_is_a_statement(told):
    """A sentence that begins so has no verb of its own, and is not understood at the first reading."""
    loose = re.compile(r"(What|Whether|One that|Who|Whom|Whose|Those|Of|By whose|As)\b")
    said = [
        *(operation["description"] for _, _, operation in told.operations()),
        *(one["description"] for _, _, operation in told.operations() for one in operation.get("parameters", [])),
        *(one["description"] for one in told.document["components"]["schemas"].values()),
        *(one["description"] for _, one in _properties(told.document)),
        *(one["description"] for one in told.document["tags"]),
        *(one["description"] for one in told.document["components"]["responses"].values()),
    ]
    assert [text for text in said if loose.match(text)] == []
    assert [text for text in said if not text.endswith(".")] == []


def _fields(schema, place=()):
    """Every property in a schema: the steps to it, and what is said of it."""
    for name, one in schema.get("properties", {}).items():
        for part in [one, *one.get("anyOf", []), one.get("items", {})]:
            yield (*place, name), part


async def test_a_ref_in_an_answer_or_a_body_has_its_pattern(told):
    """Phones alone send whatever they have read somewhere, of a length that is said."""
    named = {"recipient", "provider", "staff", "household", "intervention", "contract", "keyset"}
    bare = [
        place
        for name, schema in told.document["components"]["schemas"].items()
        for place, one in _fields(schema, (name,))
        if place[-1] in named and one.get("type") == "string" and not {"pattern", "maxLength", "format"} & one.keys()
    ]
    assert bare == []


async def test_what_is_a_closed_set_in_the_code_is_one_in_the_description(told):
    """Fields that hold a word of ours, wherever they stand."""
    closed = {"status", "verdict", "severity", "state", "category", "area", "evidence", "role", "kind", "code"}
    open_ = [
        place
        for name, schema in told.document["components"]["schemas"].items()
        for place, one in _fields(schema, (name,))
        if place[-1] in closed and one.get("type") == "string" and not {"enum", "const", "maxLength"} & one.keys()
    ]
    assert sorted(open_) == [("OfferAnswer", "code"), ("PinCodeAnswer", "code")]  # secrets, and no words of ours


async def test_a_header_that_asks_for_a_version_is_read_in_one_place_and_described_wherever_it_is_read(told):
    reading = [
        path.name
        for path in API.rglob("*.py")
        if re.search(r"""["']if-(none-)?match["']""", path.read_text(), re.IGNORECASE)
    ]
    assert sorted(reading) == ["conditions.py", "description.py"]
    described = {
        (method, path): {one["name"] for one in operation.get("parameters", []) if one["in"] == "header"}
        for method, path, operation in told.operations()
    }
    conditional = {place: names for place, names in described.items() if names}
    assert len(conditional) > 14
    for (method, path), names in conditional.items():
        operation = told.document["paths"][path][method.lower()]
        assert ("412" if "If-Match" in names else "304") in operation["responses"], path
        if method == "GET":
            assert names == {"If-None-Match"}
            assert all("ETag" in operation["responses"][status]["headers"] for status in ("200", "304"))
            continue
        assert "If-Match" in names
        if method == "PUT":
            assert names == {"If-Match", "If-None-Match"}
    required = told.document["paths"]["/v1/visits/{visit_id}/corrections"]["post"]
    assert "428" in required["responses"]
    assert [one["required"] for one in required["parameters"] if one["name"] == "If-Match"] == [True]


async def test_a_body_that_may_be_left_out_is_not_required(told):
    optional = {
        (method, path)
        for method, path, operation in told.operations()
        if "requestBody" in operation and not operation["requestBody"]["required"]
    }
    assert optional == {
        ("POST", "/v1/periods/{provider}/{month}/close"),
        ("POST", "/v1/anomalies/{anomaly_id}/apply"),
    }


async def test_an_answer_that_is_not_as_described_is_noticed(told):
    """Whoever asks who may do what asks this of every answer."""

    def answer(status=200, headers=(), **body):
        asked = httpx.Request("GET", "http://127.0.0.1/v1/ledger/key")
        return httpx.Response(status, headers=dict(headers), request=asked, **body)

    key = {"public_key": "taggad/188+6a31a3a5+AQKL"}
    assert told.unlike(answer(json=key)) == []
    assert told.unlike(answer(json=key | {"more": 1})) != []
    assert told.unlike(answer(json=key, headers={"ETag": '"1"'})) == ["ETag is sent and not described"]
    assert told.unlike(answer(201, json=key)) == ["no answer 201 is described"]
    assert told.unlike(answer(text="key")) == ["text/plain is sent and not described"]
    assert told.unlike(answer(404, json=key)) == ["application/json is sent and not described"]
