"""What is refused is kept to see what a phone does wrong: not all of it, and nobody's personal number."""

from base64 import b64encode
from hashlib import blake2b

import pytest
from pydantic_core import to_json
from service import day, serving, tap_item

from app.store.taps import MOST_KEPT

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
