"""What is refused is kept to see what a phone does wrong: not all of it, and nobody's personal number."""

import asyncio
from base64 import b64encode
from hashlib import blake2b

import pytest
from pydantic_core import to_json
from service import day, serving, tap_item

from app.domain.taps import sender
from app.store.taps.attempts import MOST_KEPT

NUMBERS = ("19811228-9874", "8112289874", "198112289874", "811288-9871")


async def kept(owner):
    return [row["claim"] for row in await owner.fetch("SELECT claim #>> '{}' AS claim FROM attempt")]


async def sent(home, kind, items):
    if kind == "taps":
        return await home.taps("S-1", items)
    answer = await home.ask("POST", "/v1/reports", {"reports": items}, role="staff", staff="S-1", expect=200)
    return answer.json()["results"]


@pytest.mark.parametrize("kind", ["taps", "reports"])
@pytest.mark.parametrize("number", NUMBERS)
async def test_no_personal_number_is_kept_of_what_is_refused(home, owner, kind, number):
    digits = int("".join(filter(str.isdigit, number)))
    await sent(home, kind, [{"id": "x", "note": f"hos {number}"}, {number: True}, digits, [f"\x01{number}"]])
    found = await kept(owner)
    assert len(found) == 4
    assert not any(told in claim for claim in found for told in (number, str(digits), number[-4:]))
    assert any("hos …" in claim for claim in found)


async def test_no_personal_number_is_kept_as_a_household_that_nobody_knows(home, owner):
    [result] = await home.taps("S-1", [tap_item("8112289874", "in", day(-1, "08:00"))])
    assert result["code"] in {"unknown_household", "tag_unknown"}
    assert not any("8112289874" in claim for claim in await kept(owner))


@pytest.mark.parametrize("kind", ["taps", "reports"])
async def test_nobody_without_the_key_can_try_what_was_refused(home, owner, database_url, kind):
    """The number is taken out of what is kept; a plain hash of the whole would tell it after some million tries."""
    item = {"note": f"hos {NUMBERS[0]}"}
    await sent(home, kind, [item])
    [known_by] = [row[0] for row in await owner.fetch("SELECT body_hash FROM attempt")]
    assert known_by != blake2b(to_json(item), digest_size=16).digest()
    async with serving(
        str(home.app.state.settings.database_url), lookup_key=b64encode(bytes(range(32))).decode()
    ) as other:
        await sent(other, kind, [item])
    assert len({row[0] for row in await owner.fetch("SELECT body_hash FROM attempt")}) == 2


@pytest.mark.parametrize("kind", ["taps", "reports"])
@pytest.mark.parametrize("before", range(0, 24, 3))
async def test_a_beginning_is_kept_of_a_long_one_and_a_repeat_gets_the_same_answer(home, owner, kind, before):
    item = "å" * ((MOST_KEPT - 24) // 2) + " " * before + "198112289874" + "x" * 1_000_000
    [first] = await sent(home, kind, [item])
    assert (first["code"], first["duplicate"]) == ("malformed", False)
    assert await sent(home, kind, [item]) == [first | {"duplicate": True}]
    [claim] = await kept(owner)
    assert len(claim.encode()) <= MOST_KEPT
    assert "8112289874" not in claim
    # Another one with the same beginning is another one.
    assert await sent(home, kind, [item + "y"]) == [first]


# How much is kept


@pytest.fixture
def few(monkeypatch):
    """Five refused items a day are kept of a sender."""
    monkeypatch.setattr(sender, "MOST_REFUSED", 5)


@pytest.mark.parametrize("kind", ["taps", "reports"])
async def test_so_many_refused_items_of_a_senders_day_are_kept_and_no_more(home, owner, few, kind):
    codes = [one["code"] for one in await sent(home, kind, [{"id": str(n)} for n in range(4)])]
    assert codes == ["malformed"] * 4
    other = "reports" if kind == "taps" else "taps"
    codes = [one["code"] for one in await sent(home, other, [{"id": str(n)} for n in range(3)])]
    assert codes == ["malformed", "too_many_refused", "too_many_refused"]
    again = await sent(home, kind, [{"id": "3"}, {"id": "new"}])
    assert [(one["verdict"], one["code"], one["duplicate"]) for one in again] == [
        ("refused", "malformed", True), ("refused", "too_many_refused", False)
    ]  # fmt: skip
    assert len(await kept(owner)) == 5
    # Nothing else of that sender is touched by it, and nobody else.
    assert (await home.tap("S-1", "H-1", "in", day(-1, "08:00")))["verdict"] == "accepted"
    [result] = await home.taps("S-2", [{"id": "x"}])
    assert result["code"] == "malformed"


async def test_the_next_day_is_another(home, owner, few, monkeypatch):
    await sent(home, "taps", [{"id": str(n)} for n in range(6)])
    await owner.execute("UPDATE attempt_count SET counted_on = counted_on - 1")
    assert [one["code"] for one in await sent(home, "reports", [{"id": "x"}])] == ["malformed"]
    assert [one["code"] for one in await sent(home, "taps", [{"id": "x"}])] == ["malformed"]
    assert len(await kept(owner)) == 7


async def test_what_was_not_kept_is_judged_anew(home, few):
    await sent(home, "taps", [{"id": str(n)} for n in range(5)])
    item = tap_item("H-9", "in", day(-1, "08:00"))
    assert [one["code"] for one in await home.taps("S-1", [item])] == ["too_many_refused"]
    await home.put("recipients", "B-9", {"household": "H-9", "area": "URBAN"})
    assert [one["verdict"] for one in await home.taps("S-1", [item])] == ["accepted"]


async def test_a_report_that_is_set_aside_is_kept_all_the_same(home, owner, few):
    """Whose visit it is told by is not who refused too much, and the attempt is what sets it aside."""
    item = tap_item("H-1", "in", day(-1, "08:00"))
    await home.report("S-2", item["id"])
    for who in ("S-1", "S-2"):
        await home.taps(who, [{"id": str(n)} for n in range(6)])
    await home.taps("S-1", [item])
    codes = await owner.fetch("SELECT code FROM attempt WHERE kind = 'report'")
    assert [row["code"] for row in codes] == ["not_own_presence"]


async def test_a_group_of_submissions_is_counted_together(home, owner, few):
    answers = await asyncio.gather(*(home.taps("S-1", [{"id": f"{n}/{m}"} for m in range(2)]) for n in range(8)))
    codes = [one["code"] for results in answers for one in results]
    assert (codes.count("malformed"), codes.count("too_many_refused")) == (5, 11)
    assert len(await kept(owner)) == 5
