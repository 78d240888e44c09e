"""Each anomaly there is, made through HTTP where it happens, read in the inbox, and repaired or seen by one call."""

import datetime as dt
import uuid

import pytest
from service import day, tap_item
from world import BEGAN_ON, codes, contract, line, order

from app.actions.taps.record_taps import Submission, record_taps
from app.domain.taps.judging import Claim, Envelope, Message
from app.domain.visits.repair import DISPUTES, TEXTS
from app.domain.visits.visit import ANOMALIES

STAFF = "S-there"
HOME = "B-there"
UID = "04000000000099"
INSULIN = [{"intervention": "insulin", "valid_from": BEGAN_ON}]
LATE = dt.timedelta(days=7)
START, END = day(-2, "08:00"), day(-2, "08:30")
CAUSES = {}
WITHOUT_A_VISIT = {"tag_unassigned", "too_many"}
"""Such a tap is listed with the disputes: hanging its tag up heals the one, the other is set aside (`tests/hold`)."""


def cause(function):
    """A story of what makes the anomaly it is named after: for a visit of STAFF at HOME, where a shower is ordered."""
    CAUSES[function.__name__] = function
    return function


async def employ(home, ref=STAFF, *, delegations=INSULIN, by="system", **more):
    told = {"provider": "P-norr", "role": "care_assistant", "valid_from": BEGAN_ON, "delegations": delegations}
    await home.put("staff", ref, told | more, role=by, provider="P-norr" if by == "planner" else None)


async def ordered(home, *lines, **more):
    await home.put("orders", "O-there", order(HOME, *(lines or (line("1", "dusch", 20),)), **more))


async def hung(home, state=None):
    """A tag at the door, in a state from some days ago on."""
    await home.put("tags", "T-there", {"kind": "static", "uid": UID})
    await home.mount("T-there", HOME, day(-9))
    if state:
        await home.tag_state("T-there", state, day(-8))
    return UID


async def visited(home, who=STAFF, door=HOME, **report):
    return await home.visit_by(who, door, START, END, **report)


@cause
async def missing_in(home):
    await home.tap(STAFF, HOME, "out", END)


@cause
async def missing_out(home):
    await home.tap(STAFF, HOME, "in", START)


@cause
async def tag_mismatch(home):
    await home.tap(STAFF, HOME, "in", START)
    await home.tap(STAFF, "H-2", "out", END)


@cause
async def report_missing(home):
    await home.put("contracts", "C-norr", contract(report_required=True))
    await visited(home)


@cause
async def attestation_missing(home):
    await home.put("contracts", "C-norr", contract() | {"manual_attest_minutes": 20})
    await visited(home)


@cause
async def not_ordered(home):
    await visited(home, interventions=["inköp"])


@cause
async def order_not_in_force(home):
    await ordered(home, valid_to=str(day(-30).date()))
    await visited(home)


@cause
async def delegation_missing(home):
    await employ(home, delegations=[])
    await visited(home, interventions=["insulin"])


@cause
async def staff_count(home):
    await ordered(home, line("1", "dusch", 20, staff_count=2))
    await visited(home)


@cause
async def not_employed(home):
    await visited(home)
    await employ(home, valid_to=str(day(-30).date()))


@cause
async def new_staff_by_hand(home):
    await employ(home, "S-new", by="planner")
    await visited(home, "S-new")


@cause
async def received_too_late(home):
    await home.tap(STAFF, HOME, "in", day(-9, "08:00"), verdict="disputed")
    await home.tap(STAFF, HOME, "out", day(-9, "08:30"), verdict="disputed")


def tag_in(state):
    async def at_a_tag(home):
        tag = await hung(home, state)
        await home.tap(STAFF, tag, "in", START, verdict="disputed")
        await home.tap(STAFF, tag, "out", END, verdict="disputed")

    return at_a_tag


CAUSES |= {f"tag_{state}": tag_in(state) for state in ("suspended", "lost", "retired", "tampered")}


@cause
async def device_not_bound(home):
    await home.tap(STAFF, HOME, "in", START, device="D-nobody", verdict="disputed")
    await home.tap(STAFF, HOME, "out", END, device="D-nobody", verdict="disputed")


@cause
async def device_revoked(home):
    device, _ = await home.enrol(STAFF)
    body = {"reason": "lost", "at": day(-1)}
    await home.ask("POST", f"/v1/devices/{device}/revoke", body, expect=200)
    await home.tap(STAFF, HOME, "in", START, device=device)
    await home.tap(STAFF, HOME, "out", END, device=device)


@cause
async def harvested(home):
    kept, read = home.chip.read(), home.chip.read()
    message = Message(read["keyset"], bytes.fromhex(read["e"]), bytes.fromhex(read["c"]))
    claim = Claim(uuid.uuid4(), "in", START, message=message)
    async with home.app.state.database.write(188) as writing:  # it reached us then
        await record_taps(writing, [Submission("S-2", None, Envelope(START, START), [claim])], LATE, str)
    await home.tap(STAFF, kept, "in", dt.datetime.now(dt.UTC), verdict="disputed")


@cause
async def time_contradiction(home):
    first, second = home.chip.read(), home.chip.read()
    await home.tap("S-2", second, "in", START)
    await home.tap(STAFF, first, "in", END, verdict="disputed")


@cause
async def overlap(home):
    await home.tap(STAFF, HOME, "in", START)
    await home.tap(STAFF, "H-2", "in", START + dt.timedelta(minutes=10))
    await home.tap(STAFF, HOME, "out", END)
    await home.tap(STAFF, "H-2", "out", END + dt.timedelta(minutes=10))


@cause
async def no_duration(home):
    for direction, at in (("in", START), ("out", END)):
        await home.taps(STAFF, [tap_item(door, direction, at) for door in (HOME, "H-2")])


@cause
async def extra_staff(home):
    await home.visit_by("S-1", HOME, START - dt.timedelta(minutes=5), END)
    await visited(home)


@cause
async def clock_adjusted(home):
    off = dt.timedelta(hours=2)
    await home.taps(STAFF, [tap_item(HOME, "in", START - off)], sent_at=dt.datetime.now(dt.UTC) - off)
    await home.tap(STAFF, HOME, "out", END)


@cause
async def claim_in_future(home):
    now = dt.datetime.now(dt.UTC)
    await home.tap(STAFF, HOME, "in", now - dt.timedelta(minutes=20))
    await home.tap(STAFF, HOME, "out", now + dt.timedelta(minutes=10))


@cause
async def minutes_scaled(home):
    await home.put("contracts", "C-norr", contract("reported"))
    await visited(home, interventions=[{"intervention": "dusch", "minutes": 90}])


@cause
async def fact_after_correction(home):
    await home.tap(STAFF, HOME, "in", START)
    [visit] = await home.visits()
    await home.correct(visit, "set_end", ended_at=END)
    await home.tap(STAFF, HOME, "out", END + dt.timedelta(minutes=10))


@cause
async def split_by_order(home):
    await ordered(home, line("1", "dusch", 20, window=["18:00", "20:00"]))
    await visited(home)


def test_every_anomaly_has_its_story():
    assert CAUSES.keys() | WITHOUT_A_VISIT == ANOMALIES.keys() == TEXTS.keys()
    assert {code for code in DISPUTES if ANOMALIES[code] != "fix"} == set()


async def anomalies_of(home, code, language, **filters):
    """What the inbox shows of a code at the visits of STAFF, and of who is new."""
    headers = {"Accept-Language": language}
    params = {"code": code, **filters}
    answer = await home.ask("GET", "/v1/anomalies", role="admin", params=params, headers=headers, expect=200)
    mine = [one for one in answer.json()["items"] if one["staff"] in {STAFF, "S-new"}]
    # What crosses another visit is told of both.
    return [one for one in mine if one["recipient"] == HOME] or mine


@pytest.mark.parametrize("code", sorted(CAUSES))
async def test_its_text_its_place_in_the_inbox_and_the_one_call(keyed, code):
    home = keyed
    await home.put("recipients", HOME, {"area": "RURAL", "protected": False})
    await employ(home)
    await ordered(home)
    await CAUSES[code](home)
    [shown] = await anomalies_of(home, code, "sv")
    [in_english] = await anomalies_of(home, code, "en", state="open")
    assert shown | {"text": in_english["text"]} == in_english
    assert (shown["text"], in_english["text"]) == TEXTS[code]
    assert (shown["severity"], shown["state"]) == (ANOMALIES[code], "open")
    visit = await home.visit(shown["visit"])
    held = ANOMALIES[code] == "fix" and code != "staff_count"
    assert visit["payable"] is not (held or visit["status"] != "complete" or code == "extra_staff")
    [same] = [one for one in visit["anomalies"] if one["code"] == code]
    # The suggestion is a correction as it stands: by itself, or by the one call that makes it.
    assert same["suggestion"] == shown["suggestion"]
    told = await home.ask("POST", f"/v1/anomalies/{shown['id']}/apply", role="admin", expect=201)
    after = told.json()
    assert after["corrections"][-1]["kind"] == shown["suggestion"]["kind"]
    assert shown["id"] not in {one["id"] for one in await anomalies_of(home, code, "sv", state="open")}
    if shown["suggestion"]["kind"] not in {"acknowledge", "settle_dispute"}:
        assert code not in codes(after)
    again = await home.ask("POST", f"/v1/anomalies/{shown['id']}/apply", role="admin", expect=(404, 409))
    assert again.json()["code"] in {"not_found", "correction_not_applicable"}
    body = {"id": uuid.uuid4(), **shown["suggestion"]}
    headers = {"If-Match": f'"{visit["version"]}"'}
    stale = await home.ask("POST", f"/v1/visits/{visit['id']}/corrections", body, headers=headers, expect=412)
    assert stale.json()["code"] == "version_conflict"


async def test_what_has_no_visit_is_a_dispute_and_heals(home):
    await home.put("tags", "T-new", {"kind": "static", "uid": UID})
    await home.tap("S-1", UID, "in", START, verdict="disputed")
    [dispute] = await home.pages("/v1/disputes")
    assert (dispute["code"], dispute["visits"]) == ("tag_unassigned", [])
    await home.mount("T-new", "H-1", day(-9))
    assert await home.pages("/v1/disputes") == []
    [visit] = await home.visits()
    assert "tag_unassigned" not in codes(visit)
