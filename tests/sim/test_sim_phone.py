"""A phone's queue: nothing is dropped but on the service's word, and nothing is blocked by its neighbour."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from firmware_sim.people.clock import PhoneClock
from firmware_sim.people.handset import Habits, Handset
from firmware_sim.people.phone import Phone, Verdict
from firmware_sim.wire import Answer, Wire

NOON = datetime(2026, 10, 24, 12, tzinfo=UTC)


class World:
    """Answers by a script, one entry a sending (the last one goes on), and a clock that only sleep moves."""

    def __init__(self, *script, limit=1000, habits=None, clock=None):
        self.script = list(script) or [everything]
        self.sent, self.slept, self.now = [], [], NOON
        clock = clock or PhoneClock("p", boots=(NOON - timedelta(hours=8),))
        self.handset = Handset("S-01", clock, habits or Habits(limit), "1", direction_known=True)
        self.phone = Phone(self.handset, self.post, random.Random(1), now=lambda: self.now, sleep=self.sleep)

    async def post(self, path, body):
        self.sent.append((path, body))
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return answer if isinstance(answer, Answer) else answer(body)

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)

    def taps(self, count):
        written = []
        for number in range(count):
            item = self.handset.tap(NOON - timedelta(minutes=count - number), "in", {"uid": "04"})
            self.phone.write("tap", item)
            written.append(item["id"])
        return written

    def sizes(self):
        return [len(body.get("taps") or body.get("reports")) for _, body in self.sent]


def everything(body, verdict="accepted", code=None):
    items = body.get("taps") or body.get("reports")
    return Answer(200, {"results": [{"id": one["id"], "verdict": verdict, "code": code} for one in items]})


def refused(body):
    return everything(body, "refused", "tag_unknown")


def unless(bad, status):
    """Takes every batch without one of the bad items."""

    def answer(body):
        return Answer(status) if any(one["id"] in bad for one in body["taps"]) else everything(body)

    return answer


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [(everything, Verdict("accepted", None)), (refused, Verdict("refused", "tag_unknown"))],
)
async def test_an_item_leaves_on_its_verdict_whichever(answer, verdict):
    world = World(answer)
    ids = world.taps(3)
    assert await world.phone.flush() is True
    assert world.phone.waiting == 0
    assert world.phone.verdicts == dict.fromkeys(ids, verdict)


async def test_a_long_queue_goes_in_batches_in_the_order_written():
    world = World(limit=4)
    ids = world.taps(10)
    assert await world.phone.flush() is True
    assert world.sizes() == [4, 4, 2]
    assert [one["id"] for _, body in world.sent for one in body["taps"]] == ids


async def test_the_envelope_carries_both_clocks_as_they_are_at_sending():
    world = World(clock=PhoneClock("p", offset_seconds=-95, boots=(NOON - timedelta(hours=8),)))
    world.taps(1)
    await world.phone.flush()
    path, body = world.sent[0]
    assert path == "/v1/taps"
    assert body["sent_at"] == "2026-10-24T11:58:25Z"
    assert body["sent_uptime_ms"] == 8 * 3_600_000
    assert body["boot_id"] == body["taps"][0]["boot_id"]
    assert body["sent_uptime_ms"] - body["taps"][0]["uptime_ms"] == 60_000


async def test_without_monotonic_clock_the_envelope_has_none():
    world = World(clock=PhoneClock("p"))
    world.taps(1)
    await world.phone.flush()
    assert world.sent[0][1].keys() == {"sent_at", "taps"}


@pytest.mark.parametrize("status", [400, 413, 415, 422])
async def test_a_refused_batch_is_halved_until_its_poison_is_alone(status):
    world = World()
    ids = world.taps(8)
    world.script = [unless({ids[5]}, status)]
    assert await world.phone.flush() is False
    assert set(world.phone.verdicts) == set(ids) - {ids[5]}
    assert world.phone.waiting == 1
    assert world.sizes()[:2] == [8, 4]
    assert world.slept == []
    world.script = [everything]
    assert await world.phone.flush() is True
    assert set(world.phone.verdicts) == set(ids)


@pytest.mark.parametrize("status", [0, 401, 403, 429, 500, 503])
async def test_a_service_that_cannot_now_is_asked_again_later_and_later(status):
    world = World(*[Answer(status)] * 4, everything)
    world.taps(5)
    assert await world.phone.flush() is True
    assert world.sizes() == [5] * 5
    assert len(world.slept) == 4
    for number, slept in enumerate(world.slept):
        assert 0.5 * 2**number <= slept <= 0.625 * 2**number


async def test_a_phone_that_runs_out_of_patience_keeps_everything():
    world = World(Answer(503))
    world.taps(5)
    assert await world.phone.flush(patience=3) is False
    assert (world.phone.waiting, len(world.sent), len(world.slept)) == (5, 3, 2)


async def test_retry_after_is_waited_for():
    world = World(Answer(429, retry_after=30.0), everything)
    world.taps(1)
    assert await world.phone.flush() is True
    assert 30.0 <= world.slept[0] <= 37.5


@pytest.mark.parametrize("body", [None, {}, {"results": "none"}, {"results": []}])
async def test_an_answer_without_verdicts_drops_nothing(body):
    world = World(Answer(200, body))
    world.taps(2)
    assert await world.phone.flush(patience=2) is False
    assert world.phone.waiting == 2


async def test_only_what_was_spoken_of_leaves():
    def first_only(body):
        return everything({"taps": body["taps"][:1]})

    world = World(first_only, everything)
    world.taps(3)
    assert await world.phone.flush() is True
    assert world.sizes() == [3, 2]


async def test_a_verdict_for_another_item_is_not_taken():
    def swapped(body):
        return Answer(200, {"results": [{"id": "another", "verdict": "accepted", "code": None}] * len(body["taps"])})

    world = World(swapped)
    world.taps(2)
    assert await world.phone.flush(patience=1) is False
    assert world.phone.waiting == 2


async def test_a_result_without_id_belongs_to_the_item_in_its_place():
    world = World(Answer(200, {"results": [{"id": None, "verdict": "refused", "code": "malformed"}]}))
    (tap,) = world.taps(1)
    assert await world.phone.flush() is True
    assert world.phone.verdicts == {tap: Verdict("refused", "malformed")}


async def test_a_batch_sent_twice_is_the_same_batch():
    world = World(habits=Habits(1000, double_sends=1.0))
    ids = world.taps(2)
    assert await world.phone.flush() is True
    assert world.sizes() == [2, 2]
    assert world.sent[0] == world.sent[1]
    assert (set(world.phone.verdicts), world.phone.contradictions) == (set(ids), [])


async def test_a_service_that_changes_its_word_is_found_out():
    world = World(everything, refused, habits=Habits(1000, double_sends=1.0))
    ids = world.taps(2)
    assert await world.phone.flush() is True
    assert world.phone.contradictions == ids


async def test_a_lost_answer_means_sending_again():
    world = World(habits=Habits(1000, lost_answers=0.5))
    ids = world.taps(1)
    for _ in range(20):
        assert await world.phone.flush() is True
        world.taps(1)
    assert 20 < len(world.sent) < 80
    assert ids[0] in world.phone.verdicts


async def test_reports_go_their_own_way_and_may_be_first():
    for first in (False, True):
        world = World(habits=Habits(1000, reports_first=first))
        (tap,) = world.taps(1)
        world.phone.write("report", world.handset.report(NOON, tap, "performed", []))
        assert world.phone.waiting == 2
        assert await world.phone.flush() is True
        paths = [path for path, _ in world.sent]
        assert paths == (["/v1/reports", "/v1/taps"] if first else ["/v1/taps", "/v1/reports"])
        assert world.sent[paths.index("/v1/reports")][1].keys() == {"reports"}


async def test_acknowledged_taps_can_be_sent_again_for_35_days():
    world = World()
    world.taps(2)
    await world.phone.flush()
    world.now += timedelta(days=34)
    world.taps(1)
    await world.phone.flush()
    assert world.phone.send_again(NOON) == 3
    assert await world.phone.flush() is True
    world.now += timedelta(days=34)
    world.taps(1)
    await world.phone.flush()
    assert world.phone.send_again(NOON) == 2
    await world.phone.flush()
    world.now += timedelta(days=36)
    world.taps(1)
    await world.phone.flush()
    assert world.phone.send_again(NOON) == 1


async def test_the_queue_over_real_http(clerk):
    times = iter(range(100))

    def answer(asked):
        match next(times):
            case 0:
                return 503, {"code": "busy"}, {"Retry-After": "2"}
            case 1:
                return 413, {"code": "too_many_items"}
            case _:
                return 200, {
                    "results": [{"id": one["id"], "verdict": "accepted", "code": None} for one in asked.body["taps"]]
                }

    clerk.answer = answer
    world = World()
    async with Wire(clerk.base_url) as wire:
        phone = Phone(
            world.handset,
            lambda path, body: wire.send("POST", path, token="t-1", body=body),
            random.Random(1),
            now=lambda: NOON,
            sleep=world.sleep,
        )
        for number in range(6):
            phone.write("tap", world.handset.tap(NOON - timedelta(minutes=number), "in", {"uid": "04"}))
        assert await phone.flush() is True
    assert [len(one.body["taps"]) for one in clerk.asked] == [6, 6, 3, 3]
    assert {one.token for one in clerk.asked} == {"t-1"}
    assert 2.0 <= world.slept[0] <= 2.5


async def test_a_dead_net_is_an_answer_without_status(clerk):
    async with Wire("http://127.0.0.1:9") as wire:
        assert (await wire.send("GET", "/v1/visits", token="t")).status == 0
    clerk.answer = lambda _: (200, {"items": [1, 2], "next": None})
    async with Wire(clerk.base_url) as wire:
        assert (await wire.send("GET", "/v1/visits", token="t", query={"limit": 2})).body["items"] == [1, 2]
    assert clerk.asked[0].path == "/v1/visits?limit=2"


async def test_a_list_is_read_along_its_cursor(clerk):
    pages = {"/v1/visits?limit=2": ([1, 2], "c1"), "/v1/visits?limit=2&cursor=c1": ([3], None)}

    def answer(asked):
        items, following = pages[asked.path]
        return 200, {"items": items, "next": following}

    clerk.answer = answer
    async with Wire(clerk.base_url) as wire:
        assert [one async for one in wire.items("/v1/visits", token="t", query={"limit": 2})] == [1, 2, 3]
