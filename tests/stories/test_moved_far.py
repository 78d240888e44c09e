"""A start that was corrected to much later: what is tapped in after it is near it, and far from its own tap."""

from service import day
from world import H1, H2

from app.actions.visits.rebuild import rebuild


async def test_a_tap_in_after_a_start_that_was_moved_far_is_taken_up_as_rebuild_would(home):
    await home.tap("S-1", H1, "in", day(-3, "08:00"))
    [visit] = await home.visits()
    moved = await home.correct(visit, "set_start", "forgot_in", started_at=day(-3, "23:00"))
    await home.tap("S-1", H2, "in", day(-2, "09:00"))
    first = await home.visit(moved["id"])
    assert [line async for line in rebuild(home.app.state.database, 188)] == []
    assert await home.visit(moved["id"]) == first
