"""What waits is committed together, answered afterwards, and never fails for its neighbour."""

import asyncio

import pytest
from asyncpg import QueryCanceledError
from starlette.requests import ClientDisconnect

from app.api.http.problems import Problem
from app.api.taps import group_commit
from app.api.taps.group_commit import HEAVY_AT_ONCE, MOST_AT_ONCE, MOST_WAITING, GroupCommit
from app.store.pools import BusyError


class Written:
    """A writer that keeps what it was given, and fails for what it is told to."""

    def __init__(self, poison=None, error=ValueError):
        self.begun = asyncio.Event()
        self.batches = []
        self.poison, self.error = poison, error
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, municipality_id, submissions):
        self.begun.set()
        await self.gate.wait()
        self.batches.append((municipality_id, list(submissions)))
        if self.poison in submissions:
            raise self.error
        return [submission * 10 for submission in submissions]


def queue(written, weight=lambda _: 1):
    return GroupCommit(written, weight)


def waiting_numbers(waiting):
    return [one.submission for one in waiting._waiting[188]]


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


async def test_a_group_that_returns_is_gathered_again():
    """Two groups of which one comes while the other is written become one, instead of taking turns."""
    written = Written()

    async def write(*given):
        await asyncio.sleep(0.005)
        return await written(*given)

    waiting = queue(write)

    async def client(number):
        if number >= 60:
            await written.begun.wait()
        for _ in range(10):
            await waiting.submit(188, number)

    written.gate.clear()
    clients = [asyncio.create_task(client(number)) for number in range(64)]
    await written.begun.wait()
    while not any(number >= 60 for number in waiting_numbers(waiting)):  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0)
    written.gate.set()
    await asyncio.gather(*clients)
    sizes = [len(batch) for _, batch in written.batches]
    assert sizes == [60, *[64] * 9, 4]


async def test_whoever_is_alone_waits_for_nobody(monkeypatch):
    written = Written()
    waiting = queue(written)

    async def unexpected(_):
        raise AssertionError

    monkeypatch.setattr(group_commit.asyncio, "sleep", unexpected)
    for number in range(3):
        assert await waiting.submit(188, number) == number * 10


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


async def test_while_others_write_their_queues_the_taps_at_the_doors_of_all_are_written():
    """Some municipalities write queues at once; one more waits for its turn with its own, and not with single taps."""
    written, begun = Written(), []
    last, *others = range(HEAVY_AT_ONCE + 1)
    gates = {code: asyncio.Event() for code in (last, *others)}

    async def write(code, submissions):
        begun.append((code, list(submissions)))
        if 300 in submissions:
            await gates[code].wait()
        return await written(code, submissions)

    waiting = GroupCommit(write, lambda items: items)
    queues = [asyncio.create_task(waiting.submit(code, 300)) for code in (*others, last)]
    await asyncio.sleep(0.01)
    assert begun == [(code, [300]) for code in others]
    assert await waiting.submit(last, 1) == 10
    assert await asyncio.gather(waiting.submit(last, 2), waiting.submit(99, 1)) == [20, 10]
    assert sorted(begun[len(others) :]) == [(last, [1]), (last, [2]), (99, [1])]
    gates[others[0]].set()
    gates[last].set()
    assert await asyncio.gather(queues[0], queues[-1]) == [3000, 3000]
    for gate in gates.values():
        gate.set()
    await waiting.close()
    # Every turn was given back.
    assert await asyncio.gather(*(waiting.submit(code, 300) for code in gates)) == [3000] * len(gates)


async def test_municipalities_do_not_share_a_batch():
    written = Written()
    waiting = queue(written)
    await asyncio.gather(waiting.submit(188, 1), waiting.submit(17, 2))
    assert sorted(written.batches) == [(17, [2]), (188, [1])]


async def test_what_is_being_written_is_written_when_the_caller_has_hung_up():
    written = Written()
    written.gate.clear()
    waiting = queue(written)
    caller = asyncio.create_task(waiting.submit(188, 1))
    await written.begun.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    written.gate.set()
    await waiting.close()
    assert written.batches == [(188, [1])]


async def test_what_was_asked_by_who_has_hung_up_is_not_written(monkeypatch):
    """Whoever gave up sends it again, so that writing it now would only make the others wait."""
    monkeypatch.setattr(group_commit, "PATIENCE_SECONDS", 0)
    written = Written()
    written.gate.clear()
    waiting = queue(written)
    first = asyncio.create_task(waiting.submit(188, 1))
    await written.begun.wait()

    async def hung_up():
        return True

    gone = [asyncio.create_task(waiting.submit(188, number, hung_up)) for number in (2, 3)]
    left = asyncio.create_task(waiting.submit(188, 4))
    stays = asyncio.create_task(waiting.submit(188, 5))
    await asyncio.sleep(0)
    left.cancel()
    written.gate.set()
    assert await asyncio.gather(first, stays) == [10, 50]
    answers = await asyncio.gather(*gone, left, return_exceptions=True)
    assert [type(answer) for answer in answers] == [ClientDisconnect, ClientDisconnect, asyncio.CancelledError]
    assert written.batches == [(188, [1]), (188, [5])]


async def test_who_takes_too_long_takes_the_others_along_once():
    """The light are written together without the heavy, each of which is then tried by itself, and only once."""
    written = Written(poison=300, error=QueryCanceledError)
    waiting = queue(written, weight=lambda items: items)
    answers = await asyncio.gather(*(waiting.submit(188, items) for items in (1, 2, 300)), return_exceptions=True)
    assert answers[:2] == [10, 20]
    assert isinstance(answers[2], QueryCanceledError)
    assert [batch for _, batch in written.batches] == [[1, 2, 300], [1, 2], [300]]


async def test_a_database_that_is_slow_for_all_is_not_asked_again_and_again():
    written = Written(poison=1, error=QueryCanceledError)
    waiting = queue(written, weight=lambda items: items)
    answers = await asyncio.gather(*(waiting.submit(188, items) for items in (1, 2, 300)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [QueryCanceledError, QueryCanceledError, int]
    assert [batch for _, batch in written.batches] == [[1, 2, 300], [1, 2], [300]]


async def test_too_much_waiting_is_refused_at_once():
    written = Written()
    waiting = queue(written)
    # None of them has been taken into a batch when the last one comes.
    tasks = [asyncio.create_task(waiting.submit(188, number)) for number in range(MOST_WAITING + 1)]
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Problem)]
    assert [problem.code for problem in refused] == ["busy"]
    assert answers[:-1] == [number * 10 for number in range(MOST_WAITING)]
