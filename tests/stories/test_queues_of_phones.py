"""Batches as phones send them: a poison item among good ones, repeats, ids used twice, too much at once."""

import datetime as dt
import uuid

import pytest
from service import day, tap_item, written
from world import H1, H2, ago, at, recipient

from app.actions.visits.rebuild import rebuild

START, END = day(-1, "08:00"), day(-1, "08:30")


def envelope(*items, **more):
    """A batch with its items as they are."""
    return {"sent_at": day(0), "taps": list(items)} | more


async def test_a_poison_item_stops_nobody(home):
    good_in, good_out = (written(tap_item(H1, way, instant)) for way, instant in (("in", START), ("out", END)))
    readable = written(tap_item(H1, "in", END)) | {"direction": "sideways"}
    naive = written(tap_item(H1, "in", END)) | {"tapped_at": "2026-10-24T08:00:00"}
    nobody, large = good_out | {"id": "nobody"}, {"id": 10**300}
    poison = [readable, naive, {"id": 7}, "nonsense", None, [good_in], nobody, large, 1.5, {}, [], ""]
    results = await home.taps("S-1", [good_in, *poison, good_out])
    assert [(one["verdict"], one["code"]) for one in results] == [
        ("accepted", None),
        *[("refused", "malformed")] * len(poison),
        ("accepted", None),
    ]
    named = [one["id"] for one in results]
    assert named == [good_in["id"], readable["id"], naive["id"], *[None] * (len(poison) - 2), good_out["id"]]
    [visit] = await home.visits()
    assert (visit["status"], visit["seconds"], visit["anomalies"]) == ("complete", 1800, [])


async def test_what_is_refused_names_its_reason_and_leaves_a_trace(home):
    strangers = [
        tap_item("04FFFFFFFFFFFF", "in", START),
        tap_item("H-999", "in", START),
        {
            "id": uuid.uuid4(),
            "direction": "in",
            "tapped_at": START,
            "tag": {"keyset": "k1", "e": "0" * 32, "c": "0" * 16},
        },
    ]
    results = await home.taps("S-1", strangers)
    assert [(one["verdict"], one["code"]) for one in results] == [
        ("refused", "tag_unknown"),
        ("refused", "unknown_household"),
        ("refused", "keyset_unknown"),
    ]
    assert [(one["at"], one["evidence"], one["visits"]) for one in results] == [(None, None, [])] * 3
    again = await home.taps("S-1", strangers)
    assert again == [one | {"duplicate": True} for one in results]
    async with home.app.state.database.read(188) as reading:
        kept = await reading._driver.fetch("SELECT code, claim::text FROM attempt ORDER BY code")
    assert [row["code"] for row in kept] == ["keyset_unknown", "tag_unknown", "unknown_household"]
    assert not any("04FFFFFFFFFFFF" in row["claim"] for row in kept)


async def test_a_repeat_answers_with_the_visits_of_today(home):
    items = [tap_item(H1, "in", START), tap_item(H1, "in", day(-1, "08:00:20"))]
    out, bounce = tap_item(H1, "out", END), tap_item(H1, "out", day(-1, "08:30:20"))
    first = await home.taps("S-1", items)
    assert {(one["duplicate"], one["visits"][0]["recipient"]) for one in first} == {(False, "B-1")}
    await home.taps("S-1", [out, bounce])
    [visit] = await home.visits()
    for again in await home.taps("S-1", [*items, out, bounce]):
        assert (again["duplicate"], again["verdict"]) == (True, "accepted")
        assert again["visits"] == [{"id": visit["id"], "recipient": "B-1", "status": "complete"}]
    assert await home.visits() == [visit]


async def test_one_item_twice_in_a_batch_is_stored_once(home):
    tap = tap_item(H1, "in", START)
    first, second = await home.taps("S-1", [tap, tap])
    assert (first["duplicate"], second) == (False, first | {"duplicate": True})


async def test_the_envelope_is_no_part_of_the_tap(home):
    tap = tap_item(H1, "in", START)
    [first] = await home.taps("S-1", [tap])
    [again] = await home.taps("S-1", [tap], sent_at=day(-1, "09:00"), sent_uptime_ms=5, boot_id="b9")
    assert again == first | {"duplicate": True}
    assert at(again["at"]) == START


async def test_an_id_that_was_another_tap_is_a_conflict(home):
    tap = tap_item(H1, "in", START)
    await home.taps("S-1", [tap, tap_item(H1, "out", END)])
    before = await home.visits()
    results = await home.taps("S-1", [tap | {"direction": "out"}, tap | {"tapped_at": END}, tap | {"tag": {"uid": H2}}])
    assert [(one["id"], one["verdict"], one["code"], one["duplicate"]) for one in results] == [
        (str(tap["id"]), "refused", "id_conflict", False)
    ] * 3
    [colleague] = await home.taps("S-2", [tap])
    assert (colleague["verdict"], colleague["code"]) == ("refused", "id_conflict")
    [again] = await home.taps("S-1", [tap])
    assert (again["verdict"], again["duplicate"]) == ("accepted", True)
    assert await home.visits() == before


@pytest.mark.parametrize("kind", ["taps", "reports"])
async def test_a_thousand_and_one_items_are_too_many(home, kind):
    body = {"sent_at": day(0), "taps": [None] * 1001} if kind == "taps" else {"reports": [None] * 1001}
    answer = await home.ask("POST", f"/v1/{kind}", body, role="staff", staff="S-1", expect=413)
    assert (answer.headers["content-type"], answer.json()["code"]) == ("application/problem+json", "too_many_items")
    body[kind] = [None] * 1000
    answer = await home.ask("POST", f"/v1/{kind}", body, role="staff", staff="S-1", expect=200)
    assert {one["code"] for one in answer.json()["results"]} == {"malformed"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"sent_at": "2026-10-24T08:00:00Z", "taps": []}, "invalid_envelope"),
        ({"sent_at": "2026-10-24T08:00:00", "taps": [None]}, "invalid_envelope"),
        ({"taps": [None]}, "invalid_envelope"),
        ({"sent_at": "2026-10-24T08:00:00Z", "taps": {}}, "invalid_envelope"),
        ([], "invalid_envelope"),
    ],
)
async def test_an_envelope_that_cannot_be_read_is_refused_whole(home, body, code):
    answer = await home.ask("POST", "/v1/taps", body, role="staff", staff="S-1", expect=422)
    assert answer.json()["code"] == code
    assert await home.visits() == []


async def test_only_staff_send_taps(home):
    body = written(envelope(tap_item(H1, "in", START)))
    for role, status, code in (("planner", 403, "forbidden_role"), (None, 401, "unauthenticated")):
        who = {"provider": "P-norr"} if role else {}
        answer = await home.ask("POST", "/v1/taps", body, role=role, expect=status, **who)
        assert answer.json()["code"] == code


async def test_a_clock_that_runs_ahead_is_brought_back_to_when_it_was_heard(home):
    ahead = day(0) + (day(0) - day(-2))
    [result] = await home.taps("S-1", [tap_item(H1, "in", ahead)])
    assert (result["verdict"], result["code"]) == ("accepted", "claim_in_future")
    assert at(result["at"]) < ahead
    [visit] = await home.visits()
    assert visit["anomalies"] == [], "nothing is known of its seconds yet"


async def test_claims_of_the_future_are_brought_back_together(home):
    """A phone that ran an hour ahead and was set right before it sent: the visit keeps its length."""
    items = [tap_item(H1, "in", ago(minutes=-30)), tap_item(H1, "out", ago(minutes=-60))]
    body = envelope(*items, sent_at=ago(seconds=0))
    answer = await home.ask("POST", "/v1/taps", body, role="staff", staff="S-1", expect=200)
    received_at = at(answer.json()["received_at"])
    came, left = answer.json()["results"]
    assert (came["code"], left["code"]) == (None, None)
    assert at(left["at"]) == received_at.replace(microsecond=0)
    assert at(left["at"]) - at(came["at"]) == dt.timedelta(minutes=30)
    [visit] = await home.visits()
    assert (visit["status"], visit["seconds"], visit["anomalies"]) == ("complete", 1800, [])


async def test_a_uid_is_read_with_colons_too(home):
    """Web NFC tells a serial number so."""
    written_out = ":".join(H1[place : place + 2].lower() for place in range(0, len(H1), 2))
    item = tap_item(H1, "in", START)
    [first] = await home.taps("S-1", [item | {"tag": {"uid": written_out}}])
    assert (first["verdict"], [visit["recipient"] for visit in first["visits"]]) == ("accepted", ["B-1"])
    [again] = await home.taps("S-1", [item])
    assert again["duplicate"], "it is the same tap however its UID is written"


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ({"uid": "04000000000099"}, "tag_unknown"),
        ({"household": "H-new", "reason": "tag_missing"}, "unknown_household"),
    ],
)
async def test_a_tap_refused_for_want_of_master_data_is_judged_anew(home, tag, code):
    item = tap_item(H1, "in", START) | {"tag": tag}
    first, again = await home.taps("S-1", [item, item])
    assert (first["code"], first["duplicate"], again["code"], again["duplicate"]) == (code, False, code, True)
    await home.put("recipients", "B-new", recipient("B-1", household="H-new"))
    await home.put("tags", "T-new", {"kind": "static", "uid": "04000000000099"})
    await home.mount("T-new", "H-new", day(-3, "08:00"))
    [told] = await home.taps("S-1", [item])
    assert (told["verdict"], told["duplicate"]) == ("accepted", False)
    assert [visit["recipient"] for visit in told["visits"]] == ["B-new"]
    [told] = await home.taps("S-1", [item])
    assert (told["verdict"], told["duplicate"]) == ("accepted", True)


async def test_what_was_refused_under_an_id_that_another_tap_has_since_is_a_conflict(home):
    item = tap_item(H1, "in", START) | {"tag": {"uid": "04000000000099"}}
    await home.taps("S-1", [item])
    await home.taps("S-1", [item | {"tag": {"uid": H1}}])
    await home.put("tags", "T-new", {"kind": "static", "uid": "04000000000099"})
    results = [*await home.taps("S-1", [item]), *await home.taps("S-1", [item])]
    assert [(one["code"], one["duplicate"]) for one in results] == [("id_conflict", False), ("id_conflict", True)]


async def test_an_out_of_the_morning_and_an_in_of_the_night_in_one_batch_agree_about_the_morning(home):
    """An IN by itself becomes an OUT. The next visit begins 16 hours later, when that IN would still be open."""
    await home.tap("S-1", H1, "auto", day(-2, "06:41"))
    late = [tap_item(H1, "in", day(-2, "06:00")), tap_item(H1, "in", day(-2, "22:41"))]
    assert {one["verdict"] for one in await home.taps("S-1", late)} == {"accepted"}
    assert [visit["status"] for visit in await home.visits()] == ["complete", "incomplete"]
    assert [line async for line in rebuild(home.app.state.database, 188)] == []
