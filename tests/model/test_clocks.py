"""The service against the reference model where the made-up days cannot go: clocks that run ahead of the receipt."""

import datetime as dt
from uuid import UUID

from beginning import BEGAN_AT
from hypothesis import given
from hypothesis import strategies as st
from judging import brought_back, by_clocks, start_of, when
from judging import shift_of as owed_shift

from app.domain.taps.judging import Claim, Envelope, leads_of, shift_of, time_of

SECONDS = st.sampled_from([-7200, -301, -31, -30, -1, 0, 1, 20, 30, 31, 600, 3600, 57_600, 57_601, 400_000])
TAPS = st.lists(st.tuples(SECONDS, st.one_of(st.none(), SECONDS)), min_size=1, max_size=6)


@given(off=SECONDS, taps=TAPS, booted=st.booleans())
def test_both_tell_when_the_taps_of_a_batch_were(off, taps, booted):
    """Each tap is so many seconds ahead by the wall clock and, where it says so, by the monotonic one."""

    def later(seconds):
        return BEGAN_AT + dt.timedelta(seconds=seconds)

    boot = {"boot_id": "b1", "sent_uptime_ms": 10**9} if booted else {}
    envelope = Envelope(BEGAN_AT, later(off), **boot)
    items = [
        {"tapped_at": later(wall)} | ({} if up is None else {"uptime_ms": 10**9 + up * 1000, "boot_id": "b1"})
        for wall, up in taps
    ]
    claims = [Claim(UUID(int=number), "in", **item) for number, item in enumerate(items)]
    shift = shift_of(envelope, None)
    leads = leads_of(claims, envelope, shift)
    found = [time_of(claim, envelope, shift, leads) for claim in claims]

    wall = owed_shift({}, "", BEGAN_AT, later(off))
    started_at = start_of({}, "", BEGAN_AT, 10**9) if booted else None
    ahead = [at for at in (by_clocks(item, wall, started_at)[0] for item in items) if at > BEGAN_AT]
    back = brought_back(ahead, BEGAN_AT)
    assert found == [when(item, wall, started_at, BEGAN_AT, back) for item in items]
    assert all(at <= BEGAN_AT for at, _ in found)
