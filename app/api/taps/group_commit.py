"""Group commit: while one batch of a municipality is being written, what arrives becomes the next.

Whoever is alone never waits for others. Only where a group was answered just now, those of it who come straight back
are gathered for a moment, or large and small groups would take turns.

Every waiter is answered after the commit of its batch. A batch that fails is tried again submission by submission, so
that one that cannot be stored never fails its neighbours; one that takes too long is parted once, the light from the
heavy. What somebody asked for who has hung up meanwhile is not written: it will be sent again.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from starlette.requests import ClientDisconnect

from app.api.http.problems import Problem
from app.api.http.refusals import is_busy, took_too_long

S = TypeVar("S")
A = TypeVar("A")

MOST_AT_ONCE = 256
MOST_WEIGHT = 500
"""After so much a batch is closed: writing it is most of what those wait who come meanwhile."""
LIGHT = 10
"""The most that a light submission weighs. Light ones go first: a tap at a door does not wait for old queues."""
HEAVY_AT_ONCE = 4
"""So many municipalities write heavy submissions at once, or taps at all doors would wait for the queues of all."""
MOST_WAITING = 4096
GATHER_STEP_SECONDS = 0.001
RETURNING = 2
"""So many must come in each step, or whoever comes is not the group that returns and nobody waits for more."""
GATHER_SECONDS = 0.02
"""The longest time that anybody waits for others to return."""
PATIENCE_SECONDS = 1.0
"""Nobody hangs up before: who has waited no longer is not asked for."""

Gone = Callable[[], Awaitable[bool]]


async def _stays() -> bool:
    return False


class _Waiter(NamedTuple, Generic[S, A]):
    """A submission with its future answer, a way to ask if its sender has hung up, and the loop time of its start."""

    submission: S
    answer: asyncio.Future[A]
    gone: Gone
    since: float

    async def has_left(self) -> bool:
        """True when nobody waits for the answer any more. A waiter that has hung up is refused and written no more."""
        waited = asyncio.get_running_loop().time() - self.since
        if not self.answer.done() and waited > PATIENCE_SECONDS and await self.gone():
            self.refuse(ClientDisconnect())
        return self.answer.done()

    def refuse(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class _Turn:
    """A place among those who write heavy batches, asked for once and kept until it is used."""

    def __init__(self, turns: asyncio.Semaphore) -> None:
        self._turns = turns
        self._asked: asyncio.Task[bool] | None = None

    async def comes_before(self, event: asyncio.Event) -> bool:
        """True once the turn has come, False when the event is set before. It is still asked for then."""
        if self._asked is None:
            self._asked = asyncio.create_task(self._turns.acquire())
            await asyncio.sleep(0)  # if one is free it has come now
        if not self._asked.done():
            other = asyncio.create_task(event.wait())
            await asyncio.wait({self._asked, other}, return_when=asyncio.FIRST_COMPLETED)
            other.cancel()
        return self._asked.done()

    def end(self) -> None:
        """Give the turn back, or stop asking for it."""
        if self._asked is not None and not self._asked.cancel():
            self._turns.release()
        self._asked = None


class GroupCommit(Generic[S, A]):
    """Runs `write(municipality_id, submissions)` for what is waiting, one batch at a time for each municipality."""

    def __init__(self, write: Callable[[int, Sequence[S]], Awaitable[Sequence[A]]], weight: Callable[[S], int]) -> None:
        self._write = write
        self._weight = weight
        self._waiting: dict[int, list[_Waiter[S, A]]] = {}
        self._writers: dict[int, asyncio.Task[None]] = {}
        self._turns = asyncio.Semaphore(HEAVY_AT_ONCE)
        self._came: defaultdict[int, asyncio.Event] = defaultdict(asyncio.Event)
        """Set when a light submission has come to a municipality."""
        self._senders: dict[int, tuple[int, float]] = {}
        """The number answered last in each municipality or still waiting then, and the time of that."""

    async def submit(self, municipality_id: int, submission: S, gone: Gone = _stays) -> A:
        """Wait for the commit that holds this submission; `gone` says whether who asked has hung up.

        Raises Problem `busy` when too much is waiting already, ClientDisconnect when they had before it was written.
        """
        waiting = self._waiting.setdefault(municipality_id, [])
        if len(waiting) >= MOST_WAITING:
            raise Problem("busy")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[A] = loop.create_future()
        waiting.append(_Waiter(submission, answer, gone, loop.time()))
        if self._weight(submission) <= LIGHT:
            self._came[municipality_id].set()
        if municipality_id not in self._writers:
            # A task of its own: a write that has begun goes on when the one who asked has hung up.
            self._writers[municipality_id] = asyncio.create_task(self._drain(municipality_id))
        return await answer

    async def close(self) -> None:
        """Wait until everything taken in is written."""
        await asyncio.gather(*self._writers.values())

    async def _drain(self, municipality_id: int) -> None:
        waiting, turn = self._waiting[municipality_id], _Turn(self._turns)
        try:
            while waiting:
                await self._gather(waiting, *self._senders.get(municipality_id, (0, 0.0)))
                light, heavy = self._by_weight(waiting)
                with_heavy = bool(heavy) and await turn.comes_before(self._light_came(municipality_id, light))
                batch = [one for one in self._taken(waiting, with_heavy=with_heavy) if not await one.has_left()]
                if batch:
                    await self._commit(municipality_id, batch)
                if with_heavy:
                    turn.end()
                self._senders[municipality_id] = (len(batch) + len(waiting), asyncio.get_running_loop().time())
        finally:
            turn.end()
            del self._writers[municipality_id]

    def _light_came(self, municipality_id: int, light: Sequence[_Waiter[S, A]]) -> asyncio.Event:
        """The event that a light submission waits: set now if one does, else by the next one."""
        came = self._came[municipality_id]
        if light:
            came.set()
        else:
            came.clear()
        return came

    async def _gather(self, waiting: Sequence[_Waiter[S, A]], senders: int, answered_at: float) -> None:
        """Wait for those who were answered last to return, while some do and there is room for more in the batch."""
        loop = asyncio.get_running_loop()
        until = answered_at + GATHER_SECONDS
        count = 0
        while len(waiting) < min(senders, MOST_AT_ONCE) and loop.time() < until:
            if count and len(waiting) - count < RETURNING:
                return
            if sum(self._weight(one.submission) for one in waiting) >= MOST_WEIGHT:
                return
            count = len(waiting)
            await asyncio.sleep(GATHER_STEP_SECONDS)

    def _taken(self, waiting: list[_Waiter[S, A]], *, with_heavy: bool) -> Sequence[_Waiter[S, A]]:
        """The next batch, taken from those who wait: the light first, but for one place for the oldest of the heavy."""
        light, heavy = self._by_weight(waiting)
        first = heavy[:1] if with_heavy else []
        waiting[:] = [*light[: MOST_AT_ONCE - 1], *first, *light[MOST_AT_ONCE - 1 :], *heavy[len(first) :]]
        most = min(len(waiting) if with_heavy else len(light), MOST_AT_ONCE)
        count = weight = 0
        while count < most and weight < MOST_WEIGHT:
            weight += self._weight(waiting[count].submission)
            count += 1
        batch = waiting[:count]
        del waiting[:count]
        return batch

    def _by_weight(self, some: Sequence[_Waiter[S, A]]) -> tuple[list[_Waiter[S, A]], list[_Waiter[S, A]]]:
        light = [one for one in some if self._weight(one.submission) <= LIGHT]
        return light, [one for one in some if self._weight(one.submission) > LIGHT]

    async def _commit(self, municipality_id: int, batch: Sequence[_Waiter[S, A]], *, whole: bool = True) -> None:
        """Write a batch and answer it. One that fails is parted; `whole` is one that has not been."""
        try:
            answers = await self._write(municipality_id, [one.submission for one in batch])
        except Exception as error:  # noqa: BLE001 - whatever it was, the waiters get it
            for part in self._parts(batch, error, whole=whole):
                still = [one for one in part if not await one.has_left()]
                if still:
                    await self._commit(municipality_id, still, whole=False)
            for one in batch:
                one.refuse(error)  # whom no part has answered
            return
        for one, answer in zip(batch, answers, strict=True):
            if not one.answer.done():
                one.answer.set_result(answer)

    def _parts(
        self, batch: Sequence[_Waiter[S, A]], error: Exception, *, whole: bool
    ) -> Sequence[Sequence[_Waiter[S, A]]]:
        """The parts of a failed batch that are tried again, each by itself."""
        if len(batch) == 1:
            return []
        if not is_busy(error):
            return [[one] for one in batch]
        light, heavy = self._by_weight(batch)
        if whole and light and heavy and took_too_long(error):
            # Whoever flooded a door has cost the others this once. The next is behind them, in a batch of its own.
            return [light, *([one] for one in heavy)]
        # Where the database cannot be had no submission is to blame, and asking for each again only adds to it.
        return []
