"""Tags that cannot be copied: whose word a message is, with which keys, and what becomes of one that is nobody's."""

import datetime as dt
import json
import uuid
from base64 import b64encode
from contextlib import asynccontextmanager

import pytest
from chip import KEYSET, MASTER, META, Chip
from postgres import connect
from service import SECRETS, day, serving, tap_item
from world import TAGS, ago, with_chip

from app.actions.access.rewrap import rewrap
from app.actions.check import check
from app.actions.taps.record_taps import Submission, record_taps
from app.domain.taps.judging import Claim, Envelope, Message
from app.settings import Settings
from app.store.access.field_encryption import DecryptionError, FieldEncryption

H1 = TAGS["H-1"]
SETTINGS = Settings.model_validate(SECRETS)
NEW_KEYS = {"meta_key": "7c0e9a51d3b24f6886af2d1b90e7c354", "file_master": "e1a90b7742c65d38f0649c1e8b53da27"}


def url_of(home):
    return home.app.state.database.engine.url.render_as_string(hide_password=False)


@asynccontextmanager
async def owner_of(home):
    """The superuser's connection to the service's database."""
    owner = await connect(url_of(home))
    yield owner
    await owner.close()


async def told(home, message, at=None, direction="in", staff="S-1", **more):
    """Verdict, code and evidence of one tap."""
    [result] = await home.taps(staff, [tap_item(message, direction, at or ago(seconds=5))], **more)
    return result["verdict"], result["code"], result["evidence"]


async def kept(home):
    """Everything the service keeps and says of attempts, as text."""
    async with home.app.state.database.read(188) as reading:
        return [dict(row) for row in await reading._driver.fetch("SELECT * FROM attempt")]


async def test_a_visit_by_a_tag_with_keys(keyed):
    ended_at = ago(seconds=10)
    await keyed.tap("S-1", keyed.chip.read(), "in", ended_at - dt.timedelta(minutes=40))
    tapped = await keyed.tap("S-1", keyed.chip.read(), "out", ended_at)
    assert tapped["evidence"] == "sun_online"
    [visit] = await keyed.visits()
    assert visit["evidence"] == {"in": "sun_late", "out": "sun_online"}
    assert (visit["household"], visit["status"], visit["seconds"]) == ("H-1", "complete", 40 * 60)
    [total] = await keyed.executed("", from_=day(-1).date(), to=day(0).date())
    levels = ("sun_online_visits", "sun_late_visits", "static_visits", "manual_visits")
    assert [total[name] for name in levels] == [0, 1, 0, 0]


@pytest.mark.parametrize(("seconds", "evidence"), [(0, "sun_online"), (115, "sun_online"), (125, "sun_late")])
async def test_a_message_that_came_at_once_proves_more(keyed, seconds, evidence):
    assert await told(keyed, keyed.chip.read(), ago(seconds=seconds)) == ("accepted", None, evidence)


def spoilt(chip):
    """Messages that are no chip's word, each in another way."""
    good = chip.message(7)
    for part in ("e", "c"):
        yield good | {part: f"{int(good[part], 16) ^ 1:0{len(good[part])}X}"}
    yield chip.message(7, tag_byte=0x87)
    yield chip.message(7, tag_byte=0x00)
    yield Chip(H1, master=bytes(range(50, 66))).message(7)
    yield Chip(H1, meta=bytes(range(50, 66))).message(7)
    yield Chip(H1, version=2).message(7)
    yield Chip("04FFFFFFFFFFFF", version=2).message(7)


async def test_18_whatever_is_wrong_with_a_message_is_one_code_and_nothing_of_it_is_kept(keyed, capfd):
    messages = list(spoilt(keyed.chip))
    items = [tap_item(message, "in", ago(seconds=5)) for message in messages]
    results = await keyed.taps("S-1", items)
    expected = {"verdict": "refused", "code": "sun_invalid", "duplicate": False, "at": None, "evidence": None}
    assert results == [{"id": str(item["id"]), **expected, "visits": [], "doors": None} for item in items]
    attempts = await kept(keyed)
    assert len(attempts) == len(messages)
    told_of = json.dumps(attempts, default=str).upper() + str(capfd.readouterr()).upper()
    assert H1 not in told_of
    for message in messages:
        assert message["e"] not in told_of
    # Two of them may differ by who sent what and when, and by nothing else.
    assert len({json.dumps(json.loads(one["claim"]) | {"tapped_at": None}) for one in attempts}) == 1
    assert [one["verdict"] for one in await keyed.taps("S-1", items)] == ["refused"] * len(items)


async def test_a_chip_nobody_told_of_is_unknown(keyed):
    assert await told(keyed, Chip("04FFFFFFFFFFFF").read()) == ("refused", "tag_unknown", None)
    assert "04FFFFFFFFFFFF" not in json.dumps(await kept(keyed), default=str)


async def test_a_keyset_nobody_told_of_is_unknown(keyed):
    assert await told(keyed, keyed.chip.read() | {"keyset": "k9"}) == ("refused", "keyset_unknown", None)


@pytest.mark.parametrize("state", ["verify_only", "retired", "compromised"])
async def test_the_states_of_a_keyset(keyed, state):
    answer = await keyed.put("keysets", "k1", {"state": state}, role="admin")
    assert [one["state"] for one in answer["states"]] == ["active", state]
    expected = ("accepted", None, "sun_online") if state == "verify_only" else ("refused", "keyset_retired", None)
    assert await told(keyed, keyed.chip.read()) == expected


async def test_compromised_keys_are_never_trusted_again(keyed):
    await keyed.put("keysets", "k1", {"state": "compromised"}, role="admin")
    for state in ("active", "retired"):
        answer = await keyed.ask("PUT", "/v1/keysets/k1", {"state": state}, expect=409)
        assert answer.json()["code"] == "keyset_compromised"
    await keyed.put("keysets", "k1", {"state": "compromised"}, role="admin")


async def test_new_keys_begin_a_new_epoch_and_old_messages_are_stale(keyed):
    old = keyed.chip.read()
    await keyed.put("tags", "T-H-1", {"kind": "ntag424", "uid": H1, "keyset": "k1", "key_version": 2})
    assert await told(keyed, old) == ("refused", "tag_epoch_stale", None)
    assert await told(keyed, Chip(H1, version=2).read()) == ("accepted", None, "sun_online")
    await keyed.put("keysets", "k2", NEW_KEYS, role="admin")
    await keyed.put("tags", "T-H-1", {"kind": "ntag424", "uid": H1, "keyset": "k2"})
    assert await told(keyed, Chip(H1, version=2).read()) == ("refused", "tag_epoch_stale", None)
    keys = {"meta": bytes.fromhex(NEW_KEYS["meta_key"]), "master": bytes.fromhex(NEW_KEYS["file_master"])}
    assert await told(keyed, Chip(H1, keyset="k2", **keys).read()) == ("accepted", None, "sun_online")


async def test_keys_that_a_tag_has_had_never_come_back(keyed):
    for version in (2, 3):
        await keyed.put("tags", "T-H-1", {"kind": "ntag424", "uid": H1, "keyset": "k1", "key_version": version})
    body = {"kind": "ntag424", "uid": H1, "keyset": "k1", "key_version": 2}
    answer = await keyed.ask("PUT", "/v1/tags/T-H-1", body, role="system", expect=422)
    assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [("/key_version", "key_version_used")]


@pytest.mark.parametrize("state", ["suspended", "lost", "tampered", "retired"])
async def test_the_state_of_a_tag_disputes_its_taps(keyed, state):
    await keyed.tag_state("T-H-1", state, ago(hours=1))
    assert await told(keyed, keyed.chip.read(), ago(hours=2)) == ("accepted", None, "sun_late")
    assert await told(keyed, keyed.chip.read()) == ("disputed", f"tag_{state}", "sun_online")


async def test_taps_that_came_offline_are_told_as_one_batch(keyed):
    now = ago()
    items = [
        tap_item(keyed.chip.read(), way, now - dt.timedelta(minutes=minutes))
        for way, minutes in (("in", 90), ("out", 60), ("in", 50), ("out", 20))
    ]
    assert [one["verdict"] for one in await keyed.taps("S-1", items)] == ["accepted"] * 4
    assert [one["seconds"] for one in await keyed.visits()] == [1800, 1800]


# Keysets over HTTP


async def test_keys_are_never_shown(keyed):
    answers = [
        (await keyed.ask("GET", "/v1/keysets/k1")).text,
        (await keyed.ask("GET", "/v1/keysets")).text,
        (await keyed.ask("PUT", "/v1/keysets/k1", KEYSET)).text,
    ]
    async with owner_of(keyed) as owner:
        for table in ("record", "keyset_key"):
            answers += [str(dict(row)) for row in await owner.fetch(f"SELECT * FROM {table}")]
    for text in answers:
        for key in (META, MASTER):
            assert key.hex() not in text.lower()
            assert str(key)[2:-1] not in text


async def test_keys_said_again_change_nothing_and_other_keys_are_refused(keyed):
    first = (await keyed.ask("GET", "/v1/keysets/k1")).json()
    assert await keyed.put("keysets", "k1", KEYSET, role="admin") == first
    assert await keyed.put("keysets", "k1", {"state": "active"}, role="admin") == first
    for changed in ({"meta_key": "ab" * 16}, {"file_master": "ab" * 16}):
        answer = await keyed.ask("PUT", "/v1/keysets/k1", KEYSET | changed, expect=409)
        assert answer.json()["code"] == "keyset_keys_fixed"


@pytest.mark.parametrize(
    ("body", "code", "pointers"),
    [
        ({}, "missing_field", ["/meta_key", "/file_master"]),
        ({"meta_key": META.hex()}, "missing_field", ["/file_master"]),
        (KEYSET | {"meta_key": "00" * 16}, "factory_key", ["/meta_key"]),
        ({"meta_key": "00" * 16, "file_master": "00" * 16}, "factory_key", ["/meta_key", "/file_master"]),
        (KEYSET | {"file_master": "00" * 32}, "invalid_envelope", ["/file_master"]),
        (KEYSET | {"state": "lost"}, "invalid_envelope", ["/state"]),
    ],
)
async def test_keysets_that_are_refused(home, body, code, pointers):
    problem = (await home.ask("PUT", "/v1/keysets/k2", body, expect=422)).json()
    assert (problem["code"], [one["pointer"] for one in problem["errors"]]) == (code, pointers)
    await home.ask("GET", "/v1/keysets/k2", expect=404)


async def test_another_process_opens_what_this_one_wrapped(keyed):
    async with serving(url_of(keyed)) as other:
        other.chip = keyed.chip
        assert await told(other, keyed.chip.read()) == ("accepted", None, "sun_online")
        await keyed.put("keysets", "k2", NEW_KEYS, role="admin")
        await keyed.put("tags", "T-H-2", {"kind": "ntag424", "uid": TAGS["H-2"], "keyset": "k2"})
        keys = {"meta": bytes.fromhex(NEW_KEYS["meta_key"]), "master": bytes.fromhex(NEW_KEYS["file_master"])}
        chip = Chip(TAGS["H-2"], keyset="k2", **keys)
        assert await told(other, chip.read(), direction="auto") == ("accepted", None, "sun_online")


async def test_wrapped_keys_open_in_their_own_place_alone(keyed):
    await keyed.put("keysets", "k2", NEW_KEYS, role="admin")
    put = "UPDATE keyset_key SET file_master_sealed = $1 WHERE keyset = 'k1'"
    async with owner_of(keyed) as owner:
        own, others = await owner.fetch("SELECT file_master_sealed FROM keyset_key ORDER BY keyset")
        await owner.execute(put, others[0])
    [line] = await check(keyed.app.state.database, 188)
    assert line == "not so: what is encrypted opens where it stands (1: keyset_key k1)"
    async with serving(url_of(keyed)) as other:
        body = {"sent_at": dt.datetime.now(dt.UTC), "taps": [tap_item(keyed.chip.read(), "in", ago(seconds=5))]}
        # Not refused: what the phone holds is a good tap, and it is to try again.
        for _ in range(2):
            await other.ask("POST", "/v1/taps", body, role="staff", staff="S-1", expect=500)
        assert await told(other, TAGS["H-2"]) == ("accepted", None, "static")
    async with owner_of(keyed) as owner:
        await owner.execute(put, own[0])


async def test_rewrapped_keys_open_without_the_old_key(settle_another):
    keys, new = SETTINGS.field_keys, bytes(range(7, 39))
    ring, lookup = {"new": new, **keys}, SETTINGS.lookup_key
    only_new = f"new:{b64encode(new).decode()}"
    keyed = await with_chip(await settle_another(field_keys=f"{SECRETS['field_keys']},{only_new}"))
    await keyed.put("recipients", "B-9", {"area": "URBAN", "personal_number": "191212121212"})
    database, encryption = keyed.app.state.database, FieldEncryption(ring, lookup)
    assert await rewrap(database, 188, encryption) == (1, 1)
    assert await rewrap(database, 188, encryption) == (0, 0)
    with pytest.raises(DecryptionError):
        await rewrap(database, 188, FieldEncryption({"newer": bytes(range(9, 41)), **keys}, lookup))
    async with serving(url_of(keyed), field_keys=only_new) as other:
        assert await told(other, keyed.chip.read()) == ("accepted", None, "sun_online")


# The counter rule


async def told_then(home, message, then, direction="in"):
    """Verdict and code of a tap that reached us at that time."""
    said = Message(message["keyset"], bytes.fromhex(message["e"]), bytes.fromhex(message["c"]))
    claim = Claim(uuid.uuid4(), direction, then, message=said)
    async with home.app.state.database.write(188) as writing:
        [[answer]] = await record_taps(
            writing, [Submission("S-1", None, Envelope(then, then), [claim])], dt.timedelta(days=7), str
        )
    return answer.verdict, answer.code


async def control(home, message, at=None):
    """Verdict and code of an inspector's tap."""
    body = {"sent_at": ago(), "taps": [tap_item(message, "control", at or ago(seconds=5))]}
    [result] = (await home.ask("POST", "/v1/taps", body, role="inspector")).json()["results"]
    assert result["visits"] == []
    return result["verdict"], result["code"]


async def test_18_a_read_is_told_of_once(keyed):
    message = keyed.chip.read()
    assert (await told(keyed, message))[0] == "accepted"
    assert (await told(keyed, message))[:2] == ("refused", "counter_replayed_same_device")
    assert (await told(keyed, message, staff="S-2"))[:2] == ("refused", "counter_replayed")
    assert (await told(keyed, message, staff="S-2"))[:2] == ("refused", "counter_replayed")
    attempts = await kept(keyed)
    assert [one["code"] for one in attempts].count("counter_replayed") == 2
    for one in attempts:
        claim = json.loads(one["claim"])
        assert (claim["tag"], claim["counter"]) == ("T-H-1", 1)
    [visit] = await keyed.visits()
    assert visit["staff"] == "S-1"


async def test_the_same_phone_in_other_hands_is_the_same_phone(keyed):
    message = keyed.chip.read()
    items = [tap_item(message, "in", ago(seconds=5)) for _ in range(3)]
    codes = []
    for staff, item in zip(("S-1", "S-2", "S-2"), items, strict=True):
        device = "D-2" if len(codes) == 2 else "D-1"
        [result] = await keyed.taps(staff, [item], device=device)
        codes.append(result["code"])
    assert codes[1:] == ["counter_replayed_same_device", "counter_replayed"]


async def test_one_read_twice_in_a_batch_is_one_tap(keyed):
    message = keyed.chip.read()
    results = await keyed.taps("S-1", [tap_item(message, "in", ago(seconds=5)) for _ in range(3)])
    assert [one["code"] for one in results] == [None, *["counter_replayed_same_device"] * 2]


async def test_a_link_kept_from_before_is_exposed_by_any_later_read(keyed):
    harvested = keyed.chip.read()
    assert await told_then(keyed, keyed.chip.read(), ago(hours=2)) == ("accepted", None)
    assert await told(keyed, harvested, staff="S-2") == ("disputed", "harvested", "sun_online")
    [visit] = await keyed.visits(staff="S-2")
    assert (visit["status"], visit["payable"]) == ("disputed", False)


async def test_two_phones_that_contradict_each_other(keyed):
    first, second = keyed.chip.read(), keyed.chip.read()
    assert (await told(keyed, second, ago(hours=3)))[0] == "accepted"
    assert await told(keyed, first, ago(hours=1), staff="S-2") == ("disputed", "time_contradiction", "sun_late")
    assert await told(keyed, keyed.chip.read(), ago(hours=4), staff="S-3") == (
        "disputed",
        "time_contradiction",
        "sun_late",
    )
    # What a disputed read claims binds nobody.
    assert (await told(keyed, keyed.chip.read(), ago(hours=2, minutes=30), staff="S-3"))[0] == "accepted"


async def test_phones_that_tell_late_and_in_any_order_are_believed(keyed):
    reads = [(keyed.chip.read(), ago(hours=20 - n), f"S-{1 + n % 3}") for n in range(12)]
    for message, at, staff in (*reads[1::3], *reads[::3], *reads[2::3]):
        assert (await told(keyed, message, at, staff=staff, direction="auto"))[0] == "accepted"


async def test_a_control_tap_burns_what_was_kept(keyed):
    kept_links = [keyed.chip.read() for _ in range(2)]
    assert await told_then(keyed, keyed.chip.read(), ago(hours=1), "control") == ("accepted", None)
    assert (await told(keyed, kept_links[0]))[:2] == ("disputed", "harvested")
    assert await control(keyed, keyed.chip.read()) == ("accepted", None)
    assert await control(keyed, kept_links[1]) == ("disputed", "harvested")
    assert [visit["status"] for visit in await keyed.visits()] == ["disputed"]


async def test_control_taps_are_an_inspectors_alone_and_nobody_is_present_by_one(keyed):
    assert (await told(keyed, keyed.chip.read(), direction="control"))[:2] == ("refused", "forbidden_role")
    for place, direction, code in ((H1, "in", "forbidden_role"), ("H-1", "control", "malformed")):
        body = {"sent_at": ago(), "taps": [tap_item(place, direction, ago(seconds=5))]}
        [result] = (await keyed.ask("POST", "/v1/taps", body, role="inspector")).json()["results"]
        assert (result["verdict"], result["code"]) == ("refused", code)
    item = tap_item(keyed.chip.read(), "control", ago(seconds=5))
    body = {"sent_at": ago(), "taps": [item]}
    for duplicate in (False, True):
        [result] = (await keyed.ask("POST", "/v1/taps", body, role="inspector")).json()["results"]
        assert (result["verdict"], result["duplicate"]) == ("accepted", duplicate)
    assert await keyed.visits() == []


# Mounted by hand, confirmed by the tag itself


async def test_the_first_message_confirms_a_mount(keyed):
    await keyed.put("tags", "T-new", {"kind": "ntag424", "uid": "04AAAAAAAAAAAA", "keyset": "k1"})
    chip = Chip("04AAAAAAAAAAAA")
    assert await told(keyed, chip.read(), ago(hours=3)) == ("disputed", "tag_unassigned", "sun_late")
    mounted_at = ago(hours=2)
    await keyed.mount("T-new", "H-3", mounted_at)
    assert (await told(keyed, chip.read(), ago(hours=1)))[0] == "accepted"
    for _ in range(2):
        tag = (await keyed.ask("GET", "/v1/tags/T-new")).json()
        assert [one["state"] for one in tag["states"]] == ["mounted", "active"]
        assert tag["version"] == 3
        assert (await told(keyed, chip.read(), direction="out"))[0] == "accepted"
    await keyed.mount("T-new", "H-3", mounted_at)
    assert (await keyed.ask("GET", "/v1/tags/T-new")).json()["version"] == 3


async def test_a_lost_tag_that_is_hung_up_again_counts_from_then_on(keyed):
    for tag, message in (("T-H-1", keyed.chip.read()), ("T-H-2", TAGS["H-2"])):
        await keyed.tag_state(tag, "lost", ago(hours=5))
        await keyed.mount(tag, "H-3", ago(hours=1))
        assert (await told(keyed, message, ago(minutes=50), direction="auto"))[0] == "accepted"


# What waits for a person


async def test_disputed_taps_are_listed_until_they_are_no_longer(keyed):
    await keyed.put("tags", "T-new", {"kind": "ntag424", "uid": "04AAAAAAAAAAAA", "keyset": "k1"})
    chip, unassigned_at = Chip("04AAAAAAAAAAAA"), ago(hours=3)
    assert (await told(keyed, chip.read(), unassigned_at))[1] == "tag_unassigned"
    await keyed.tag_state("T-H-1", "lost", ago(hours=1))
    held = await keyed.tap("S-2", keyed.chip.read(), "in", ago(minutes=5), verdict="disputed")
    await control(keyed, chip.read())
    found = await keyed.pages("/v1/disputes", limit=1)
    assert [(one["code"], one["staff"], one["tag"], one["household"]) for one in found] == [
        ("tag_unassigned", "S-1", "T-new", None),
        ("tag_lost", "S-2", "T-H-1", "H-1"),
    ]
    assert [one["visits"] for one in found] == [[], [held["visits"][0]["id"]]]
    assert found[1]["tap"] == held["id"]
    assert [one["evidence"] for one in found] == ["sun_late", "sun_late"]
    assert await keyed.pages("/v1/disputes", role="planner", who={"provider": "P-syd"}) == []
    assert await keyed.pages("/v1/disputes", role="planner", who={"provider": "P-norr"}) == found
    await keyed.ask("GET", "/v1/disputes", params={"cursor": "x"}, expect=422)
    await keyed.mount("T-new", "H-3", unassigned_at)
    assert [one["code"] for one in await keyed.pages("/v1/disputes")] == ["tag_lost"]
