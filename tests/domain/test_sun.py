"""The cryptography of a tag, against everything that was published about it.

A checker that is tested only against its own simulator proves nothing: one public package fails the vendor's own vector
with all its tests green. So every vector here was made by somebody else; `tests/data/ntag424.json` says by whom.
"""

import hashlib
import hmac
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from app.actions.taps.explain_tag import explain_line
from app.domain import sun

VECTORS = json.loads((Path(__file__).parents[1] / "data/ntag424.json").read_text())["vectors"]
UNPUBLISHED = "an12196-s341-plain"
"""Its document tells neither the key nor what the MAC is over: only its mirrored UID and counter can be read."""


def _of(*kinds):
    return [pytest.param(one, id=one["id"]) for one in VECTORS if one["kind"] in kinds]


def _key(value, uid):
    """A key of a vector: in hex, or derived as its project derives it from the master and the chip."""
    if not isinstance(value, dict):
        return value

    def digest(key, text):
        return hmac.digest(key, text, hashlib.sha256)

    master, number = bytes.fromhex(value["master"]), value["key_no"]
    if value["kdf"] == "sdm-backend-undiv":
        return digest(master, b"PICCDataKey")[:16].hex()
    slot = digest(master, b"SlotMasterKey" + bytes([number]))[:16]
    return sun._cmac(slot, b"\x01" + digest(digest(master, b"DivBaseKey"), bytes.fromhex(uid))[:16]).hex()


def _line(vector, **changed):
    keys = {name: _key(vector[name], vector["expect"]["uid"]) for name in ("meta_read_key", "file_read_key")}
    return vector["params"] | keys | {"mac_input": vector["mac_input"]} | changed


def _explained(line):
    answer = explain_line(json.dumps(line))
    assert list(answer) == ["valid", "uid", "counter", "file_data", "error"]
    return answer


@pytest.mark.parametrize("vector", _of("sun"))
def test_every_published_message(vector):
    line = _line(vector)
    if vector["id"] == UNPUBLISHED:
        del line["cmac"]
    answer = _explained(line)
    expected = vector["expect"]
    assert answer["valid"] == (expected["valid"] if "cmac" in line else None)
    assert answer["error"] == (None if expected["valid"] else "sun_invalid")
    for name in ("uid", "counter", "file_data"):
        assert not expected["valid"] or expected[name] in {None, answer[name]}
        assert expected["valid"] or answer[name] is None


@pytest.mark.parametrize("vector", [one for one in _of("sun") if "url" in one.values[0] and one.id != UNPUBLISHED])
def test_the_same_from_the_whole_address(vector):
    line = {name: value for name, value in _line(vector).items() if name.endswith("_key")}
    answer = _explained(line | {"url": vector["url"]})
    expected = vector["expect"] | {"error": None}
    del expected["picc_data_tag"]
    assert answer | {"file_data": expected["file_data"] or answer["file_data"]} == expected


@pytest.mark.parametrize("vector", [one for one in _of("sun") if "intermediates" in one.values[0]])
def test_every_published_step_on_the_way(vector):
    told, line = vector["intermediates"], _line(vector)
    meta, file_key = bytes.fromhex(line["meta_read_key"]), bytes.fromhex(line["file_read_key"])
    encrypted = bytes.fromhex(line["picc_data"])
    said = sun.picc_data(meta, encrypted)
    steps = {"picc_plain": Cipher(algorithms.AES(meta), modes.CBC(bytes(16))).decryptor().update(encrypted)}
    if said.counter is not None:
        enc_key, mac_key = sun.session_keys(file_key, said.uid, said.counter)
        steps |= {
            "k_ses_enc": enc_key,
            "k_ses_mac": mac_key,
            "cmac_full": sun._cmac(mac_key, line["mac_input"].encode()),
            "iv": Cipher(algorithms.AES(enc_key), modes.CBC(bytes(16)))
            .encryptor()
            .update(said.counter.to_bytes(3, "little").ljust(16, b"\0")),
        }
    given = {name: value for name, value in told.items() if name in steps}
    assert {name: steps[name].hex().upper() for name in given} == given
    expected = vector["expect"]["picc_data_tag"]
    assert expected in {None, f"{said.tag_byte:02X}"}


@pytest.mark.parametrize("vector", _of("session_keys_aes"))
def test_session_keys(vector):
    keys = sun.session_keys(bytes.fromhex(vector["file_read_key"]), bytes.fromhex(vector["uid"]), vector["counter"])
    assert [key.hex().upper() for key in keys] == [vector["expect"]["k_ses_enc"], vector["expect"]["k_ses_mac"]]


@pytest.mark.parametrize("vector", _of("an10922"))
def test_diversified_keys(vector):
    key = sun.diversified_key(bytes.fromhex(vector["master"]), bytes.fromhex(vector["m"]))
    assert key.hex().upper() == vector["expect"]["key"]


@pytest.mark.parametrize("m", [b"", bytes(32)])
def test_a_key_is_diversified_by_1_to_31_bytes(m):
    with pytest.raises(ValueError, match="1 to 31"):
        sun.diversified_key(bytes(16), m)


@pytest.mark.parametrize("vector", _of("originality"))
def test_originality_signatures(vector):
    assert sun.is_original(bytes.fromhex(vector["uid"]), bytes.fromhex(vector["sig"])) == vector["valid"]


@pytest.mark.parametrize(("uid", "signature"), [(6, 56), (7, 55), (7, 0), (8, 56), (7, 56)])
def test_what_is_no_signature_is_not_original(uid, signature):
    assert not sun.is_original(bytes(uid), bytes(signature))


def test_our_key_of_a_slot_is_diversified_by_22_bytes_that_name_it():
    uid, master = bytes.fromhex("04782E21801D80"), bytes(range(16))
    told = uid + bytes.fromhex("D276000085010102") + b"\x03TAGGAD"
    assert len(told) == 22
    assert sun.tag_key(master, uid, 2, 3) == sun._cmac(master, b"\x01" + told)


# A keyset's keys, as the service uses them

META, MASTER = bytes(range(16)), bytes(range(16, 32))
UID = bytes.fromhex("04A1B2C3D4E5F6")


def _message(uid=UID, counter=1, version=1, tag_byte=0xC7, meta=META, master=MASTER):
    """A message in the way of the data sheet, without what the service verifies with."""
    counted = counter.to_bytes(3, "little")
    plain = bytes([tag_byte]) + uid + counted + bytes(5)
    mac_key = sun._cmac(sun.tag_key(master, uid, 2, version), bytes.fromhex("3CC300010080") + uid + counted)
    return Cipher(algorithms.AES(meta), modes.CBC(bytes(16))).encryptor().update(plain), sun._cmac(mac_key, b"")[1::2]


@given(st.binary(min_size=7, max_size=7), st.integers(0, 2**24 - 1), st.integers(0, 255))
def test_a_message_is_read_with_the_version_that_made_it(uid, counter, version):
    keys = sun.KeysetKeys(META, MASTER)
    for versions in ((version,), (version, (version + 1) % 256), ((version + 1) % 256, version)):
        expected = sun.Read(uid.hex().upper(), counter, version)
        for _ in range(2):  # the second time from what is remembered
            assert keys.read(*_message(uid, counter, version), lambda _, tried=versions: tried) == expected
    assert keys.read(*_message(uid, counter, version), lambda _: ((version + 1) % 256,)) is None


@given(st.integers(0, 23 * 8 + 7), st.booleans())
def test_one_bit_changed_anywhere_is_invalid(bit, warm):
    keys = sun.KeysetKeys(META, MASTER)
    if warm:
        assert keys.read(*_message(), lambda _: (1,))
    whole = bytearray(b"".join(_message()))
    whole[bit // 8] ^= 1 << bit % 8
    assert keys.read(bytes(whole[:16]), bytes(whole[16:]), lambda _: (1,)) is None


@pytest.mark.parametrize("tag_byte", [0x00, 0x47, 0x87, 0xC6, 0xC8, 0xD7, 0xFF])
def test_only_the_tag_byte_of_our_chips_is_taken(tag_byte):
    keys = sun.KeysetKeys(META, MASTER)
    assert keys.read(*_message(tag_byte=tag_byte), lambda _: (1,)) is None
    assert not keys._of_tags  # and nothing of it is remembered


def test_nothing_of_a_bad_message_is_remembered():
    keys = sun.KeysetKeys(META, MASTER)
    encrypted, mac = _message()
    assert keys.read(encrypted, bytes(8), lambda _: (1, 2, 3)) is None
    assert not keys._of_tags
    assert keys.read(encrypted, mac, lambda _: (1, 2, 3))
    assert list(keys._of_tags) == [(UID, 1)]


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(sun, "REMEMBERED_TAGS", 3)
    keys = sun.KeysetKeys(META, MASTER)
    for number in range(10):
        uid = bytes([4, *bytes(5), number])
        assert keys.read(*_message(uid), lambda _: (1,))
        assert len(keys._of_tags) <= 3


def test_keys_of_another_length_are_none():
    with pytest.raises(ValueError, match="16 bytes"):
        sun.KeysetKeys(bytes(16), bytes(32))


# What `taggad tags explain` says of a line

GOOD = next(one for one in VECTORS if one["id"] == "an12196-t4")
WITH_FILE = next(one for one in VECTORS if one["id"] == "an12196-t5")


def test_without_a_mac_a_message_is_opened_and_nothing_is_said_of_its_validity():
    line = _line(WITH_FILE)
    del line["cmac"]
    expected = {name: WITH_FILE["expect"][name] for name in ("uid", "counter", "file_data")}
    assert _explained(line) == {"valid": None, **expected, "error": None}
    del line["enc"], line["file_read_key"]
    assert _explained(line) == {"valid": None, **expected, "file_data": None, "error": None}


def test_our_own_addresses_carry_the_message_in_the_fragment():
    encrypted, mac = _message(counter=77)
    keys = {"meta_read_key": META.hex(), "file_read_key": sun.tag_key(MASTER, UID, 2, 1).hex()}
    for sign in "#?":
        url = f"https://taggad.example/t/k1{sign}e={encrypted.hex().upper()}&c={mac.hex().upper()}"
        answer = _explained(keys | {"url": url})
        assert answer == {"valid": True, "uid": UID.hex().upper(), "counter": 77, "file_data": None, "error": None}


@pytest.mark.parametrize(
    "changed",
    [
        {"cmac": "94EED9EE65337087"},
        {"mac_input": "x"},
        {"file_read_key": "0" * 31 + "1"},
        {"meta_read_key": "0" * 31 + "1"},
        {"picc_data": "EF963FF7828658A599F3041510671E89"},
    ],
)
def test_a_bad_message_is_told_by_one_word_and_nothing_of_it_is_shown(changed):
    answer = _explained(_line(GOOD, **changed))
    assert answer == {"valid": False, "uid": None, "counter": None, "file_data": None, "error": "sun_invalid"}


MALFORMED = [
    "",
    "no json",
    "[]",
    "17",
    "null",
    "{}",
    "[" * 100_000,
    '{"url": 17}',
    '{"url": "http://["}',
    '{"url": "https://h/t/k"}',
    json.dumps(_line(GOOD, cmac="94EED9")),
    json.dumps(_line(GOOD, cmac=17)),
    json.dumps(_line(GOOD, mac_input=17)),
    json.dumps(_line(GOOD, mac_input="\ud800")),
    json.dumps(_line(GOOD, file_read_key=None)),
    json.dumps(_line(GOOD, meta_read_key=None)),
    json.dumps(_line(GOOD, meta_read_key="00")),
    json.dumps(_line(GOOD, picc_data="Å" * 32)),
    json.dumps(_line(WITH_FILE, enc="00")),
]


@pytest.mark.parametrize("line", MALFORMED)
def test_a_bad_line_is_malformed_and_never_a_crash(line):
    assert explain_line(line) == {
        "valid": None,
        "uid": None,
        "counter": None,
        "file_data": None,
        "error": "malformed",
    }
