"""The chip answers NXP's printed trace byte for byte, signs what published vectors say, and refuses as it should."""

import json
import random
from pathlib import Path

import pytest

from firmware_sim.chip.aes import ZERO_BLOCK, cmac, decrypt, diversified, encrypt, short_mac
from firmware_sim.chip.apdu import Ins
from firmware_sim.chip.memory import CAPABILITIES, NDEF, PROPRIETARY
from firmware_sim.chip.messaging import CommMode, Session, rotated
from firmware_sim.chip.mirror import BadSettingsError, Mirror
from firmware_sim.chip.reader import ChipRefusedError, Reader, uri_of, uri_record
from firmware_sim.chip.tag import Chip

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "ntag424.json").read_text())["vectors"]
SDM_ON = bytes.fromhex("4000E0C1FF12")  # UID and counter, encrypted by key 1, signed by key 2
KEYS = [bytes([number]) * 16 for number in range(1, 6)]


def of_kind(kind):
    return [pytest.param(one, id=one["id"]) for one in VECTORS if one["kind"] == kind]


class Dice:
    """Random numbers that somebody printed."""

    def __init__(self, *values):
        self.values = [bytes.fromhex(one) for one in values]

    def randbytes(self, n):
        value = self.values.pop(0)
        assert len(value) == n
        return value


# NXP's own examples


@pytest.mark.parametrize("vector", of_kind("ev2_first") + of_kind("ev2_nonfirst"))
def test_an_authentication_is_the_printed_one(vector):
    key, rnd_a, rnd_b = (bytes.fromhex(vector[name]) for name in ("key", "rnd_a", "rnd_b"))
    expect = {name: bytes.fromhex(value) for name, value in vector["expect"].items()}
    transaction_id = bytes.fromhex(vector.get("ti", "00000000"))
    session = Session.agreed(0, key, rnd_a, rnd_b, transaction_id)
    assert encrypt(key, rnd_b) == expect["enc_rnd_b"]
    assert encrypt(key, rnd_a + rotated(rnd_b)) == expect.get("pcd_resp", encrypt(key, rnd_a + rotated(rnd_b)))
    answer = transaction_id + rotated(rnd_a) + bytes(12) if "ti" in vector else rotated(rnd_a)
    assert encrypt(key, answer) == expect["picc_resp"]
    assert (session.enc_key, session.mac_key) == (expect["k_ses_enc"], expect["k_ses_mac"])


@pytest.mark.parametrize("vector", of_kind("ev2_trace"))
def test_the_chip_answers_the_printed_trace_byte_for_byte(vector):
    numbers = [step[name] for step in vector["steps"] for name in ("rnd_b", "ti") if name in step]
    chip = Chip(bytes.fromhex(vector["uid"]), Dice(*numbers))
    for step in vector["steps"]:
        if (file := step.get("set_comm_full")) is not None:
            # The note writes its file encrypted under key 0, which a file that is free for all would not take.
            chip.files[file].comm, chip.files[file].write = CommMode.FULL, 0
        assert (step["t"], chip.transceive(bytes.fromhex(step["c"])).hex().upper()) == (step["t"], step["r"])
    assert chip.versions[0] == chip.versions[2] == 1
    assert ZERO_BLOCK not in {chip.keys[0], chip.keys[2]}
    assert chip.files[NDEF].mirror.picc_data_at == 0x20


@pytest.mark.parametrize("vector", of_kind("ev2_trace"))
def test_the_reader_says_what_the_trace_says(vector):
    """The same trace from the other side: a reader that means the same sends the same bytes."""
    steps = {step["t"]: step for step in vector["steps"]}
    said = []

    def transceive(raw):
        said.append(raw.hex().upper())
        return bytes.fromhex(next(step["r"] for step in vector["steps"] if step["c"] == said[-1]))

    dice = [one["rnd_a"] for one in VECTORS if one["id"] in {"an12196-t14", "an12196-t19", "an12196-t23"}]
    reader = Reader(transceive, Dice(*dice))
    reader.authenticate(0, ZERO_BLOCK)
    ndef = Session(0, reader.session.enc_key, reader.session.mac_key, reader.session.transaction_id)
    _, plain = ndef.opened(0x8D, bytes.fromhex(steps["17"]["c"])[5:-1], 7, CommMode.FULL)
    reader.write(NDEF, plain, mode=CommMode.FULL)
    assert b"choose.url.com/ntag424" in plain
    reader.change_settings(NDEF, bytes.fromhex("4000E0C1F121200000430000430000"))
    reader.authenticate(3, ZERO_BLOCK)
    proprietary = Session(3, reader.session.enc_key, reader.session.mac_key, reader.session.transaction_id)
    _, plain = proprietary.opened(0x8D, bytes.fromhex(steps["21"]["c"])[5:-1], 7, CommMode.FULL)
    reader.write(PROPRIETARY, plain, mode=CommMode.FULL)
    reader.authenticate(0, ZERO_BLOCK, first=False)
    reader.write(CAPABILITIES, bytes.fromhex(steps["24"]["c"])[12:-1], offset=14)
    reader.change_key(2, ZERO_BLOCK, bytes.fromhex("F3847D627727ED3BC9C4CC050489B966"), 1)
    reader.change_key(0, ZERO_BLOCK, bytes.fromhex("5004BF991F408672B1EF00F08F9E8647"), 1)
    assert said == [step["c"] for step in vector["steps"]]


def mirrored(vector):
    """What the mirror makes of the vector's UID and counter, where the message and its padding are known."""
    uid, counter = bytes.fromhex(vector["expect"]["uid"]), vector["expect"]["counter"]
    keys = [bytes.fromhex(vector["meta_read_key"]), bytes.fromhex(vector["file_read_key"])]
    text = vector["mac_input"]
    data = bytearray(b"0" * 32 + text.encode() + b"0" * 16)
    padding = bytes.fromhex(vector["intermediates"]["picc_plain"])[11:] + bytes(16)
    encrypted = vector["params"].get("enc")
    options = 0xD1 if encrypted else 0xC1
    if encrypted:
        data[32:48] = bytes.fromhex(vector["expect"]["file_data"])
    offsets = [0, 32, *((32, 32) if encrypted else ()), 32 + len(text)]
    raw = bytes([options, 0xFF, 0x01]) + b"".join(one.to_bytes(3, "little") for one in offsets)
    mirror = Mirror.parsed(raw)
    mirror.check(len(data))
    return mirror.over(bytes(data), uid, counter, keys, padding).decode()


@pytest.mark.parametrize(
    "vector",
    [
        param
        for param in of_kind("sun")
        if "picc_plain" in param.values[0].get("intermediates", {}) and param.values[0]["params"].get("cmac")
    ],
)
def test_the_mirror_writes_the_published_messages(vector):
    seen = mirrored(vector)
    assert seen[:32] == vector["params"]["picc_data"]
    assert seen[-16:] == vector["params"]["cmac"]
    if "enc" in vector["params"]:
        assert seen[32:64] == vector["params"]["enc"]


@pytest.mark.parametrize("vector", [one for one in of_kind("an10922") if len(one.values[0]["m"]) >= 32])
def test_keys_are_diversified_as_the_note_says(vector):
    made = diversified(bytes.fromhex(vector["master"]), bytes.fromhex(vector["m"]))
    assert made.hex().upper() == vector["expect"]["key"]


def test_plain_mirrors_stand_in_the_file_as_text():
    raw = bytes.fromhex("C1") + bytes([0xFF, 0xE2]) + b"".join(n.to_bytes(3, "little") for n in (2, 17, 24, 24))
    mirror = Mirror.parsed(raw)
    mirror.check(64)
    seen = mirror.over(b".." + b"0" * 14 + b"x" + b"0" * 6 + b"." + b"0" * 40, bytes.fromhex("04C767F2066180"), 1,
                       KEYS, bytes(16))  # fmt: skip
    assert seen[:24] == b"..04C767F2066180x000001."


# A chip in use


def provisioned(chip):
    """Keys and a dynamic address, as a provisioning station leaves a chip."""
    reader = Reader(chip.transceive, random.Random(2))
    reader.authenticate(0, ZERO_BLOCK)
    message = uri_record("https://example.test/t/k1#e=" + "0" * 32 + "&c=" + "0" * 16)
    data = len(message).to_bytes(2) + message
    e_at, c_at = data.index(b"e=") + 2, data.index(b"c=") + 2
    reader.write(NDEF, data)
    reader.change_settings(NDEF, SDM_ON + b"".join(at.to_bytes(3, "little") for at in (e_at, c_at, c_at)))
    for number in (1, 2, 3, 4, 0):
        reader.change_key(number, ZERO_BLOCK, KEYS[number], 7)
    chip.field_off()
    return chip


@pytest.fixture
def chip():
    return provisioned(Chip(bytes.fromhex("04AABBCCDDEE80"), random.Random(1)))


def opened(url):
    """UID, counter and whether the MAC holds, of an address under KEYS; written from the note alone."""
    e, c = (bytes.fromhex(part.split("=")[1]) for part in url.partition("#")[2].split("&"))
    plain = decrypt(KEYS[1], e)
    assert plain[0] == 0xC7
    key = cmac(KEYS[2], bytes.fromhex("3CC300010080") + plain[1:11])
    return plain[1:8].hex().upper(), int.from_bytes(plain[8:11], "little"), short_mac(key, b"") == c


def test_every_read_is_a_new_address_with_the_next_number(chip):
    urls = [Reader(chip.transceive).url() for _ in range(3)]
    assert [opened(url) for url in urls] == [("04AABBCCDDEE80", number, True) for number in (1, 2, 3)]
    assert len({url[:60] for url in urls}) == 3
    assert all(url.startswith("https://example.test/t/k1#e=") for url in urls)


def test_a_read_in_pieces_is_one_read_and_any_other_command_ends_it(chip):
    reader = Reader(chip.transceive)
    reader.iso("00A4000C02E104")
    whole = reader.iso("00B0000064")
    assert reader.iso("00B0000020") + reader.iso("00B0002044") == whole
    assert chip.files[NDEF].counter == 1
    reader.iso("00A4000C02E104")
    assert reader.iso("00B0000064") != whole
    assert chip.files[NDEF].counter == 2
    reader.command(Ins.READ_DATA, bytes([NDEF]) + bytes(6))
    assert chip.files[NDEF].counter == 3  # the other kind of read counts by itself


def test_a_read_within_a_session_sees_the_placeholders_and_does_not_count(chip):
    reader = Reader(chip.transceive)
    reader.authenticate(0, KEYS[0])
    seen = reader.command(Ins.READ_DATA, bytes([NDEF]) + bytes(6), mode=CommMode.PLAIN)
    assert b"e=" + b"0" * 32 in seen
    assert chip.files[NDEF].counter == 0


def test_turning_the_dynamic_part_on_again_starts_the_counter_anew(chip):
    Reader(chip.transceive).url()
    reader = Reader(chip.transceive)
    reader.authenticate(0, KEYS[0])
    sdm = chip.files[NDEF].sdm
    reader.change_settings(NDEF, bytes.fromhex("0000E0"))
    reader.change_settings(NDEF, bytes.fromhex("4000E0") + sdm)
    chip.field_off()
    assert opened(Reader(chip.transceive).url())[1] == 1


def test_the_counter_can_be_read_by_whom_the_settings_name(chip):
    Reader(chip.transceive).url()
    with pytest.raises(ChipRefusedError, match="91ae"):
        Reader(chip.transceive).command(Ins.GET_FILE_COUNTERS, bytes([NDEF]))
    reader = Reader(chip.transceive)
    reader.authenticate(0, KEYS[0])
    sdm = bytearray(chip.files[NDEF].sdm)
    sdm[1] = 0xF0
    reader.change_settings(NDEF, bytes.fromhex("4000E0") + sdm)
    assert reader.command(Ins.GET_FILE_COUNTERS, bytes([NDEF])) == bytes([1, 0, 0, 0, 0])


def test_a_limit_ends_the_reading(chip):
    reader = Reader(chip.transceive)
    reader.authenticate(0, KEYS[0])
    sdm = bytearray(chip.files[NDEF].sdm)
    sdm[0] |= 0x20
    reader.change_settings(NDEF, bytes.fromhex("4000E0") + sdm + (2).to_bytes(3, "little"))
    chip.field_off()
    assert [opened(Reader(chip.transceive).url())[1] for _ in range(2)] == [1, 2]
    with pytest.raises(ChipRefusedError, match="6982"):
        Reader(chip.transceive).url()


def test_it_tells_what_it_is():
    chip = Chip(bytes.fromhex("04AABBCCDDEE80"), random.Random(1), signature=bytes(range(56)))
    reader = Reader(chip.transceive)
    told = reader.version()
    assert (told[0], told[14:21].hex().upper()) == (0x04, "04AABBCCDDEE80")
    assert reader.signature() == bytes(range(56))
    assert reader.command(Ins.GET_KEY_VERSION, bytes([2])) == b"\x00"
    reader.authenticate(0, ZERO_BLOCK)
    assert reader.command(Ins.GET_UID, b"") == chip.uid
    assert reader.command(Ins.GET_KEY_VERSION, bytes([2]), mode=CommMode.MAC) == b"\x00"
    assert reader.command(Ins.GET_FILE_SETTINGS, bytes([PROPRIETARY]), mode=CommMode.MAC) == bytes.fromhex(
        "00033023800000"
    )


REFUSED = [
    ("00A4040007D2760000850102", "6A82"),  # no such application
    ("00A4000C02E106", "6A82"),  # no such file
    ("00B0000010", "6A82"),  # nothing selected
    ("00B0850010", "6982"),  # the proprietary file, without its key
    ("00B084FF10", "9000"),  # the last byte there is
    ("00B0810010", "6A82"),  # no such short id
    ("00D6000001FF", "6D00"),  # an instruction that is not there
    ("80B0000010", "6E00"),  # a class that is not there
    ("907100000200", "6700"),  # a length and less data
    ("90", "6700"),
    ("9071000002050000", "9140"),  # no key 5
    ("90710000", "917E"),
    ("90770000010000", "91AE"),  # nothing to go on from
    ("90AF000000", "91CA"),  # nothing under way
    ("9051000000", "91AE"),  # the UID only in a session
    ("9064000001FF00", "9140"),
    ("90F50000010900", "91F0"),
    ("90FE000000", "911C"),
    ("90AD000003020000" + "00", "917E"),
    ("90AD0000070300000000000000", "91AE"),  # the proprietary file, without its key
    ("90AD0000070200010000000000", "91BE"),  # behind the end
    ("908D00000802FF0000010000AA00", "91AE"),  # written by nobody
    ("905F0000040200E0EE00", "91AE"),
    ("90C4000001020000", "6700"),
    ("90C40000010200", "91AE"),
    ("90F60000010100", "919D"),
]


@pytest.mark.parametrize(("command", "status"), REFUSED)
def test_what_is_not_allowed_is_refused_with_the_chips_own_status(chip, command, status):
    assert chip.transceive(bytes.fromhex(command))[-2:].hex().upper() == status


def test_a_session_ends_with_the_first_command_that_is_not_its_own(chip):
    reader = Reader(chip.transceive)
    reader.authenticate(0, KEYS[0])
    body = bytearray(reader.session.sealed(0x5F, bytes([NDEF]), bytes.fromhex("0000E0"), CommMode.FULL))
    body[3] ^= 1
    raw = bytes([0x90, 0x5F, 0, 0, len(body)]) + body + b"\x00"
    assert chip.transceive(raw) == bytes.fromhex("911E")
    with pytest.raises(ChipRefusedError, match="91ae"):
        reader.change_settings(NDEF, bytes.fromhex("0000E0"))
    assert chip.files[NDEF].mirror is not None


def test_a_command_cannot_be_said_twice(chip):
    reader = Reader(chip.transceive)
    reader.authenticate(0, KEYS[0])
    body = reader.session.sealed(0x64, bytes([2]), b"", CommMode.MAC)
    raw = bytes([0x90, 0x64, 0, 0, len(body)]) + body + b"\x00"
    assert chip.transceive(raw)[-2:] == bytes.fromhex("9100")
    assert chip.transceive(raw) == bytes.fromhex("911E")


def test_who_does_not_know_the_key_gets_no_session(chip):
    with pytest.raises(ChipRefusedError, match="91ae"):
        Reader(chip.transceive, random.Random(3)).authenticate(0, ZERO_BLOCK)
    with pytest.raises(ChipRefusedError, match="91ae"):
        Reader(chip.transceive).change_key(1, KEYS[1], ZERO_BLOCK, 0)


def test_only_the_master_key_changes_keys_and_only_from_the_old_one(chip):
    reader = Reader(chip.transceive, random.Random(3))
    reader.authenticate(1, KEYS[1])
    with pytest.raises(ChipRefusedError, match="919d"):
        reader.change_key(2, KEYS[2], ZERO_BLOCK, 8)
    reader.authenticate(0, KEYS[0])
    with pytest.raises(ChipRefusedError, match="911e"):
        reader.change_key(2, ZERO_BLOCK, KEYS[3], 8)
    assert chip.keys == KEYS


@pytest.mark.parametrize("settings", ["4000E0", "4000E0C0FF12", "4000E0C1FF12200000430000", "0200E0"])
def test_settings_that_make_no_sense_are_refused(chip, settings):
    reader = Reader(chip.transceive)
    reader.authenticate(0, KEYS[0])
    with pytest.raises(ChipRefusedError, match="919e"):
        reader.change_settings(NDEF, bytes.fromhex(settings))


@pytest.mark.parametrize(
    "offsets",
    [(0, 40, 20), (10, 20, 20), (0, 90, 90), (80, 0, 0)],
    ids=["the MAC over the data", "the same", "behind the end", "the data behind the end"],
)
def test_a_mirror_must_lie_in_its_file_and_over_nothing_else(offsets):
    raw = bytes.fromhex("C1FF12") + b"".join(one.to_bytes(3, "little") for one in offsets)
    with pytest.raises(BadSettingsError):
        Mirror.parsed(raw).check(100)


def test_an_address_comes_out_of_a_message_as_it_went_in():
    assert uri_of(uri_record("https://example.test/t/k1#e=0")) == "https://example.test/t/k1#e=0"
    with pytest.raises(ValueError, match="https"):
        uri_record("http://example.test")
    with pytest.raises(ValueError, match="URI record"):
        uri_of(b"\xd1\x01\x05T\x02en")
