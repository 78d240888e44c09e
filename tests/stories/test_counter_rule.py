"""The counter rule where it is kept: whatever the order, the batches and the servers, and however long the history."""

import asyncio
import datetime as dt
import json
import random
import uuid
from itertools import cycle

import pytest
from plain_rule import Plain
from postgres import connect
from service import serving, tap_item
from world import STAFF, TAGS, ago

from app.actions.taps.record_taps import Submission, record_taps
from app.domain.taps.judging import Claim, Envelope, Message
from app.store.taps import tag_reads

H1 = TAGS["H-1"]
LATE = dt.timedelta(days=36500)


def url_of(home):
    return home.app.state.database.engine.url.render_as_string(hide_password=False)


async def test_one_counter_sent_at_once_has_one_winner(keyed):
    async with serving(url_of(keyed)) as other:
        for _ in range(5):
            message = keyed.chip.read()
            sent = [
                server.taps(staff, [tap_item(message, "auto", ago(seconds=5))])
                for staff, server in zip(STAFF, cycle([keyed, other]), strict=False)
            ]
            codes = sorted(result["code"] or "" for [result] in await asyncio.gather(*sent))
            assert codes == ["", *["counter_replayed"] * (len(STAFF) - 1)]


async def test_a_contradiction_sent_at_once_never_passes_whole(keyed):
    async with serving(url_of(keyed)) as other:
        for day in range(5):
            first, second = keyed.chip.read(), keyed.chip.read()
            began_at = ago(days=5 - day)
            # Read first, and said to have been two hours after what was read second.
            pair = await asyncio.gather(
                keyed.taps("S-1", [tap_item(first, "auto", began_at + dt.timedelta(hours=2))]),
                other.taps("S-2", [tap_item(second, "auto", began_at)]),
            )
            assert sorted(result["code"] or "" for [result] in pair) == ["", "time_contradiction"]


def story(seed):
    """Batches of (counter, claimed, received, staff), in the order in which they arrive."""
    chance = random.Random(seed)
    now = dt.datetime.now(dt.UTC).replace(microsecond=0) - dt.timedelta(days=30)
    for _ in range(12):
        batch = []
        for _ in range(chance.randint(1, 6)):
            now += dt.timedelta(seconds=chance.choice((-20, 0, 1, 20, 61, 3600)))
            age = dt.timedelta(seconds=chance.choice((0, 0, 10, 45, 90, 3000, 50_000)))
            batch.append((chance.randint(1, 30), now - age, now, chance.choice(("S-1", "S-2"))))
        yield batch


@pytest.mark.parametrize("seed", range(6))
async def test_what_is_stored_says_what_every_read_against_every_other_says(keyed, seed):
    plain, database = Plain(), keyed.app.state.database
    for batch in story(seed):
        submissions = []
        for counter, claimed_at, received_at, staff in batch:
            said = keyed.chip.message(counter)
            message = Message("k1", bytes.fromhex(said["e"]), bytes.fromhex(said["c"]))
            claim = Claim(uuid.uuid4(), "auto", claimed_at, message=message)
            submissions.append(Submission(staff, None, Envelope(received_at, received_at), [claim]))
        async with database.write(188) as writing:
            answers = await record_taps(writing, submissions, LATE, str)
        expected = [plain.judge(counter, at, received, staff) for counter, at, received, staff in batch]
        assert [answer.code for [answer] in answers] == expected
    owner = await connect(url_of(keyed))
    rows = await owner.fetch("SELECT counter, low_at, high_at, reached_at FROM tag_read")
    await owner.close()
    assert len(rows) == len(plain.reads) > 10
    for counter, *bounds in rows:
        assert tuple(bounds) == plain.bounds(counter)


async def test_a_counter_costs_three_index_entries_however_long_the_history(keyed):
    owner = await connect(url_of(keyed))
    await owner.execute(
        "INSERT INTO tag_read SELECT 188, 'T-' || tag, 0, n, gen_random_uuid(), 'staff S-1', now(), now(), now()"
        " FROM unnest(ARRAY[10, 20000]) AS tag, generate_series(1, tag) AS n"
    )
    costs = []
    async with keyed.app.state.database.write(188) as writing:
        for tag, size in (("T-10", 10), ("T-20000", 20_000)):
            # Its parameters begin at $2, after the municipality.
            plan = await writing.fetchval(
                f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {tag_reads.near(2)}", [tag], [0], [size // 2]
            )
            nodes = list(_nodes(json.loads(plan)[0]["Plan"]))
            scans = [node for node in nodes if node.get("Relation Name") == "tag_read"]
            assert {node["Node Type"] for node in scans} == {"Index Scan"}
            assert [node.get("Rows Removed by Filter", 0) for node in scans] == [0, 0]
            costs.append([node["Actual Rows"] for node in scans])
    assert costs == [[2, 1], [2, 1]]
    await owner.execute("TRUNCATE tag_read")
    await owner.close()


def _nodes(plan):
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


async def test_taps_of_tags_with_keys_cost_as_many_statements_as_others(keyed):
    sent, told = [], []
    at, now = ago(days=3), ago()
    async with keyed.app.state.database.write(188) as writing:
        # The first batch also makes the connection know its types.
        for size, plain in ((20, False), (2, True), (2, False), (200, False)):
            claims = []
            for n in range(size):
                said = keyed.chip.read()
                message = Message("k1", bytes.fromhex(said["e"]), bytes.fromhex(said["c"]))
                at += dt.timedelta(minutes=4)
                place = {"uid": H1} if plain else {"message": message}
                claims.append(Claim(uuid.uuid4(), "in" if n % 2 == 0 else "out", at, **place))
            with writing._driver.query_logger(lambda record: sent.append(record.query)):
                sent.clear()
                [answers] = await record_taps(writing, [Submission("S-1", None, Envelope(now, now), claims)], LATE, str)
            assert {one.verdict for one in answers} == {"accepted"}
            told.append(list(sent))
    assert told[1] == told[2] == told[3]


async def test_what_was_told_of_a_counter_is_kept_by_the_database_itself(keyed):
    await keyed.tap("S-1", keyed.chip.read(), "in", ago(seconds=5))
    owner = await connect(url_of(keyed))
    for change in (
        "DELETE FROM tag_read",
        "UPDATE tag_read SET counter = 9",
        "UPDATE tag_read SET phone = 'staff S-9'",
    ):
        with pytest.raises(Exception, match="a counter that was told of stays so"):
            await owner.execute(change)
    await owner.close()
