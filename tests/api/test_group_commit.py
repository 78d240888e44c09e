"""What waits is committed together, answered afterwards, and never fails for its neighbour."""

import asyncio

import pytest

from app.api.group_commit import MOST_AT_ONCE, MOST_WAITING, GroupCommit
from app.api.problems import Problem
from app.store.database import BusyError


class Written:
    """A writer that keeps what it was given, and fails for what it is told to."""

    def __init__(self, poison=None, error=ValueError):
        self.batches = []
        self.poison, self.error = poison, error
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, municipality_id, submissions):
        await self.gate.wait()
        self.batches.append((municipality_id, list(submissions)))
        if self.poison in submissions:
            raise self.error
        return [submission * 10 for submission in submissions]


def queue(written, weight=lambda _: 1):
    return GroupCommit(written, weight)


async def test_what_arrives_during_a_write_is_the_next_batch():
    written = Written()
    written.gate.clear()
    waiting = queue(written)
    first = asyncio.create_task(waiting.submit(188, 1))
    await asyncio.sleep(0)
    others = [asyncio.create_task(waiting.submit(188, number)) for number in (2, 3, 4)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in (first, *others))
    written.gate.set()
    assert await asyncio.gather(first, *others) == [10, 20, 30, 40]
    assert written.batches == [(188, [1]), (188, [2, 3, 4])]


async def test_one_that_cannot_be_stored_fails_alone():
    written = Written(poison=3)
    waiting = queue(written)
    answers = await asyncio.gather(*(waiting.submit(188, number) for number in (2, 3, 4)), return_exceptions=True)
    assert (answers[0], answers[2]) == (20, 40)
    assert isinstance(answers[1], ValueError)


async def test_a_database_that_cannot_be_had_is_asked_once():
    written = Written(poison=3, error=BusyError)
    waiting = queue(written)
    answers = await asyncio.gather(*(waiting.submit(188, number) for number in (2, 3, 4)), return_exceptions=True)
    assert all(isinstance(answer, BusyError) for answer in answers)
    assert len(written.batches) == 1


async def test_a_batch_is_bounded_by_number_and_weight():
    written = Written()
    waiting = queue(written)
    await asyncio.gather(*(waiting.submit(188, number) for number in range(MOST_AT_ONCE + 1)))
    assert [len(batch) for _, batch in written.batches] == [MOST_AT_ONCE, 1]
    written = Written()
    waiting = queue(written, weight=lambda _: 300)
    await asyncio.gather(*(waiting.submit(188, number) for number in range(3)))
    assert [len(batch) for _, batch in written.batches] == [2, 1]


async def test_a_live_tap_goes_before_the_queues_of_phones_that_were_away():
    written = Written()
    waiting = queue(written, weight=lambda items: items)
    told = [300, 300, 300, 1, 2, *[1] * MOST_AT_ONCE]
    await asyncio.gather(*(waiting.submit(188, items) for items in told))
    first, second, *others = (batch for _, batch in written.batches)
    # All the light there is room for, and the queue that came first among them: it does not wait for ever either.
    assert first == [1, 2, *[1] * (MOST_AT_ONCE - 3), 300]
    assert second == [1, 1, 1, 300, 300]
    assert not others


async def test_municipalities_do_not_share_a_batch():
    written = Written()
    waiting = queue(written)
    await asyncio.gather(waiting.submit(188, 1), waiting.submit(17, 2))
    assert sorted(written.batches) == [(17, [2]), (188, [1])]


async def test_a_write_goes_on_when_the_caller_has_hung_up():
    written = Written()
    written.gate.clear()
    waiting = queue(written)
    caller = asyncio.create_task(waiting.submit(188, 1))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    written.gate.set()
    await waiting.close()
    assert written.batches == [(188, [1])]


async def test_too_much_waiting_is_refused_at_once():
    written = Written()
    waiting = queue(written)
    # None of them has been taken into a batch when the last one comes.
    tasks = [asyncio.create_task(waiting.submit(188, number)) for number in range(MOST_WAITING + 1)]
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Problem)]
    assert [problem.code for problem in refused] == ["busy"]
    assert answers[:-1] == [number * 10 for number in range(MOST_WAITING)]
