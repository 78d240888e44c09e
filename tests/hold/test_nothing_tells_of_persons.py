"""A day with a name and a number for everybody, asked for well and badly: nobody's stands anywhere it does not belong.

Every person of this day has a name and a number that occur nowhere else. Every route is asked, with what it takes and
with names and numbers where none belong. Afterwards they are looked for in whatever is written down: logs, metrics,
refusals, what those see who need no names, every column, and a dump of the database. Names stand in the answers of the
register alone, and to whom it shows them; numbers in none but the extract that a person gets.
"""

import asyncio
import json
import logging
import re
import subprocess
from urllib.parse import quote

import pytest
import structlog
from fastapi.routing import APIRoute, iter_route_contexts
from service import day, serving, tap_item
from sqlalchemy import make_url
from stdnum import luhn

from app.api.http.access import allowed_by
from app.api.http.declared import declared_by
from app.store.server.cluster import binaries, log_of

NAMES = {
    "B-1": "Zebulina Qvintfors", "B-2": "Wollmar Xerxström", "S-1": "Quirina Zätterblom", "P-norr": "Xantippa Wrede",
    "relative": "Yngvarth Qvintfors",
}  # fmt: skip
REACHED = ["+46 70 174 06 99", "zq@persons.example", "Zobelgränd 99"]
SAID = [part for name in NAMES.values() for part in name.split()] + REACHED
BORN = {"B-1": "19311104", "B-2": "19440229", "S-1": "19880320"}
REGISTER = re.compile(r"/v1/(recipients|staff|providers)(/[^/]*)?")
"""The routes whose answers have names, for those who may read them."""
LOOKING = {"controller": {}, "auditor": {}, "inspector": {}, "staff": {"staff": "S-1"}}
"""Whoever needs no names."""
OF_THE_TEST = ("httpx", "httpcore", "asyncio")


def number_of(born):
    """A valid personal number of that day of birth, of those that the tax agency keeps for tests."""
    return f"{born}238" + luhn.calc_check_digit(f"{born[2:]}238")


NUMBERS = {ref: number_of(born) for ref, born in BORN.items()}
WRITTEN = [
    way
    for number in NUMBERS.values()
    for way in (number, f"{number[:8]}-{number[8:]}", number[2:], f"{number[2:8]}-{number[8:]}")
]


def ways(texts):
    """Each text as it may stand in a document: plain, in JSON, in an address, in hexadecimal digits."""
    return [way for text in texts for way in (text, json.dumps(text)[1:-1], quote(text), text.encode().hex())]


EVERYTHING, ONLY_NUMBERS = ways([*SAID, *WRITTEN]), ways(WRITTEN)


def told_in(text, wanted=None):
    """The texts of persons that stand in a text."""
    return sorted({one for one in wanted or EVERYTHING if one in text})


class Kept(logging.Handler):
    """Everything that the standard library logs."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.lines = []

    def emit(self, record):
        self.lines.append(self.format(record))


@pytest.fixture
def kept(monkeypatch):
    """The standard library's log from now on, at its most talkative but for the test's own client."""
    handler, root = Kept(), logging.getLogger()
    monkeypatch.setattr(root, "level", logging.DEBUG)
    for own in OF_THE_TEST:
        monkeypatch.setattr(logging.getLogger(own), "level", logging.WARNING)
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)


async def live(service):
    """A day of two recipients and somebody who visits them."""
    reached = {"phone": REACHED[0], "email": REACHED[1]}
    relative = {"name": NAMES["relative"], "relation": "dotter"}
    contacts = reached | {"address": {"street": REACHED[2]}, "persons": [relative]}
    provider = {"name": "Norr", "form": "external", "contacts": reached | {"person": NAMES["P-norr"]}}
    await service.put("providers", "P-norr", provider)
    await service.put("interventions", "dusch", {"title": "Dusch", "category": "CARE", "standard_minutes": 20})
    line = {"ref": "1", "intervention": "dusch", "frequency": 1, "period": 1, "period_unit": "d"}
    for ref in ("B-1", "B-2"):
        told = {"name": NAMES[ref], "area": "URBAN", "contacts": contacts, "personal_number": NUMBERS[ref][2:]}
        born = f"{BORN[ref][:4]}-{BORN[ref][4:6]}-{BORN[ref][6:]}"
        await service.put("recipients", ref, told | {"birth_date": born, "protected": ref == "B-2"})
        order = {"recipient": ref, "provider": "P-norr", "valid_from": "2026-01-01", "lines": [line]}
        await service.put("orders", f"O-{ref}", order)
    staff = {"provider": "P-norr", "role": "care_assistant", "valid_from": "2026-01-01", "contacts": reached}
    await service.put("staff", "S-1", staff | {"name": NAMES["S-1"], "personal_number": NUMBERS["S-1"]})
    for ref, clock in (("B-1", "08"), ("B-2", "09")):
        await service.visit_by("S-1", ref, day(-1, f"{clock}:00"), day(-1, f"{clock}:30"), interventions=["dusch"])
    alone = await service.tap("S-1", "B-1", "out", day(-1, "12:00"))
    await service.correct(alone["visits"][0], "omit", "equipment", role="admin", version=1)
    await service.taps("S-1", [{"id": "x", NUMBERS["B-1"]: NUMBERS["B-2"]}, tap_item(NUMBERS["B-1"], "in", day(-1))])
    name = NAMES["B-1"].split()[0].lower()
    assert [one["ref"] for one in await service.pages("/v1/recipients", role="system", name=name)] == ["B-1"]
    await service.ask("POST", "/v1/purges", {"ref": "G-1"})


def routes_of(service):
    """Every documented route with a role that it is open to."""
    for route in (one.original_route for one in iter_route_contexts(service.app.routes)):
        if isinstance(route, APIRoute) and route.include_in_schema:
            allowed = allowed_by(route)
            yield route, min(allowed.roles) if allowed else None, allowed.roles if allowed else ()


def identity(role):
    return {"staff": {"staff": "S-1"}, "planner": {"provider": "P-norr"}}.get(role, {})


def badly(route):
    """Bodies, addresses and headers of a route in which names and numbers stand where none belongs."""
    name, number = NAMES["B-1"], NUMBERS["B-1"]
    if route.path in {"/v1/taps", "/v1/reports"}:
        name = number  # what a phone sends is kept also when nobody can read it, but for numbers, as a note is
    path = route.path.format_map(dict.fromkeys(route.param_convertors, "x"))
    for value in (quote(name), f"B-{number}"):
        yield route.path.format_map(dict.fromkeys(route.param_convertors, value)), {}, None, {}
        yield path, {name: number}, None, {}
        for parameter in declared_by(route):
            yield path, {parameter: value}, None, {}
    yield path, {}, None, {"If-Match": number, "If-None-Match": number, "X-Request-Id": number, "Accept": number}
    if "GET" not in route.methods:
        for body in ({name: number}, [number, name], {"ref": number, "id": name, "items": [{name: number}]}):
            yield path, {}, json.dumps(body), {"Content-Type": "application/json"}
        yield path, {}, f'{{"{number}": "{name}"', {"Content-Type": "application/json"}
        yield path, {}, f"{name}={number}", {"Content-Type": "application/x-www-form-urlencoded"}


async def ask_badly(service):
    """What the answers to bad questions say of persons."""
    said, asked = [], 0
    for route, role, _ in routes_of(service):
        client = service.client(role, **identity(role))
        for path, params, body, headers in badly(route):
            content = None if body is None else body.encode()
            method = min(route.methods)
            answer = await client.request(method, path, params=params, content=content, headers=headers)
            asked += 1
            # A search by name finds whom it names; that is no bad question.
            if told_in(answer.text) and not (REGISTER.fullmatch(path) and answer.is_success):
                said.append((method, path, answer.status_code, told_in(answer.text)))
    assert asked > 1000
    return said


async def look(service):
    """What those who need no names are told, and what anybody is told of numbers, by every list and page."""
    said, month = [], f"{day(-1):%Y-%m}"
    refs = {"recipients": "B-2", "staff": "S-1", "providers": "P-norr", "orders": "O-B-2", "purges": "G-1"}
    [visit] = await service.visits(recipient="B-2")
    for route, _, roles in routes_of(service):
        if "GET" not in route.methods:
            continue
        kind = route.path.split("/")[2] if route.path.count("/") > 1 else ""
        path = route.path.replace("{ref}", refs.get(kind, "x")).replace("{visit_id}", visit["id"])
        declared = set(declared_by(route))
        params = {"month": month} if "month" in declared else {}
        params |= {"by": "recipient,staff"} if "by" in declared else {}
        # A person's own extract has everything, for whoever may see it all.
        for role in sorted(roles - {"system", "admin"} if path.endswith("/extract") else roles):
            for accept in ("application/json", "text/csv"):
                client = service.client(role, **identity(role))
                answer = await client.get(path, params=params, headers={"Accept": accept})
                # All who pay or order reach the contact of a provider.
                named = REGISTER.fullmatch(route.path) and (role not in LOOKING or kind == "providers")
                if told := told_in(answer.text, ONLY_NUMBERS if named else EVERYTHING):
                    said.append((role, path, answer.status_code, told))
    return said


async def test_nobodys_name_or_number_stands_where_it_does_not_belong(
    database_url, owner, run_dir, kept, capfd, tmp_path
):
    await owner.execute("INSERT INTO municipality (municipality_id, name, as_of) VALUES (188, 'Norrtälje', now())")
    with structlog.testing.capture_logs() as logs:
        async with serving(database_url) as service:
            await live(service)
            assert await ask_badly(service) == []
            assert await look(service) == []
            seen = await service.ask("GET", "/v1/recipients/B-2", **identity("planner"), role="planner")
            assert told_in(seen.text) == []
            # Nor where something breaks that nobody thought of.
            await owner.execute("ALTER TABLE sealed_field RENAME TO gone")
            body = {"name": NAMES["B-1"], "area": "URBAN", "personal_number": NUMBERS["B-1"]}
            broken = await service.ask("PUT", "/v1/recipients/B-9", body, role="system", expect=500)
            await owner.execute("ALTER TABLE gone RENAME TO sealed_field")
            metrics = (await service.ask("GET", "/metrics", role=None)).text
    assert told_in(broken.text) == told_in(metrics) == []
    assert len(logs) > 1000
    printed = capfd.readouterr()
    assert told_in(f"{logs} {kept.lines} {printed.out} {printed.err}") == []
    assert told_in(log_of(run_dir / "server").read_text(errors="replace")) == []

    for (table,) in await owner.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        rows = "\n".join(row[0] for row in await owner.fetch(f"SELECT t::text FROM {table} AS t"))
        assert told_in(rows) == [], table
    plain = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    dumped = tmp_path / "dump.sql"
    await asyncio.to_thread(subprocess.run, [binaries() / "pg_dump", "--file", dumped, plain], check=True)
    text = dumped.read_text()
    assert "O-B-1" in text
    assert told_in(text) == []
