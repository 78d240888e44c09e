"""The station plays printed steps to blank chips, and says which chip did otherwise."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from firmware_sim.chip.reader import uri_record
from firmware_sim.chip.station import provision
from firmware_sim.chip.tag import Chip
from firmware_sim.people.chips import SDM, SDM_SETTINGS, Door, keyset_of
from firmware_sim.people.records import Tag

ROOT = Path(__file__).parents[2]
KEYSET = keyset_of(7)
UID = "04AABBCCDDEE80"
SIGNATURE = bytes(range(56))
ADDRESS = f"https://taggad.example/t/{KEYSET.ref}"


def steps(ref="T-001", uid=UID, signature=SIGNATURE):
    """What the service prints for one chip."""
    message = uri_record(f"{ADDRESS}#e={'0' * 32}&c={'0' * 16}")
    data = len(message).to_bytes(2) + message
    at = {name: (data.index(name) + 2).to_bytes(3, "little") for name in (b"e=", b"c=")}
    header = b"\x02" + bytes(3) + len(data).to_bytes(3, "little")
    settings = SDM_SETTINGS + SDM + at[b"e="] + at[b"c="] + at[b"c="]
    keys = {number: KEYSET.key(bytes.fromhex(uid), number, 3).hex() for number in range(5)}
    told = [
        {"do": "apdu", "command": "00A4040007D276000085010100", "expect": "9000"},
        {"do": "apdu", "command": "903C0000010000", "expect": f"{signature.hex().upper()}9190"},
        {"do": "authenticate", "key_no": 0, "key": "00" * 16},
        {"do": "command", "ins": "8D", "header": header.hex(), "data": data.hex(), "comm": "plain"},
        {"do": "command", "ins": "5F", "header": "02", "data": settings.hex(), "comm": "full"},
        *(
            {"do": "change_key", "key_no": no, "old": "00" * 16, "key": keys[no], "key_version": 3}
            for no in (1, 2, 3, 4)
        ),
        {"do": "change_key", "key_no": 0, "key": keys[0], "key_version": 3},
        {"do": "read_url", "expect": f"{ADDRESS}#e={'?' * 32}&c={'?' * 16}"},
    ]
    return [{"ref": ref, "uid": uid, "no": no, **one} for no, one in enumerate(told, 1)]


def blank(uid=UID, signature=SIGNATURE):
    return Chip(bytes.fromhex(uid), random.Random(1), signature)


def test_a_blank_chip_is_given_its_keys_and_read_once():
    chip = blank()
    [line] = provision(steps(), {UID: chip})
    assert (line["ref"], line["url"][: len(ADDRESS) + 3]) == ("T-001", f"{ADDRESS}#e=")
    assert chip.keys == [KEYSET.key(chip.uid, number, 3) for number in range(5)]
    assert chip.versions == [3] * 5
    door = Door.made(Tag("T-001", UID, "B-001", KEYSET.ref, key_version=3), KEYSET, 7)
    assert (door.chip.keys, door.chip.files[2].settings()) == (chip.keys, chip.files[2].settings())


def test_every_chip_is_told_of_and_one_that_fails_stops_no_other():
    other = "04AABBCCDDEE81"
    used = blank(other)
    used.keys[0] = bytes(range(16))
    lines = [
        *steps("T-001", UID, signature=bytes(56)),  # another's signature
        *steps("T-002", other),  # a chip that was given keys before
        *steps("T-003", "04AABBCCDDEE82"),
        {"ref": "T-004", "error": "not_original"},
        *steps("T-005", "04AABBCCDDEE83"),
    ]
    chips = {UID: blank(), other: used, "04AABBCCDDEE83": blank("04AABBCCDDEE83")}
    told = {line["ref"]: line.get("error", "fine") for line in provision(lines, chips)}
    assert told == {
        "T-001": "step 2: 9190",
        "T-002": "90af: 91ae",
        "T-003": "no such chip",
        "T-004": "not_original",
        "T-005": "fine",
    }


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"do": "shred"}, "no step shred"), ({"do": "read_url", "expect": "https://another.example"}, "another address")],
)
def test_a_step_that_cannot_be_played_is_an_error(wrong, said):
    lines = steps()
    lines[-1] = {"ref": "T-001", "uid": UID, "no": 11, **wrong}
    [line] = provision(lines, {UID: blank()})
    assert said in line["error"]


def test_the_command_plays_lines(tmp_path):
    chips = tmp_path / "chips.jsonl"
    chips.write_text(json.dumps({"ref": "T-001", "uid": UID.lower(), "signature": SIGNATURE.hex()}) + "\n")
    told = "".join(json.dumps(step) + "\n" for step in (*steps(), {"ref": "T-009", "error": "not_original"}))
    done = subprocess.run(
        [sys.executable, "-m", "firmware_sim", "provision", "--chips", str(chips)],
        cwd=ROOT, input=told, capture_output=True, text=True, check=False,
    )  # fmt: skip
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert first["url"].startswith(ADDRESS)
    assert second == {"ref": "T-009", "error": "not_original"}
    assert (done.returncode, done.stderr) == (1, "")
