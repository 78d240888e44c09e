"""Chips on doors: what a phone is given there can be opened with the keyset's keys, and counts on from day to day."""

import random
from datetime import UTC, date, datetime, timedelta

import pytest

from firmware_sim.chip.aes import cmac, decrypt, diversified, short_mac
from firmware_sim.people.chips import Door, Doors, keyset_of, message
from firmware_sim.people.day import live_day
from firmware_sim.people.records import Tag
from firmware_sim.people.world import build_world

KEYSET = keyset_of(7)
TAG = Tag("T-001", "04AABBCCDDEE80", "B-001", KEYSET.ref)
ON = date(2026, 10, 23)


def opened(body, version=1):
    """UID, counter and whether the MAC holds, of what a phone was given."""
    plain = decrypt(KEYSET.meta_key, bytes.fromhex(body["e"]))
    named = plain[1:8] + bytes.fromhex("D2760000850101") + bytes([2, version]) + b"TAGGAD"
    key = cmac(diversified(KEYSET.file_master, named), bytes.fromhex("3CC300010080") + plain[1:11])
    return (
        plain[1:8].hex().upper(),
        int.from_bytes(plain[8:11], "little"),
        short_mac(key, b"").hex().upper() == body["c"],
    )


def test_what_a_phone_is_given_opens_with_the_keysets_keys():
    door = Door.made(TAG, KEYSET, 7)
    first, second = door.read(), door.read()
    assert [opened(one) for one in (first, second)] == [(TAG.uid, 1, True), (TAG.uid, 2, True)]
    assert set(first) == {"keyset", "e", "c"}
    assert (first["keyset"], len(first["e"]), len(first["c"])) == (KEYSET.ref, 32, 16)


def test_new_keys_begin_a_new_count_and_end_the_old_ones():
    door = Door.made(TAG, KEYSET, 7)
    door.read()
    door.give_keys(2)
    body = door.read()
    assert opened(body) == (TAG.uid, 1, False)
    assert opened(body, version=2) == (TAG.uid, 1, True)
    assert set(door.chip.versions) == {2}
    assert len({*door.chip.keys}) == 5


def test_an_address_gives_its_parts():
    url = "https://taggad.example/t/k7#e=0A&c=0B"
    assert message(url) == {"keyset": "k7", "e": "0A", "c": "0B"}


def test_days_lived_apart_go_on_from_each_other():
    since = date(2025, 1, 1)
    counts = []
    for days in range(3):
        doors = Doors.of([TAG], KEYSET, 7, since)
        at = datetime(2026, 10, 23, 6, tzinfo=UTC) + timedelta(days=days)
        counts += [opened(doors.read(TAG.uid, at, random.Random(1)))[1] for _ in range(2)]
    assert counts == sorted(set(counts))
    assert counts[-1] < 0xFFFFFF


def test_a_static_tag_says_its_uid():
    static = Tag("T-002", "04AABBCCDDEE81", "B-002")
    doors = Doors.of([TAG, static], KEYSET, 7, ON)
    assert doors.read(static.uid, datetime(2026, 10, 23, 6, tzinfo=UTC), random.Random(1)) == {"uid": static.uid}
    assert (static.body()["kind"], TAG.body()["kind"]) == ("static", "ntag424")


def test_the_reads_of_a_lived_day_rise_with_time_at_every_door():
    world = build_world(7, ON, sun_share=0.8)
    counts = {}
    dynamic = 0
    for on in (ON, ON + timedelta(days=1)):
        for event in live_day(world, on).events:
            tag = event.item.get("tag", {})
            if "e" in tag:
                uid, counter, authentic = opened(tag)
                assert authentic
                assert counter > counts.get(uid, 0)
                counts[uid] = counter
                dynamic += 1
    assert dynamic > 200
    assert counts.keys() <= {one.uid for one in world.tags if one.keyset}


@pytest.mark.parametrize(("share", "wanted"), [(0.0, 0), (0.5, 27), (1.0, 54)])
def test_the_share_of_dynamic_tags_is_asked_for(share, wanted):
    world = build_world(7, ON, sun_share=share)
    assert sum(one.keyset is not None for one in world.tags) == wanted
    assert [one.uid for one in world.tags] == [one.uid for one in build_world(7, ON).tags]
    assert bool(world.admin_calls()) == bool(wanted)
