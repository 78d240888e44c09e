"""What one person told by hand, in the domain's own values: how long it may be, and who had been made for it."""

import datetime as dt
from dataclasses import replace

import pytest
from told import MONDAY, presences, staff, taps

from app.domain.register.contract import Contract
from app.domain.visits.attestation import held, of_new_staff


@pytest.mark.parametrize(
    ("agreed", "until", "waits"), [(None, "09:00", False), (None, "09:01", True), (960, "23:59", False)]
)
def test_an_hour_may_be_told_alone_where_nothing_is_agreed(agreed: int | None, until: str, waits: bool) -> None:
    [presence] = presences(taps(f"08:00 in A | {until} out A"))
    contract = Contract("C-1", "P-1", MONDAY, None, manual_attest_minutes=agreed)
    by_hand = presence._replace(evidence_out="manual")
    assert held(by_hand, contract, []) is waits
    assert held(by_hand, None, []) is (until != "09:00")
    assert not held(presence, contract, [])


@pytest.mark.parametrize(("days", "told"), [(None, False), (-1, False), (0, True), (1, True)])
def test_staff_is_new_until_the_day_is_over_on_which_its_provider_made_it(days: int | None, told: bool) -> None:
    [presence] = presences(taps("08:00 in A | 08:30 out A"))
    made_on = None if days is None else MONDAY + dt.timedelta(days=days)
    new = replace(staff("S-1"), registered_on=made_on)
    for evidence in ("manual", "off_site", "system_down"):
        assert of_new_staff(presence._replace(evidence_in=evidence), new, MONDAY) is told
    assert not of_new_staff(presence, new, MONDAY)
