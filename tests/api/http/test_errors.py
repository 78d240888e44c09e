"""Refusals: one table, problem+json in two languages, nothing of the input in any of them."""

import ast
import json
import re
from html import escape
from pathlib import Path
from typing import Annotated, Any, get_args

import pytest
import structlog
from fastapi import Depends, Request
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field
from pydantic_core import PydanticCustomError
from service import serving

import app
from app.api.http.access import Caller, allow, database
from app.api.http.codes import CODES as EVERY_CODE
from app.api.http.codes import REFUSALS, REPAIRS, STILL_LOGGED_IN, meaning_of
from app.api.http.json_bodies import Unread, read_items, read_json, strict
from app.api.http.problems import PROBLEMS, FieldError, Problem
from app.api.http.shapes import Day, Instant, Wire
from app.domain.taps import judging, report
from app.domain.visits.repair import DISPUTES
from app.domain.visits.visit import ANOMALIES
from app.language import wanted

CODES = sorted(PROBLEMS)


def _problem(answer, status, code, language="sv"):
    """The body of a refusal, having checked what every refusal has."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["content-language"] == language
    body = answer.json()
    assert body["code"] == code
    assert body["status"] == status == PROBLEMS[code].status
    assert body["type"].endswith(f"/problems/{code}")
    assert body["title"] == PROBLEMS[code].title(language)
    assert body["detail"].startswith(PROBLEMS[code].text(language))  # behind which what is taken may be listed
    assert re.fullmatch("[0-9a-f]{32}", body["trace_id"])
    assert body.keys() <= {"type", "title", "status", "code", "detail", "errors", "trace_id"}
    return body


# The table


def test_the_table_is_sorted_and_every_text_is_told_in_both_languages():
    assert list(PROBLEMS) == CODES
    for code, kind in PROBLEMS.items():
        assert re.fullmatch("[a-z]+(_[a-z]+)*", code)
        assert 400 <= kind.status < 600
        assert all(text.strip() and text[0].isupper() for text in kind[1:]), code
        assert kind.text_sv != kind.text_en, code


SOURCES = (
    "domain/taps/judging.py",
    "domain/taps/read_counter.py",
    "actions/taps/submission.py",
    "actions/taps/record_taps.py",
    "actions/taps/record_reports.py",
    "api/taps/taps.py",
)
APP = Path(app.__file__).parent


def _given(source):
    """The codes that a module gives: what is called `code` or `again`, and what it refuses with."""
    for node in ast.walk(ast.parse((APP / source).read_text())):
        values = []
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            values = (
                [node.value] if {one.id for one in targets if isinstance(one, ast.Name)} & {"code", "again"} else []
            )
        elif isinstance(node, ast.keyword) and node.arg == "code":
            values = [node.value]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("_refused"):
            values = node.args
        for value in values:
            constants = [value] if isinstance(value, ast.Constant) else []
            constants += [value.body, value.orelse] if isinstance(value, ast.IfExp) else []
            yield from (one.value for one in constants if isinstance(one, ast.Constant) and isinstance(one.value, str))


def test_the_table_knows_every_code_of_any_answer():
    given = {code for source in SOURCES for code in _given(source)}
    assert {"sun_invalid", "id_conflict", "counter_replayed", "device_not_bound", "malformed"} <= given
    tables = {
        *PROBLEMS,
        *ANOMALIES,
        *get_args(judging.TapRefusal),
        *get_args(report.ReportRefusal),
        *judging.STATE_DISPUTES.values(),
    }
    assert given | tables | judging.JUDGED_ANEW | DISPUTES | {STILL_LOGGED_IN} == set(EVERY_CODE)
    assert ANOMALIES.keys() <= REPAIRS.keys()
    assert REFUSALS.keys().isdisjoint(PROBLEMS.keys() | ANOMALIES.keys())


async def test_every_code_has_an_address_that_explains_it(service):
    client = service.client()
    for code in EVERY_CODE:
        told = meaning_of(code)
        assert (told.status, told.severity) == (
            PROBLEMS[code].status if code in PROBLEMS else None,
            ANOMALIES.get(code),
        )
        assert told.title.sv != told.title.en
        assert told.text.sv != told.text.en
        for language, title, text in (("sv", *_words(told, "sv")), ("en", *_words(told, "en"))):
            answer = await client.get(f"/problems/{code}", headers={"Accept-Language": language})
            whole = {"code": code, "status": told.status, "severity": told.severity, "title": title, "text": text}
            assert answer.json() == whole
            page = await client.get(f"/problems/{code}", headers={"Accept-Language": language, "Accept": "text/html"})
            assert page.headers["content-type"] == "text/html; charset=utf-8"
            assert page.headers["content-language"] == answer.headers["content-language"] == language
            assert "unsafe" not in page.headers["content-security-policy"]
            for word in (f'lang="{language}"', f"<h1>{escape(title)}</h1>", escape(text), f"<code>{code}</code>"):
                assert word in page.text


def _words(told, language):
    return getattr(told.title, language), getattr(told.text, language)


async def test_a_code_that_is_both_a_refusal_and_an_anomaly_is_told_as_both(service):
    headers = {"Accept-Language": "en"}
    told = (await service.client().get("/problems/tag_retired", headers=headers)).json()
    assert (told["status"], told["severity"]) == (409, "fix")
    assert "cannot be mounted again" in told["text"]
    assert "Decide whether the tap stands" in told["text"]


async def test_what_is_no_code_has_no_page(service):
    for accept in ("application/json", "text/html", "text/html,application/xhtml+xml,*/*;q=0.8"):
        _problem(await service.client().get("/problems/nothing", headers={"Accept": accept}), 404, "not_found")
    answer = await service.client().get("/problems/busy", headers={"Accept": "image/png"})
    _problem(answer, 406, "not_acceptable")
    answer = await service.client().get("/problems/busy", headers={"Accept": "text/html,*/*;q=0.8"})  # a browser
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "sv"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("sv;q=0.1, en;q=0.2", "en"),
        ("en;q=0.2, sv", "sv"),
        ("fi, en;q=0.5", "en"),
        ("fi", "sv"),
        ("en;q=0", "sv"),
        ("en;q=nonsense", "sv"),
        ("*", "sv"),
        (",;,q=;", "sv"),
    ],
)
def test_the_language_is_the_better_wanted_one(header, language):
    assert wanted(header) == language


# The router's and the unforeseen


async def test_what_is_not_there_and_methods_that_are_not_taken(service):
    client = service.client()
    _problem(await client.get("/nothing/here"), 404, "not_found")
    _problem(await client.get("/v1/taps/"), 404, "not_found")
    _problem(await client.get("/static/nothing.css"), 404, "not_found")
    refused = await client.post("/health/live")
    _problem(refused, 405, "method_not_allowed")
    assert "GET" in refused.headers["allow"]


@pytest.mark.parametrize("wanted", ["bytes=0-3", "bytes=9999999-", "bytes=abc", "nonsense"])
async def test_a_static_file_comes_whole_whatever_part_is_asked_for(service, wanted):
    client = service.client()
    whole = await client.get("/static/start.css")
    answer = await client.get("/static/start.css", headers={"Range": wanted})
    assert (answer.status_code, answer.content) == (200, whole.content)
    assert answer.headers["accept-ranges"] == "none"


async def test_a_callers_trace_id_is_kept_and_a_broken_one_is_not(service):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    answer = await service.client().get("/nothing", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    assert _problem(answer, 404, "not_found")["trace_id"] == trace
    answer = await service.client().get("/nothing", headers={"traceparent": f"00-{'0' * 32}-00f067aa0ba902b7-01"})
    assert _problem(answer, 404, "not_found")["trace_id"] != "0" * 32


SECRET = "19121212-1212"


@pytest.fixture
async def probe(service):
    """The service with routes that break in every way a route can."""

    async def broken(sent: str) -> None:
        raise RuntimeError(SECRET)

    async def slow(request: Request) -> None:
        async with database(request).read(188) as reading:
            await reading._driver.execute("SET LOCAL statement_timeout = '1ms'")
            await reading._driver.execute(f"SELECT pg_sleep(1), '{SECRET}'")

    async def slow_by_sqlalchemy(request: Request) -> None:
        async with database(request).read(188) as reading:
            await reading._composed.exec_driver_sql("SET LOCAL statement_timeout = '1ms'")
            await reading._composed.exec_driver_sql("SELECT pg_sleep(1)")

    async def wrong_sql(request: Request) -> None:
        async with database(request).read(188) as reading:
            await reading._composed.exec_driver_sql(f"SELECT '{SECRET}'::int")

    async def another_tenant(request: Request) -> None:
        async with database(request).write(7):
            pass

    async def late(request: Request, limit: int) -> None:
        raise Problem("busy", headers={"Retry-After": "30"})

    routes = (broken, slow, slow_by_sqlalchemy, wrong_sql, another_tenant, late)
    for route in routes:
        service.app.add_api_route(f"/probe/{route.__name__}", route)
    return service.client()


async def test_the_unforeseen_is_500_and_neither_answer_nor_log_says_what_was_sent(probe, capfd):
    with structlog.testing.capture_logs() as logs:
        body = _problem(await probe.get("/probe/broken?sent=x"), 500, "internal")
        _problem(await probe.get("/probe/wrong_sql"), 500, "internal")
    assert [log["event"] for log in logs] == ["unexpected", "request"] * 2
    assert logs[0]["trace_id"] == logs[1]["trace_id"] == body["trace_id"]
    assert logs[0]["error"] == "RuntimeError"
    assert SECRET not in str(logs)
    printed = capfd.readouterr()
    assert SECRET not in printed.out + printed.err


async def test_time_outs_of_the_database_say_try_again(probe):
    for path in ("/probe/slow", "/probe/slow_by_sqlalchemy"):
        answer = await probe.get(path)
        _problem(answer, 503, "busy")
        assert answer.headers["retry-after"] == "2"
    answer = await probe.get("/probe/late?limit=1")
    assert answer.headers["retry-after"] == "30"


async def test_a_tenant_that_is_not_there(probe):
    _problem(await probe.get("/probe/another_tenant"), 404, "unknown_municipality")


async def test_a_bad_parameter_is_named_and_not_repeated(probe):
    body = _problem(await probe.get(f"/probe/late?limit={SECRET}"), 422, "invalid_parameter")
    assert body["errors"] == [
        {"pointer": "/query/limit", "code": "wrong_format", "message": PROBLEMS["wrong_format"].text_sv}
    ]
    assert SECRET not in json.dumps(body)


async def test_an_exhausted_pool_says_try_again(database_url, owner):
    await owner.execute("INSERT INTO municipality (municipality_id, name, as_of) VALUES (188, 'Norrtälje', now())")
    async with serving(database_url, pool_size=4) as service:
        async with service.app.state.database.read(188):
            answer = await service.client("admin").get("/v1/visits", headers={"Accept-Language": "en"})
        _problem(answer, 503, "busy", "en")
        assert answer.headers["retry-after"] == "2"


async def test_without_a_database_the_service_lives_is_not_ready_and_says_so():
    with structlog.testing.capture_logs():
        async with serving("postgresql://taggad@127.0.0.1:1/taggad") as service:
            client = service.client("admin")
            assert (await client.get("/health/live")).status_code == 200
            _problem(await client.get("/health/ready"), 503, "busy")
            _problem(await client.get("/v1/visits"), 503, "busy")
            page = await client.get("/")
            assert page.status_code == 200
            assert "Databasen svarar inte just nu" in page.text
            assert (await client.get("/figures")).json() == {}


# Bodies


class Thing(Wire):
    ref: Annotated[str, Field(max_length=10)]
    count: Annotated[int, Field(ge=0)] = 0
    at: Instant | None = None
    on: Day | None = None


class Item(Wire):
    id: str
    inner: Thing


class Items(Wire):
    sent_at: Instant
    items: Annotated[list[Item], Field(min_length=1, max_length=1000)]


class Checked(Wire):
    ref: str

    def model_post_init(self, _: Any) -> None:
        if self.ref.isdigit():
            raise PydanticCustomError("factory_key", "a code of ours")


@pytest.fixture
async def reader(service):
    """Routes that read a `Thing`, `Items`, a `Checked`, and say what they have read."""

    async def thing(request: Request) -> Any:
        return (await read_json(request, Thing)).model_dump(mode="json")

    async def small(request: Request) -> Any:
        return (await read_json(request, Thing, limit_bytes=100)).model_dump(mode="json")

    async def checked(request: Request) -> Any:
        return (await read_json(request, Checked)).model_dump(mode="json")

    async def items(request: Request) -> Any:
        batch = await read_items(request, Items, "items", Item)
        return [
            {"bad": one.id, "raw": one.raw, "errors": [[error.pointer, error.code] for error in one.errors]}
            if isinstance(one, Unread)
            else {"good": one.id, "sent_at": batch.envelope.sent_at.isoformat()}
            for one in batch.items
        ]

    async def guarded(request: Request, _: Annotated[Caller, Depends(allow("system", scope="records:read"))]) -> Any:
        return await thing(request)

    for route in (thing, small, checked, items, guarded):
        service.app.add_api_route(f"/read/{route.__name__}", route, methods=["POST"])

    async def send(path, content, kind="application/json", **headers):
        raw = content if isinstance(content, bytes) or not isinstance(content, dict | list) else json.dumps(content)
        return await service.client("planner", provider="P-norr").post(
            f"/read/{path}", content=raw, headers={"Content-Type": kind, **headers} if kind else headers
        )

    return send


MALFORMED = {
    "nothing": b"",
    "not json": b"hello",
    "cut off": b'{"ref": "a"',
    "more after the end": b'{"ref": "a"} {}',
    "trailing comma": b'{"ref": "a",}',
    "comment": b'{"ref": "a"} // b',
    "single quotes": b"{'ref': 'a'}",
    "a key twice": b'{"ref": "a", "ref": "b"}',
    "a key twice, equal": b'{"ref": "a", "ref": "a"}',
    "a key twice, once escaped": b'{"ref": "a", "r\\u0065f": "b"}',
    "a key twice, deep": b'{"ref": [{"x": {"a:b": 1, "a:b": 2}}]}',
    "a key twice, hidden by colons elsewhere": b'{"ref": "a:b", "ref": ":::", "c": "\\":\\":"}',
    "NaN": b'{"ref": "a", "count": NaN}',
    "Infinity": b'{"ref": "a", "count": Infinity}',
    "minus Infinity": b'{"ref": "a", "count": -Infinity}',
    "a number beyond all": b'{"ref": "a", "count": 1e400}',
    "a negative number beyond all": b'{"ref": "a", "count": -1e400}',
    "a long number beyond all": b'{"ref": "a", "count": ' + b"9" * 400 + b".5}",
    "a whole number too long": b'{"ref": "a", "count": ' + b"9" * 5000 + b"}",
    "NUL": b'{"ref": "a\\u0000b"}',
    "NUL in a key": b'{"ref": "a", "\\u0000": 1}',
    "NUL after a backslash": b'{"ref": "\\\\\\u0000"}',
    "raw NUL": b'{"ref": "a\x00b"}',
    "raw line feed in a string": b'{"ref": "a\nb"}',
    "lone high surrogate": b'{"ref": "\\ud800"}',
    "lone low surrogate": b'{"ref": "\\udc00"}',
    "surrogates the wrong way": b'{"ref": "\\udc00\\ud800"}',
    "a surrogate in UTF-8": b'{"ref": "\xed\xa0\x80"}',
    "not UTF-8": '{"ref": "å"}'.encode("latin-1"),
    "UTF-16": '{"ref": "a"}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"ref": "a"}',
    "too deep": b'{"ref": ' + b"[" * 300 + b"]" * 300 + b"}",
    "much too deep": b"[" * 100_000,
    "leading zero": b'{"ref": "a", "count": 01}',
    "hexadecimal": b'{"ref": "a", "count": 0x1}',
    "form feed as space": b'{"ref":\x0c"a"}',
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_what_is_not_strict_json_is_400(reader, name):
    _problem(await reader("thing", MALFORMED[name]), 400, "malformed_json")


WELL_FORMED = {
    "plain": (b'{"ref": "a"}', "a"),
    "spaces": (b' \t\r\n{ "ref" : "a" } ', "a"),
    "escapes": (b'{"ref": "\\u00e5\\n\\"\\\\"}', 'å\n"\\'),
    "an emoji as surrogates": (b'{"ref": "\\ud83d\\ude00"}', "😀"),
    "the word Infinity": (b'{"ref": "-Infinity"}', "-Infinity"),
    "a written backslash before u0000": (b'{"ref": "\\\\u0000"}', "\\u0000"),
    "colons": (b'{"ref": ":\\":\\u003a"}', ':"::'),
    "NFD stays NFD": ('{"ref": "a\u030a"}'.encode(), "a\u030a"),
}


@pytest.mark.parametrize("name", WELL_FORMED)
async def test_what_is_strict_json_is_read(reader, name):
    body, ref = WELL_FORMED[name]
    answer = await reader("thing", body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["ref"] == ref


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def _holds_nul(value):
    if isinstance(value, dict):
        return any("\0" in key or _holds_nul(inner) for key, inner in value.items())
    if isinstance(value, list):
        return any(map(_holds_nul, value))
    return isinstance(value, str) and "\0" in value


@given(json_values, st.booleans())
def test_any_value_without_nul_reads_as_itself(value, escaped):
    try:
        body = json.dumps(value, ensure_ascii=escaped).encode()
    except UnicodeEncodeError:
        return
    if _holds_nul(value):
        with pytest.raises(Problem):
            strict(body)
    else:
        assert strict(body) == value


@given(st.dictionaries(st.text(min_size=1, max_size=4), json_values, min_size=1, max_size=4), st.booleans(), st.data())
def test_any_key_given_twice_is_found(value, escaped, data):
    key = data.draw(st.sampled_from(sorted(value)))
    pairs = [*value.items(), (key, data.draw(json_values))]
    parts = [f"{json.dumps(k, ensure_ascii=escaped)}:{json.dumps(v, ensure_ascii=escaped)}" for k, v in pairs]
    with pytest.raises(Problem, match="malformed_json"):
        strict(f"[{{{','.join(parts)}}}]".encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(
    "kind",
    ["", "text/plain", "text/json", "application/x-www-form-urlencoded", "application/json; charset=latin-1",
     "application/jsonp", "application/problem+json", "multipart/form-data; boundary=x"],
)  # fmt: skip
async def test_another_content_type_is_415(reader, kind):
    _problem(await reader("thing", b'{"ref": "a"}', kind), 415, "unsupported_media_type")


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON", 'application/json ; charset="UTF-8"'])
async def test_json_in_utf8_is_taken_however_it_is_said(reader, kind):
    assert (await reader("thing", b'{"ref": "a"}', kind)).status_code == 200


async def test_a_body_too_large_is_413_however_it_comes(reader):
    large = b'{"ref": "' + b"a" * 100 + b'"}'

    async def in_pieces():
        for start in range(0, len(large), 10):
            yield large[start : start + 10]

    _problem(await reader("small", large), 413, "body_too_large")
    _problem(await reader("small", in_pieces()), 413, "body_too_large")


async def test_a_body_in_pieces_is_read_whole(reader):
    async def in_pieces():
        for byte in b'{"ref": "abc"}':
            yield bytes([byte])

    assert (await reader("thing", in_pieces())).json()["ref"] == "abc"


FIELDS = [
    ({}, [("/ref", "missing_field")]),
    ({"ref": 1}, [("/ref", "wrong_type")]),
    ({"ref": None}, [("/ref", "wrong_type")]),
    ({"ref": "a" * 11}, [("/ref", "wrong_length")]),
    ({"ref": "a", "count": -1}, [("/count", "out_of_range")]),
    ({"ref": "a", "count": "1"}, [("/count", "wrong_type")]),
    ({"ref": "a", "count": 1.0}, [("/count", "wrong_type")]),
    ({"ref": "a", "count": True}, [("/count", "wrong_type")]),
    ({"ref": "a", SECRET: 1}, [("", "unknown_field")]),
    ({"ref": "a", "at": 0}, [("/at", "wrong_type")]),
    ({"ref": "a", "at": "0"}, [("/at", "wrong_format")]),
    ({"ref": "a", "at": "1700000000"}, [("/at", "wrong_format")]),
    ({"ref": "a", "at": "2026-10-24"}, [("/at", "wrong_format")]),
    ({"ref": "a", "at": "2026-10-24T10:00"}, [("/at", "wrong_format")]),
    ({"ref": "a", "at": "2026-10-24T10:00:00"}, [("/at", "naive_instant")]),
    ({"ref": "a", "at": "2026-10-24T25:00:00Z"}, [("/at", "wrong_format")]),
    ({"ref": "a", "at": "2026-02-30T10:00:00Z"}, [("/at", "wrong_format")]),
    ({"ref": "a", "at": "0001-01-01T00:00:00+14:00"}, [("/at", "out_of_range")]),
    ({"ref": "a", "at": "9999-12-31T23:59:59-14:00"}, [("/at", "out_of_range")]),
    ({"ref": "a", "on": "2026-02-30"}, [("/on", "wrong_format")]),
    ({"ref": "a", "on": "2026-10-24T00:00:00Z"}, [("/on", "wrong_format")]),
    ({"ref": "a", "on": "1700006400"}, [("/on", "wrong_format")]),
    ({"ref": "a", "on": "1899-12-31"}, [("/on", "out_of_range")]),
    ({"ref": 1, "count": "x"}, [("/ref", "wrong_type"), ("/count", "wrong_type")]),
    ([], [("", "wrong_type")]),
    ("null", [("", "wrong_type")]),
]


@pytest.mark.parametrize(("body", "faults"), FIELDS)
async def test_a_body_of_another_shape_is_422_with_a_pointer_to_each_fault(reader, body, faults):
    answer = await reader("thing", body)
    found = _problem(answer, 422, "invalid_envelope")["errors"]
    assert [(fault["pointer"], fault["code"]) for fault in found] == faults
    assert all(fault["message"] == PROBLEMS[fault["code"]].text_sv for fault in found)
    assert SECRET not in answer.text


async def test_instants_and_days_are_read_as_they_are_meant(reader):
    body = {"ref": "a", "at": "2026-10-25T02:30:00.5+01:00", "on": "2026-10-25"}
    read = (await reader("thing", body)).json()
    assert (read["at"], read["on"]) == ("2026-10-25T02:30:00.500000+01:00", "2026-10-25")


async def test_a_validators_own_code_is_the_problems_code(reader):
    body = _problem(await reader("checked", {"ref": "1912"}), 422, "factory_key")
    assert body["errors"] == [{"pointer": "", "code": "factory_key", "message": PROBLEMS["factory_key"].text_sv}]


async def test_the_callers_role_is_judged_before_the_body(reader):
    _problem(await reader("guarded", b"nonsense", "text/plain"), 403, "forbidden_role")


# Batches


SENT = "2026-10-24T10:00:00Z"


def _item(number, **more):
    return {"id": f"i{number}", "inner": {"ref": f"r{number}"} | more}


async def test_a_good_batch_is_read_in_order(reader):
    answer = await reader("items", {"sent_at": SENT, "items": [_item(n) for n in range(1000)]})
    assert [one["good"] for one in answer.json()] == [f"i{n}" for n in range(1000)]


async def test_a_poison_item_does_not_refuse_the_rest(reader):
    poison = [1, None, [], {}, {"id": 5}, {"id": "x", "inner": {"ref": 1, SECRET: 2}}, _item(3, count=-1), "text"]
    answer = await reader("items", {"sent_at": SENT, "items": [_item(0), *poison, _item(9)]})
    read = answer.json()
    assert [one.get("good") for one in read] == ["i0", *[None] * len(poison), "i9"]
    assert read[0]["sent_at"] == "2026-10-24T10:00:00+00:00"
    bad = read[1:-1]
    assert [one["raw"] for one in bad] == poison
    assert [one["bad"] for one in bad] == [None] * 5 + ["x", "i3", None]
    assert bad[5]["errors"] == [["/inner/ref", "wrong_type"], ["/inner", "unknown_field"]]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"sent_at": SENT, "items": [{}] * 1001}, 413, "too_many_items"),
        ({"sent_at": SENT, "items": []}, 422, "invalid_envelope"),
        ({"sent_at": SENT, "items": {}}, 422, "invalid_envelope"),
        ({"sent_at": SENT}, 422, "invalid_envelope"),
        ({"sent_at": "now", "items": [_item(1)]}, 422, "invalid_envelope"),
        ({"sent_at": SENT, "items": [_item(1)], "more": 1}, 422, "invalid_envelope"),
        ({"items": [_item(1)]}, 422, "invalid_envelope"),
        ([_item(1)], 422, "invalid_envelope"),
        (b'{"sent_at": "x", "sent_at": "y", "items": []}', 400, "malformed_json"),
    ],
)
async def test_an_envelope_that_cannot_be_read_is_refused_whole(reader, body, status, code):
    _problem(await reader("items", body), status, code)


async def test_an_envelopes_faults_are_told_without_those_of_its_items(reader):
    body = {"sent_at": "2026-10-24T10:00:00", "items": [{"id": 1}]}
    errors = _problem(await reader("items", body), 422, "invalid_envelope")["errors"]
    assert [(error["pointer"], error["code"]) for error in errors] == [("/sent_at", "naive_instant")]


def test_a_field_error_is_told_in_the_language_asked_for():
    error = FieldError("/ref", "missing_field")
    assert error.to_json("en") == {
        "pointer": "/ref",
        "code": "missing_field",
        "message": "The field is missing. Add it.",
    }
