"""A municipality with something in every table, told through the service alone: what a check must know all of."""

import datetime as dt
import time
import uuid

from chip import KEYSET, Chip
from joserfc import jwt
from people import Person, link_to, put_members
from service import STOCKHOLM, tap_item
from shared_phone import PIN_OF, set_pin, shared_phone

from app.actions.access.close_block import close_block
from app.actions.add_municipality import add_municipality
from app.store.ledger.erasure import erase

FIRST = (dt.datetime.now(STOCKHOLM).date().replace(day=1) - dt.timedelta(days=1)).replace(day=1)
"""The first day of the month that is over, in which everything happens."""
CARE = {"ref": "care", "basis": "executed", "categories": ["CARE"], "rates": [{"ore": 36_000}]}
UIDS = {"H-1": "04000000000001", "H-2": "04000000000002"}
BEGAN = "2020-01-01"


def at(day, clock):
    """An instant on a Swedish clock, so many days into the month."""
    return dt.datetime.combine(FIRST + dt.timedelta(days=day), dt.time.fromisoformat(clock), STOCKHOLM)


async def tell_all(service):
    """Tell of everything there is a table for."""
    for code, name in ((188, "Norrtälje"), (189, "Another")):
        await add_municipality(service.app.state.database, code, name)
    await _master_data(service)
    await _phones(service)
    await _visits(service)
    await set_pin(service, "S-1", PIN_OF["S-1"])
    await (await shared_phone(service)).choose("S-1")
    await service.ask("POST", f"/v1/periods/P-norr/{FIRST:%Y-%m}/close", {"accept_open": True}, role="controller")
    for role in ("system", "controller"):  # each a block, and what is read after them waits for one
        await service.visits(role=role)
        await close_block(service.app.state.database, 188)
    await service.visits()
    # No time is over yet, so one fact is erased as a purge would.
    async with service.app.state.database.write(188) as writing:
        [refused] = await writing.fetch("SELECT id FROM attempt WHERE municipality_id = $1 AND item_id IS NULL LIMIT 1")
        await erase(writing, "G-1", {"attempt": [refused["id"]]})
    await service.seal()


async def _master_data(service):
    await service.put("providers", "P-norr", {"name": "Norr", "form": "external"})
    for ref, category in (("dusch", "CARE"), ("städ", "SERVICE")):
        await service.put("interventions", ref, {"title": ref, "category": category, "standard_minutes": 20})
    for ref, household in (("B-1", "H-1"), ("B-2", "H-2")):
        told = {"area": "URBAN", "household": household, "birth_date": "1912-12-12", "died_on": None}
        await service.put("recipients", ref, told)
    await service.put("recipients", "B-1", {"area": "URBAN", "household": "H-1", "personal_number": "191212121212"})
    for ref in ("S-1", "S-2", "S-3"):
        await service.put("staff", ref, {"provider": "P-norr", "role": "care_assistant", "valid_from": BEGAN})
    line = {"ref": "1", "intervention": "dusch", "standard_minutes": 20, "frequency": 7, "period": 1,
            "period_unit": "wk", "staff_count": 1, "weekdays": None, "window": None}  # fmt: skip
    for ref, recipient in (("O-1", "B-1"), ("O-2", "B-2")):
        body = {"recipient": recipient, "provider": "P-norr", "valid_from": BEGAN, "lines": [line], "pauses": []}
        await service.put("orders", ref, body)
    contract = {"provider": "P-norr", "valid_from": BEGAN, "compensation": {"rules": [CARE]}}
    await service.put("contracts", "K-1", contract)
    await service.put("keysets", "k1", KEYSET, role="admin")
    issuer = {"issuer": "https://login.example", "client_id": "taggad", "client_secret": "only they know"}
    await service.put("issuers", "entra", issuer, role="admin")
    await put_members(service, anna="admin")
    await link_to(service, "anna")  # that nobody has used
    async with Person(service) as anna:
        await anna.enter("anna")
    await service.put("tags", "T-H-1", {"kind": "ntag424", "uid": UIDS["H-1"], "keyset": "k1"})
    await service.put("tags", "T-H-2", {"kind": "static", "uid": UIDS["H-2"]})
    for household in UIDS:
        await service.mount(f"T-{household}", household, at(-400, "08:00"))


async def _phones(service):
    device, key = await service.enrol("S-1")
    claims = {"iss": device, "sub": device, "aud": f"{service.url}/oauth/token", "exp": int(time.time()) + 60,
              "jti": str(uuid.uuid4())}  # fmt: skip
    signed = jwt.encode({"alg": "ES256"}, claims, key, algorithms=["ES256"])
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": signed}
    answer = await service.client().post("/oauth/token", data=form)
    assert answer.status_code == 200, answer.text
    await service.ask("POST", "/v1/devices", {"staff": "S-2"}, expect=201)  # a code that nobody has used


async def _visits(service):
    chip, home = Chip(UIDS["H-1"]), UIDS["H-2"]
    first = await service.tap("S-1", chip.read(), "in", at(1, "08:00"), note="x")
    await service.tap("S-1", chip.read(), "out", at(1, "08:30"))
    await service.report("S-1", first["id"], ["städ", {"intervention": "dusch", "outcome": "declined"}], note="å")
    # A phone whose clock is wrong, a bounce, somebody beside, and two doors at once.
    for staff, place, direction, clock in [
        ("S-2", home, "in", "09:00"), ("S-3", home, "in", "09:10"), ("S-2", home, "in", "09:00:30"),
        ("S-2", UIDS["H-1"], "in", "09:20"), ("S-2", UIDS["H-1"], "out", "09:25"),
        ("S-3", home, "out", "09:40"), ("S-2", home, "out", "09:45"),
    ]:  # fmt: skip
        await service.taps(staff, [tap_item(place, direction, at(2, clock))])
    late = dt.timedelta(hours=2)
    sent_at = dt.datetime.now(dt.UTC) - late
    for direction, clock in (("in", "10:00"), ("out", "10:20")):
        await service.taps("S-3", [tap_item(home, direction, at(8, clock) - late)], sent_at=sent_at)
    await service.tap("S-3", home, "out", at(3, "10:30"))  # alone, until its beginning is told of
    await service.tap("S-3", home, "in", at(3, "10:00"))
    await service.tap("S-1", home, "in", at(4, "11:00"))  # and nobody went
    await service.taps("S-1", [tap_item("04999999999999", "in", at(5, "11:00")), {"id": "none"}])
    given = {"recipient": "B-2", "staff": "S-3", "started_at": at(6, "08:00"), "ended_at": at(6, "08:30"),
             "interventions": ["dusch"], "reason": "other", "note": "å"}  # fmt: skip
    await service.ask("POST", "/v1/visits", given | {"id": uuid.uuid4()})
    await service.visit_by("S-2", home, at(7, "08:00"), at(7, "08:30"))
    visits = await service.visits(from_=FIRST, to=FIRST + dt.timedelta(days=27))
    [told] = [one for one in visits if one["local_date"] == f"{FIRST + dt.timedelta(days=7)}"]
    await service.correct(told, "set_end", "other", note="å", ended_at=at(7, "08:40"))
    [beside] = [one for one in visits if "extra_staff" in str(one["anomalies"])]
    await service.correct(beside, "acknowledge", anomaly="extra_staff")
