"""Group commit without a timer: while one batch of a municipality is being written, what arrives becomes the next.

Every waiter is answered after the commit of its batch. A batch that fails is tried again submission by submission, so
that one that cannot be stored never fails its neighbours.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from app.api.problems import Problem
from app.api.refusals import is_busy

S = TypeVar("S")
A = TypeVar("A")

MOST_AT_ONCE = 256
MOST_WEIGHT = 500
"""After so much a batch is closed: writing it is most of what those wait who come meanwhile."""
LIGHT = 10
"""What weighs no more goes before what does: a tap at a door does not wait for the queues of phones that were away."""
MOST_WAITING = 4096


class GroupCommit(Generic[S, A]):
    """Runs `write(municipality_id, submissions)` for what is waiting, one batch at a time for each municipality."""

    def __init__(self, write: Callable[[int, Sequence[S]], Awaitable[Sequence[A]]], weight: Callable[[S], int]) -> None:
        self._write = write
        self._weight = weight
        self._waiting: dict[int, list[tuple[S, asyncio.Future[A]]]] = {}
        self._writers: dict[int, asyncio.Task[None]] = {}

    async def submit(self, municipality_id: int, submission: S) -> A:
        """Wait for the commit that holds this submission. Raises Problem `busy` when too much is waiting already."""
        waiting = self._waiting.setdefault(municipality_id, [])
        if len(waiting) >= MOST_WAITING:
            raise Problem("busy")
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        waiting.append((submission, answer))
        if municipality_id not in self._writers:
            # A task of its own: the write goes on when the one who asked has hung up.
            self._writers[municipality_id] = asyncio.create_task(self._drain(municipality_id))
        return await answer

    async def close(self) -> None:
        """Wait until everything taken in is written."""
        await asyncio.gather(*self._writers.values())

    async def _drain(self, municipality_id: int) -> None:
        waiting = self._waiting[municipality_id]
        try:
            while waiting:
                await self._commit(municipality_id, self._taken(waiting))
        finally:
            del self._writers[municipality_id]

    def _taken(self, waiting: list[tuple[S, asyncio.Future[A]]]) -> Sequence[tuple[S, asyncio.Future[A]]]:
        """The next batch, taken from those who wait: the light first, but for one place for the oldest of the heavy."""
        light = [one for one in waiting if self._weight(one[0]) <= LIGHT]
        heavy = [one for one in waiting if self._weight(one[0]) > LIGHT]
        waiting[:] = [*light[: MOST_AT_ONCE - 1], *heavy[:1], *light[MOST_AT_ONCE - 1 :], *heavy[1:]]
        count = weight = 0
        while count < min(len(waiting), MOST_AT_ONCE) and weight < MOST_WEIGHT:
            weight += self._weight(waiting[count][0])
            count += 1
        batch = waiting[:count]
        del waiting[:count]
        return batch

    async def _commit(self, municipality_id: int, batch: Sequence[tuple[S, asyncio.Future[A]]]) -> None:
        try:
            answers = await self._write(municipality_id, [submission for submission, _ in batch])
        except Exception as error:  # noqa: BLE001 - whatever it was, the waiters are told
            # Where the database cannot be had no submission is to blame, and asking for each again only adds to it.
            if len(batch) == 1 or is_busy(error):
                for _, waiter in batch:
                    if not waiter.done():
                        waiter.set_exception(error)
                return
            for one in batch:
                await self._commit(municipality_id, [one])
            return
        for (_, waiter), answer in zip(batch, answers, strict=True):
            if not waiter.done():
                waiter.set_result(answer)
