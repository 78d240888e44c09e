"""The ledger over HTTP, verified with a few lines of this test's own and nothing of the application's."""

import base64
import datetime as dt
import json
import uuid
from hashlib import sha256

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pymerkle import InmemoryTree
from service import day, tap_item

from app import main


def inner(left, right):
    return sha256(b"\1" + left + right).digest()


def root_by(path, leaf, index, size):
    """The root that an inclusion proof leads to, from the top down."""
    if size == 1:
        assert not path
        return leaf
    left = 1 << (size - 1).bit_length() - 1
    if index < left:
        return inner(root_by(path[:-1], leaf, index, left), path[-1])
    return inner(path[-1], root_by(path[:-1], leaf, index - left, size - left))


def unhex(values):
    return [bytes.fromhex(one) for one in values]


def leaf_of(public, personal):
    written = json.dumps(public, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    return sha256(b"\0\1" + written + personal).digest()


def text_of(note, public_key):
    """What a signed note says, after checking its signature."""
    name, _, rest = public_key.partition("+")
    key_id, _, key = rest.partition("+")
    text, _, signature = note.rpartition("\n\n")
    dash, signer, signed = signature.removesuffix("\n").split(" ")
    raw = base64.b64decode(signed)
    assert (dash, signer, raw[:4].hex()) == ("\u2014", name, key_id)
    Ed25519PublicKey.from_public_bytes(base64.b64decode(key)[1:]).verify(raw[4:], f"{text}\n".encode())
    return text.splitlines()


@pytest.fixture
async def told(service):
    """The service with some facts of every kind in its ledger, sealed."""
    await service.put("providers", "P-norr", {"name": "P", "form": "external"})
    await service.put("recipients", "B-1", {"area": "URBAN"})
    staff = {"provider": "P-norr", "role": "care_assistant", "valid_from": "2026-01-01", "delegations": []}
    for ref in ("S-1", "S-2"):
        await service.put("staff", ref, staff)
    service.tap_id = (await service.tap("S-1", "B-1", "in", day(-1, "08:00")))["id"]
    await service.tap("S-1", "B-1", "out", day(-1, "08:30"))
    service.report_id = (await service.report("S-1", service.tap_id))["id"]
    await service.taps("S-1", [tap_item("04000000000001", "in", day(-1, "09:00"))])
    await service.seal()
    return service


async def get(service, path, expect=200, role="auditor", **params):
    params = {name.rstrip("_"): value for name, value in params.items()}
    who = {"staff": params.pop("staff")} if "staff" in params else {}
    answer = await service.ask("GET", f"/v1/ledger/{path}", role=role, expect=expect, params=params, **who)
    return answer.json()


async def test_a_tap_is_proven_against_the_signed_head(told):
    key = (await get(told, "key", role=None, municipality=188))["public_key"]
    head = await get(told, "head")
    assert text_of(head["note"], key) == [
        "taggad/188", str(head["size"]), base64.b64encode(bytes.fromhex(head["root"])).decode()
    ]  # fmt: skip
    for fact in (told.tap_id, told.report_id):
        proof = await get(told, "proof", fact=fact)
        leaf, path = bytes.fromhex(proof["leaf"]), unhex(proof["path"])
        assert root_by(path, leaf, proof["index"], head["size"]).hex() == head["root"]
        entry = (await get(told, "entries", from_=proof["index"], limit=1))["items"][0]
        assert entry["public"]["id"] == fact
        assert leaf_of(entry["public"], bytes.fromhex(entry["personal"])) == leaf


async def test_a_note_of_another_ledger_or_text_does_not_verify(told, owner):
    key = (await get(told, "key", role=None, municipality=188))["public_key"]
    note = (await get(told, "head"))["note"]
    with pytest.raises(InvalidSignature):
        text_of(note.replace("taggad/188\n", "taggad/180\n", 1), key)
    assert key.split("+")[0] == "taggad/188"
    assert (await get(told, "key", 404, role=None, municipality=180))["code"] == "unknown_municipality"
    await owner.execute("INSERT INTO municipality VALUES (180, 'Stockholm', now())")
    other = (await get(told, "key", role=None, municipality=180))["public_key"]
    with pytest.raises(AssertionError):
        text_of(note, other)


async def test_proofs_of_every_fact_in_every_size(told):
    head = await get(told, "head")
    entries = (await get(told, "entries"))["items"]
    oracle = InmemoryTree(algorithm="sha256")
    for one in entries:
        written = json.dumps(one["public"], ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
        oracle.append_entry(b"\1" + written + bytes.fromhex(one["personal"]))
    assert oracle.get_root(head["size"]).hex() == head["root"]
    assert len(entries) == head["size"]
    taps = [one for one in entries if one["public"]["fact"] == "tap"]
    assert taps
    for one in taps:
        for size in range(one["index"] + 1, head["size"] + 1):
            proof = await get(told, "proof", fact=one["public"]["id"], size=size)
            leaf = bytes.fromhex(proof["leaf"])
            assert root_by(unhex(proof["path"]), leaf, proof["index"], size) == oracle.get_root(size)
    for old in range(1, head["size"]):
        path = unhex((await get(told, "consistency", from_=old, to=head["size"]))["path"])
        assert path
        if old & (old - 1) == 0:  # there the proof is that of the old tree as one node
            assert root_over(oracle.get_root(old), path) == oracle.get_root(head["size"])
    assert (await get(told, "consistency", from_=0))["path"] == []
    assert (await get(told, "consistency", from_=head["size"]))["path"] == []


def root_over(node, path):
    for right in path:
        node = inner(node, right)
    return node


async def test_the_head_grows_and_old_proofs_stand(told):
    before = await get(told, "head")
    proof = await get(told, "proof", fact=told.tap_id, size=before["size"])
    await told.taps("S-2", [tap_item("B-1", "in", day(-1, "10:00")) for _ in range(5)])
    await told.seal()
    after = await get(told, "head")
    assert after["size"] == before["size"] + 5
    assert await get(told, "proof", fact=told.tap_id, size=before["size"]) == proof


async def test_what_is_not_there_or_not_yet_sealed(told, owner):
    head = await get(told, "head")
    assert (await get(told, "proof", 404, fact=uuid.uuid4()))["code"] == "not_found"
    assert (await get(told, "proof", 422, fact="x"))["code"] == "invalid_parameter"
    too_large = await get(told, "proof", 422, fact=told.tap_id, size=head["size"] + 1000)
    assert too_large["errors"][0]["pointer"] == "/size"
    assert (await get(told, "proof", 409, fact=told.report_id, size=1))["code"] == "not_sealed"
    assert (await get(told, "consistency", 422, from_=head["size"] + 1000))["code"] == "out_of_range"
    assert (await get(told, "consistency", 422, from_=2, to=1))["code"] == "out_of_range"
    assert (await get(told, "consistency", 422, from_=-1))["code"] == "invalid_parameter"
    assert (await get(told, "entries", from_=10**9)) == {"items": [], "next": None}
    assert (await get(told, "entries", 422, limit=1001))["code"] == "invalid_parameter"
    # A tap and a report under one id: the tap, unless the other is asked for.
    both = str(uuid.uuid4())
    await told.tap("S-1", "B-1", "in", day(-1, "11:00"), id=both)
    await told.report("S-1", both, id=both)
    await told.seal()
    found = [
        (await get(told, "proof", fact=both, **more))["index"] for more in ({}, {"kind": "tap"}, {"kind": "report"})
    ]
    assert found[0] == found[1] != found[2]
    # An unused municipality has an empty ledger from the first look.
    await owner.execute("INSERT INTO municipality VALUES (17, 'Annan', now())")
    empty = (await told.ask("GET", "/v1/ledger/head", role="auditor", expect=200, municipality=17)).json()
    assert (empty["size"], empty["root"]) == (0, sha256(b"").hexdigest())


async def test_entries_come_in_pages_and_tell_nothing_personal(told):
    whole = (await get(told, "entries"))["items"]
    paged, first = [], 0
    while first is not None:
        page = await get(told, "entries", from_=first, limit=3)
        assert len(page["items"]) <= 3
        paged, first = paged + page["items"], page["next"]
    assert paged == whole
    assert {one["public"]["fact"] for one in whole} == {"tap", "report", "attempt", "record"}
    assert all(one["authentic"] for one in whole)
    assert (await get(told, "outside")) == {"items": []}
    written = json.dumps(whole)
    assert not any(ref in written for ref in ("S-1", "B-1", "P-norr", "04000000000001"))


async def test_a_receipt_is_a_signed_promise_to_its_sender(told):
    key = (await get(told, "key", role=None, municipality=188))["public_key"]
    receipt = await get(told, "receipt", role="staff", staff="S-1", fact=told.tap_id)
    received_at, seal_by = (dt.datetime.fromisoformat(receipt[name]) for name in ("received_at", "seal_by"))
    assert dt.timedelta() < seal_by - received_at <= dt.timedelta(hours=1)
    lines = text_of(receipt["note"], key)
    leaf = bytes.fromhex(receipt["leaf"])
    assert lines[:4] == ["taggad/188/receipt", "tap", told.tap_id, base64.b64encode(leaf).decode()]
    assert [dt.datetime.fromisoformat(line) for line in lines[4:]] == [received_at, seal_by]
    assert receipt["leaf"] == (await get(told, "proof", fact=told.tap_id))["leaf"]
    # The holder recomputes the leaf from what it sent.
    assert (receipt["personal"]["staff"], receipt["personal"]["household"]) == ("S-1", "B-1")
    personal = json.dumps(receipt["personal"], ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    assert leaf_of(receipt["public"], sha256(bytes.fromhex(receipt["salt"]) + personal).digest()) == leaf
    assert (await get(told, "receipt", 404, role="staff", staff="S-2", fact=told.tap_id))["code"] == "not_found"
    assert (await get(told, "receipt", fact=told.tap_id)) == receipt


async def test_a_receipt_is_given_before_the_fact_is_sealed(told, monkeypatch):
    monkeypatch.setattr(main, "SEAL_SECONDS", 3600)
    tap = await told.tap("S-1", "B-1", "in", day(-1, "12:00"))
    receipt = await get(told, "receipt", role="staff", staff="S-1", fact=tap["id"])
    await told.seal()
    assert (await get(told, "proof", fact=tap["id"]))["leaf"] == receipt["leaf"]
