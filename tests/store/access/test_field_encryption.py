"""Sealed personal numbers: they open in their own place alone, and are found again without being opened."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.store.access.field_encryption import DecryptionError, FieldEncryption, Place

OLD, NEW, LOOKUP = bytes(range(32)), bytes(range(1, 33)), bytes(range(2, 34))
PLACE = Place("recipient_identity", "number_sealed", 188, "B-001")
NUMBER = "191212121212"  # the tax agency's own example


@pytest.fixture
def encryption():
    return FieldEncryption({"2026": NEW, "2025": OLD}, LOOKUP)


def test_what_is_sealed_opens_in_its_place_and_is_sealed_otherwise_each_time(encryption):
    sealed = encryption.encrypt(NUMBER, PLACE)
    assert encryption.decrypt(sealed, PLACE) == NUMBER
    assert encryption.encrypt(NUMBER, PLACE) != sealed
    assert NUMBER.encode() not in sealed


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"table": "recipient"},
        {"column": "name"},
        {"municipality_id": 180},
        {"row": "B-002"},
        {"municipality_id": 1, "row": "88|B-001"},
    ],
)
def test_it_opens_nowhere_else(encryption, elsewhere):
    sealed = encryption.encrypt(NUMBER, PLACE)
    with pytest.raises(DecryptionError):
        encryption.decrypt(sealed, replace(PLACE, **elsewhere))


@given(st.data())
def test_no_changed_byte_goes_unseen(data):
    encryption = FieldEncryption({"2026": NEW}, LOOKUP)
    sealed = bytearray(encryption.encrypt(NUMBER, PLACE))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(DecryptionError):
        encryption.decrypt(bytes(sealed), PLACE)


@given(st.binary(max_size=80))
def test_what_was_never_sealed_is_refused(text):
    with pytest.raises(DecryptionError):
        FieldEncryption({"2026": NEW}, LOOKUP).decrypt(text, PLACE)


def test_an_older_key_still_opens_and_the_newest_seals():
    before = FieldEncryption({"2025": OLD}, LOOKUP).encrypt(NUMBER, PLACE)
    rotated = FieldEncryption({"2026": NEW, "2025": OLD}, LOOKUP)
    assert rotated.decrypt(before, PLACE) == NUMBER
    with pytest.raises(DecryptionError):
        FieldEncryption({"2025": OLD}, LOOKUP).decrypt(rotated.encrypt(NUMBER, PLACE), PLACE)
    with pytest.raises(DecryptionError):
        FieldEncryption({"2026": NEW}, LOOKUP).decrypt(before, PLACE)


def test_a_digest_finds_a_number_in_its_own_municipality(encryption):
    digest = encryption.digest(NUMBER, 188)
    assert digest == FieldEncryption({"other": OLD}, LOOKUP).digest(NUMBER, 188)
    others = {
        encryption.digest(NUMBER, 180),
        encryption.digest("191212121213", 188),
        FieldEncryption({"2026": NEW}, OLD).digest(NUMBER, 188),
    }
    assert digest not in others
    assert len(others) == 3


@pytest.mark.parametrize(
    ("keys", "lookup"),
    [({}, LOOKUP), ({"a": b"short"}, LOOKUP), ({"a": NEW, "b": NEW[:16]}, LOOKUP), ({"a": NEW}, b"")],
)
def test_keys_that_are_none_are_refused(keys, lookup):
    with pytest.raises(ValueError, match="32 bytes"):
        FieldEncryption(keys, lookup)
