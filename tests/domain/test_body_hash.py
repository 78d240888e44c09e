"""One body has one hash, and a body that was kept under its first hash is still the same body."""

import datetime as dt
import uuid

import pytest

from app.actions.taps.record_reports import _hash_of as report_hash
from app.actions.taps.record_taps import _hash_of as tap_hash
from app.actions.visits.register_visits import Manual
from app.actions.visits.validate_correction import CorrectionRequest
from app.domain.body_hash import body_hash
from app.domain.taps.judging import Claim, Message
from app.domain.taps.report import Report, ReportedIntervention

AT = dt.datetime(2026, 11, 3, 7, 15, 30, 250_000, tzinfo=dt.UTC)
ONE, TWO, THREE = (uuid.UUID(int=number) for number in (1, 2, 3))
MESSAGE = Message("k1", bytes(16), bytes(8))
SHOWER = ReportedIntervention("dusch", None, 7, "done")
CLEANING = ReportedIntervention("städ", "B-1", None, "declined")


def tap(kept=(), **said):
    return tap_hash("S-07", Claim(ONE, **({"direction": "in", "tapped_at": AT} | said)), kept)


def report(*interventions, kept=(), note="å"):
    return report_hash(Report(ONE, "S-07", TWO, AT, AT, "performed", interventions, note, AT), kept)


def by_hand(kept=(), note=None):
    return Manual(ONE, "B-1", "S-07", AT, AT, (("dusch", 7),), "other", note).hashed(kept)


def correction(kept=(), said=None):
    return CorrectionRequest(ONE, "set_end", said or {"ended_at": AT, "b": 1}, "other", None).hashed(THREE, kept)


# What the version before wrote, for the same bodies.
KEPT = [
    (lambda kept: tap(kept, uptime_ms=5, boot_id="b", message=MESSAGE), "17b1201078c835a647c88e5764530a3d"),
    (
        lambda kept: tap(kept, direction="out", household="B-å", reason="tag_missing", note="x\ny"),
        "88a5854e0ad529ab8e0cf727929711c4",
    ),
    (lambda kept: report(kept=kept), "b4d676657c7551ff6eede8f0c1b1c3a8"),
    (lambda kept: report(SHOWER, kept=kept), "e202f18a3071adfd5882aedb887daf07"),
    (lambda kept: report(SHOWER, CLEANING, kept=kept), "7f9a46b34d18be4e5af7c6c44853882e"),
    (by_hand, "a319459c8c70c968c91a5cd545441c62"),
    (correction, "a2b52659d2f6d7b982adafa17b2c108b"),
]


@pytest.mark.parametrize(("hashed", "first"), KEPT)
def test_a_body_kept_under_its_first_hash_is_known_again(hashed, first):
    kept = bytes.fromhex(first)
    assert hashed({kept}) == kept
    assert hashed({kept, bytes(17)}) == kept
    assert hashed({bytes(16)}) == hashed(()) != kept


@pytest.mark.parametrize(("hashed", "_"), KEPT)
def test_a_hash_says_its_version(hashed, _):
    assert (hashed(())[:1], len(hashed(()))) == (b"\x02", 17)


def test_no_two_bodies_of_a_kind_share_a_hash():
    taps = [tap(), tap(direction="out"), tap(uid="04"), tap(household="04"), tap(note="04"), tap(boot_id="04")]
    reports = [report(), report(SHOWER), report(CLEANING), report(SHOWER, CLEANING), report(note=None)]
    assert len({*taps, *reports, by_hand(), by_hand(note="x"), correction(), correction(said={"b": 1})}) == 15


def test_the_order_of_keys_is_nobodys_word():
    assert body_hash({"a": 1, "b": "å"}) == body_hash({"b": "å", "a": 1})
