"""Blank chips become tags: what `taggad tags provision` prints is played to chips, which are believed from then on."""

import asyncio
import json
import random

import pytest
from chip import KEYSET
from service import SECRETS, serving, tap_item
from typer.testing import CliRunner
from world import ago

from app.cli.main import application
from firmware_sim.chip.apdu import Ins
from firmware_sim.chip.messaging import CommMode
from firmware_sim.chip.reader import Reader
from firmware_sim.chip.tag import Chip

# UIDs and signatures of real chips, as published (tests/data/ntag424.json).
VECTORS = ("an12196-t30", "ev2c-orig-0", "ev2c-orig-2")


@pytest.fixture
def chips(request):
    """Blank chips by ref, each with its maker's signature."""
    path = request.config.rootpath / "tests/data/ntag424.json"
    known = {one["id"]: one for one in json.loads(path.read_text())["vectors"]}
    found = {}
    for number, name in enumerate(VECTORS):
        uid, signature = (bytes.fromhex(known[name][field]) for field in ("uid", "sig"))
        found[f"T-{number}"] = Chip(uid, random.Random(number), signature)
    return found


def run(url, lines, *more):
    """What the command prints for these lines, each read from JSON."""
    environment = {f"TAGGAD_{name.upper()}": value for name, value in SECRETS.items()} | {"TAGGAD_DATABASE_URL": url}
    arguments = ["tags", "provision", "--municipality", "188", "--keyset", "k1", "--host", "taggad.example", *more]
    text = "\n".join(one if isinstance(one, str) else json.dumps(one) for one in lines)
    done = CliRunner().invoke(application, arguments, input=text, env=environment)
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def play(reader, step):
    """One step, as a reader's program plays it; the address where that is read."""
    if step["do"] == "apdu":
        answer = reader.transceive(bytes.fromhex(step["command"])).hex().upper()
        assert answer == step["expect"]
    elif step["do"] == "authenticate":
        reader.authenticate(step["key_no"], bytes.fromhex(step["key"]))
    elif step["do"] == "command":
        header, data = bytes.fromhex(step["header"]), bytes.fromhex(step["data"])
        reader.command(Ins(int(step["ins"], 16)), header, data, CommMode[step["comm"].upper()])
    elif step["do"] == "change_key":
        old, new = (bytes.fromhex(step.get(name, "")) for name in ("old", "key"))
        reader.change_key(step["key_no"], old, new, step["key_version"])
    else:
        assert step["do"] == "read_url"
        return reader.url()
    return None


async def test_a_batch_is_played_to_chips_that_are_then_believed(service, chips, database_url):
    await service.put("keysets", "k1", KEYSET, role="admin")
    await service.put("recipients", "B-1", {"area": "URBAN"})
    await service.put("providers", "P-norr", {"name": "P", "form": "external"})
    await service.put("staff", "S-1", {"provider": "P-norr", "role": "care_assistant", "delegations": []})
    told = [{"ref": ref, "uid": chip.uid.hex(), "signature": chip.signature.hex()} for ref, chip in chips.items()]
    steps = await asyncio.to_thread(run, database_url, told, "--version", "3")
    assert {one["ref"] for one in steps} == chips.keys()
    urls = {}
    for ref, chip in chips.items():
        reader = Reader(chip.transceive)
        own = [step for step in steps if step["ref"] == ref]
        assert [step["no"] for step in own] == list(range(1, 12))
        assert [step["key_no"] for step in own if step["do"] == "change_key"] == [1, 2, 3, 4, 0]
        urls[ref] = next(url for step in own if (url := play(reader, step)))
        tag = (await service.ask("GET", f"/v1/tags/{ref}")).json()
        assert (tag["original"], tag["key_version"], [one["state"] for one in tag["states"]]) == (True, 3, ["blank"])
        assert chip.versions == [3] * 5
        assert len(set(chip.keys)) == 5
    done = await asyncio.to_thread(run, database_url, [{"ref": ref, "url": url} for ref, url in urls.items()])
    assert [(one["ref"], one["state"], one["key_version"], one["counter"]) for one in done] == [
        (ref, "provisioned", 3, 1) for ref in chips
    ]
    await service.mount("T-0", "B-1", ago())
    chips["T-0"].field_off()
    keyset, _, said = Reader(chips["T-0"].transceive).url().rpartition("/")[2].partition("#")
    message = {"keyset": keyset} | dict(part.split("=") for part in said.split("&"))
    [result] = await service.taps("S-1", [tap_item(message, "in", ago())])
    assert (result["verdict"], result["evidence"]) == ("accepted", "sun_online")
    assert (await service.ask("GET", "/v1/tags/T-0")).json()["states"][-1]["state"] == "active"


async def test_what_is_no_blank_chip_of_ours_is_told_by_a_code(service, chips, database_url):
    await service.put("keysets", "k1", KEYSET, role="admin")
    chip = chips["T-0"]
    good = {"ref": "T-0", "uid": chip.uid.hex(), "signature": chip.signature.hex()}
    lines = [
        "{",
        "[]",
        {"ref": 7},
        {"ref": "191212121212"},
        {"ref": "T-0"},
        good | {"uid": "00"},
        good | {"signature": chips["T-1"].signature.hex()},
        {"ref": "T-9", "url": "https://taggad.example/t/k1#e=" + "0" * 32 + "&c=" + "0" * 16},
        good,
        good | {"ref": "T-1"},
        {"ref": "T-0", "url": "https://taggad.example/t/k1#e=" + "0" * 32 + "&c=" + "0" * 16},
        {"ref": "T-0", "url": "nowhere"},
    ]
    answers = await asyncio.to_thread(run, database_url, lines)
    assert [one["error"] for one in answers if "error" in one] == [
        *["malformed"] * 6,
        "not_original",
        "unknown_ref",
        "uid_taken",
        "sun_invalid",
        "malformed",
    ]
    await service.put("keysets", "k1", {"state": "verify_only"}, role="admin")
    [answer] = await asyncio.to_thread(run, database_url, [good])
    assert answer == {"ref": "T-0", "error": "keyset_not_active"}
    async with serving(database_url) as other:
        assert (await other.ask("GET", "/v1/tags/T-0")).json()["states"][-1]["state"] == "blank"
