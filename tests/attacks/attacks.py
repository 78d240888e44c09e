"""What is common to attacks: a town to attack, requests that no client would send, what no answer may have."""

import asyncio
import json

from service import day, written

UID = "04A1B2C3D4E5F6"
OTHERS = "04B1B2C3D4E5F6"
NEVER = ("Traceback", "asyncpg", "sqlalchemy", "pydantic.", "PostgreSQL", "psycopg", "/app/", "SELECT ", "taggad_app")
"""What would tell an attacker how we are built."""


async def settle(service):
    """Two providers with one home, one carer and one visit each."""
    for number, (name, home, uid) in enumerate((("norr", "H-1", UID), ("sol", "H-2", OTHERS)), 1):
        await service.put("providers", f"P-{name}", {"name": name.title(), "form": "external"})
        await service.put("recipients", f"B-{number}", {"area": "URBAN", "household": home, "birth_date": "1940-01-01"})
        staff = {"provider": f"P-{name}", "role": "care_assistant", "valid_from": "2020-01-01"}
        await service.put("staff", f"S-{number}", staff)
        await service.put("tags", f"T-{number}", {"kind": "static", "uid": uid})
        await service.mount(f"T-{number}", home, day(-9))
        await service.visit_by(f"S-{number}", uid, day(-1, "08:00"), day(-1, "08:30"))
    await service.put("interventions", "dusch", {"title": "Dusch", "category": "CARE", "standard_minutes": 20})
    for number, name in enumerate(("norr", "sol"), 1):
        line = {"ref": "1", "intervention": "dusch", "frequency": 1, "period": 1, "period_unit": "d"}
        order = {"recipient": f"B-{number}", "provider": f"P-{name}", "valid_from": "2020-01-01", "lines": [line]}
        await service.put("orders", f"O-{number}", order)
    return service


def untold(answer_text):
    """The tell-tale words in an answer."""
    return [word for word in NEVER if word in answer_text]


async def raw(service, sent, *, ends=False):
    """The statuses and everything that these bytes are answered with, of requests that close their connection.

    `ends` says that nothing follows, for bytes that are no whole request.
    """
    host, port = service.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(sent)
        if ends:
            writer.write_eof()
        got = await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()
    text = got.decode("latin-1")
    return [int(line.split()[1]) for line in text.split("\r\n") if line.startswith("HTTP/1.")], text


def as_json(body):
    """A body as its bytes."""
    return json.dumps(written(body)).encode()
