"""A phone's queue: items are written first, sent when there is a net, and dropped only on the service's verdict."""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from firmware_sim.people.clock import rfc3339
from firmware_sim.people.handset import Handset
from firmware_sim.people.records import Body
from firmware_sim.wire import Answer

Post = Callable[[str, Body], Awaitable[Answer]]
OK = 200
TOO_BIG_OR_BROKEN = frozenset({400, 413, 415, 422})
KEEP_ACKNOWLEDGED = timedelta(days=35)
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """The service's first verdict on one item."""

    verdict: str
    code: str | None


@dataclass
class Queue:
    """The waiting items in the order of writing, and the verdicts on the others."""

    path: str
    name: str
    waiting: deque[Body] = field(default_factory=deque)
    acknowledged: dict[str, tuple[datetime, Body]] = field(default_factory=dict)


class Phone:
    """One person's phone. `post(path, body)` sends for that person; `now` is the true time.

    An item leaves its queue on any verdict. 400, 413, 415 and 422 halve the batch; an item that is alone
    and still refused waits behind the others. 429, 5xx, 401, 403 and a dead net make the phone wait, longer each
    time. Acknowledged taps stay for 35 days, so that they can be sent again.
    """

    def __init__(
        self,
        handset: Handset,
        post: Post,
        rng: random.Random,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.handset = handset
        self.verdicts: dict[str, Verdict] = {}
        self.contradictions: list[str] = []
        self.sends = 0
        self._post, self._rng, self._now, self._sleep = post, rng, now, sleep
        self._taps = Queue("/v1/taps", "taps")
        self._reports = Queue("/v1/reports", "reports")

    @property
    def waiting(self) -> int:
        """The number of items without a verdict."""
        return len(self._taps.waiting) + len(self._reports.waiting)

    def write(self, kind: str, item: Body) -> None:
        """Keep an item (`kind` tap or report) until it is sent."""
        (self._taps if kind == "tap" else self._reports).waiting.append(item)

    def send_again(self, since_at: datetime) -> int:
        """Queue the taps acknowledged since an instant once more. Returns their number."""
        again = [item for at, item in self._taps.acknowledged.values() if at >= since_at]
        self._taps.waiting.extend(again)
        return len(again)

    async def flush(self, patience: int = 8) -> bool:
        """Send until both queues are empty (True), or `patience` tries in a row brought no verdict (False)."""
        queues = [self._taps, self._reports]
        if self.handset.habits.reports_first:
            queues.reverse()
        return all([await self._flush(queue, patience) for queue in queues])

    async def _flush(self, queue: Queue, patience: int) -> bool:
        limit = size = self.handset.habits.batch_limit
        stuck: list[Body] = []
        failures = 0
        while queue.waiting and failures < patience:
            batch = [queue.waiting[place] for place in range(min(size, len(queue.waiting)))]
            answer = await self._send(queue, batch)
            if answer.status == OK and self._hear(queue, batch, answer.body):
                failures, size = 0, min(limit, size * 2)
            elif answer.status in TOO_BIG_OR_BROKEN and len(batch) > 1:
                size = len(batch) // 2
            elif answer.status in TOO_BIG_OR_BROKEN:
                stuck.append(queue.waiting.popleft())
            else:
                failures += 1
                if failures < patience:
                    await self._wait(answer, failures)
        queue.waiting.extend(stuck)
        return not queue.waiting

    async def _send(self, queue: Queue, batch: list[Body]) -> Answer:
        """Send a batch with the day's faults: an answer lost on its way, a batch sent twice."""
        habits = self.handset.habits
        answer = await self._post(queue.path, self._envelope(queue, batch))
        self.sends += 1
        if answer.status == OK and self._rng.random() < habits.double_sends:
            self._hear(queue, batch, answer.body, keep=True)
            answer = await self._post(queue.path, self._envelope(queue, batch))
            self.sends += 1
        if answer.status == OK and self._rng.random() < habits.lost_answers:
            return Answer(0)
        return answer

    def _envelope(self, queue: Queue, batch: list[Body]) -> Body:
        if queue.name != "taps":
            return {queue.name: batch}
        now, clock = self._now(), self.handset.clock
        body: Body = {"sent_at": rfc3339(clock.wall(now)), "taps": batch}
        uptime = clock.uptime(now)
        if uptime is not None:
            body["boot_id"], body["sent_uptime_ms"] = uptime
        return body

    def _hear(self, queue: Queue, batch: list[Body], body: Any, *, keep: bool = False) -> bool:
        """Store the verdicts of a batch and drop its items (unless `keep`); False when there were none."""
        results = body.get("results") if isinstance(body, dict) else None
        if not isinstance(results, list):
            return False
        spoken_of = set()
        # Results stand in the order of the items; an item the service could not read has no id in its result.
        for item, result in zip(batch, results, strict=False):
            if result.get("id") not in {None, item["id"]} or "verdict" not in result:
                continue
            verdict = Verdict(result["verdict"], result.get("code"))
            if self.verdicts.setdefault(item["id"], verdict) != verdict:
                self.contradictions.append(item["id"])
            spoken_of.add(item["id"])
        if not keep:
            now = self._now()
            queue.waiting = deque(item for item in queue.waiting if item["id"] not in spoken_of)
            for item in batch:
                if item["id"] in spoken_of:
                    queue.acknowledged.setdefault(item["id"], (now, item))
            # Entries stand in the order of time, so the oldest go from the front.
            while (oldest := next(iter(queue.acknowledged.items()), None)) and oldest[1][0] < now - KEEP_ACKNOWLEDGED:
                del queue.acknowledged[oldest[0]]
        return bool(spoken_of)

    async def _wait(self, answer: Answer, failures: int) -> None:
        wait = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** (failures - 1))
        # A little chance keeps the phones of a district from coming back all at once.
        await self._sleep(max(answer.retry_after or 0.0, wait) * self._rng.uniform(1.0, 1.25))
