"""The counter rule, against the plainest way to say it: every read compared with every other."""

import datetime as dt
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_rule import Plain

from app.domain.taps.judging import Judgement
from app.domain.taps.read_counter import Reads

NOON = dt.datetime(2026, 3, 2, 12, 0, tzinfo=dt.UTC)
PLACE = ("T-1", 0)


def at(minutes):
    return NOON + dt.timedelta(minutes=minutes)


def judged(counter, claimed_at, verdict="accepted"):
    code = None if verdict == "accepted" else "tag_lost"
    return Judgement(verdict, code, claimed_at, "sun_late", "T-1", (), 0, counter)


class Stored:
    """What a table holds: rows, of which only the next neighbours are asked for, and which are narrowed in ranges."""

    def __init__(self):
        self.rows = {}

    def near(self, counters):
        found = Reads()
        for counter in counters:
            below, above = [], []
            for seen in sorted(self.rows):
                (below if seen <= counter else above).append(self.rows[seen])
            found.know(PLACE, [replace(row) for row in (*below[-2:], *above[:1])])
        return found

    def keep(self, reads):
        for one in reads.narrowings:
            for row in self.rows.values():
                if row.counter > one.counter:
                    row.low_at = max(row.low_at, one.low_at)
                else:
                    row.high_at = min(row.high_at, one.high_at)
                    row.reached_at = min(row.reached_at, one.reached_at)
        self.rows |= {read.counter: read for _, read in reads.added}


# Times crowd within tolerances of each other, and lie far apart; some are told at once and some long after.
SECONDS = st.one_of(st.integers(0, 300), st.integers(0, 20_000))
TOLD = st.tuples(
    st.integers(1, 25),
    st.one_of(SECONDS, st.integers(-60, 0)),  # two servers may take a lock in another order than they were asked
    st.one_of(st.just(0), SECONDS),
    st.sampled_from("ab"),
    st.sampled_from([True] * 4 + [False]),
)


@given(st.lists(st.lists(TOLD, min_size=1, max_size=6), max_size=8))
def test_the_rule_is_that_of_every_read_against_every_other(batches):
    plain, stored, now = Plain(), Stored(), NOON
    for batch in batches:
        reads = stored.near([counter for counter, *_ in batch])
        for counter, pause, age, phone, sound in batch:
            now += dt.timedelta(seconds=pause)
            claimed_at = now - dt.timedelta(seconds=age)
            verdict = "accepted" if sound else "disputed"
            answer = reads.judge(judged(counter, claimed_at, verdict), UUID(int=counter), phone, now)
            expected = plain.judge(counter, claimed_at, now, phone, verdict)
            # A dispute that is there already keeps its code.
            assert answer.code == expected or (not sound and answer.code == "tag_lost")
        stored.keep(reads)
        for counter, row in stored.rows.items():
            assert (row.low_at, row.high_at, row.reached_at) == plain.bounds(counter)


@pytest.mark.parametrize(
    ("earlier", "counter", "claimed_at", "received_at", "code"),
    [
        # (counter, claimed, received) of what is known, then the new one; minutes
        ([], 1, 0, 0, None),
        ([(1, 0, 0)], 2, 5, 5, None),
        ([(2, 5, 5)], 1, 0, 9, None),  # told late
        ([(2, 5, 5)], 1, 5.4, 9, None),  # within the tolerance
        ([(2, 5, 5)], 1, 7, 9, "harvested"),  # read 2 was here before read 1 is said to have been
        ([(2, 5, 9)], 1, 7, 9, "time_contradiction"),  # read 2 only claims to have been before
        ([(1, 5, 9)], 2, 3, 9, "time_contradiction"),
        ([(5, 5, 60), (9, 50, 50)], 1, 55, 61, "harvested"),  # not the next read, but one after it
        ([(1, 30, 31), (3, 40, 41)], 2, 35, 42, None),
        ([(1, 30, 31), (3, 40, 41)], 2, 20, 42, "time_contradiction"),
    ],
)
def test_known_answers(earlier, counter, claimed_at, received_at, code):
    reads = Reads()
    for seen, when, received in earlier:
        assert reads.judge(judged(seen, at(when)), UUID(int=seen), "a", at(received)).verdict == "accepted"
    answer = reads.judge(judged(counter, at(claimed_at)), UUID(int=0), "b", at(received_at))
    assert (answer.verdict, answer.code) == ("disputed" if code else "accepted", code)


def test_a_counter_is_told_of_once():
    reads = Reads()
    reads.judge(judged(4, at(0)), UUID(int=1), "a", at(0))
    for phone, code in (("a", "counter_replayed_same_device"), ("b", "counter_replayed")):
        answer = reads.judge(judged(4, at(0)), UUID(int=2), phone, at(1))
        assert (answer.verdict, answer.code, answer.evidence) == ("refused", code, None)
    assert len(reads.added) == 1


def test_what_a_disputed_read_claims_binds_nobody_but_when_it_came_does():
    reads = Reads()
    reads.judge(judged(5, at(0), "disputed"), UUID(int=5), "a", at(10))
    assert reads.judge(judged(4, at(9)), UUID(int=4), "b", at(11)).verdict == "accepted"
    assert reads.judge(judged(3, at(12)), UUID(int=3), "b", at(13)).code == "harvested"


def test_what_is_no_message_has_no_counter():
    plain = Judgement("accepted", None, at(0), "static", "T-1")
    reads = Reads()
    assert reads.judge(plain, UUID(int=1), "a", at(0)) is plain
    assert reads.added == []
