"""Two processes of the service over one database: what one has changed, the other must not foresee by what it knew."""

import pytest
from service import day, serving
from world import H1, H2

from app.store.visits.foreseen import Foreseen

START, END = day(-1, "08:00"), day(-1, "08:08")
LATER = day(-1, "11:00")


@pytest.fixture
async def other(home):
    """A second process over the database of `home`."""
    url = home.app.state.database.engine.url.render_as_string(hide_password=False)
    async with serving(url) as service:
        yield service


async def test_a_ref_that_became_the_same_person_in_the_other_process_pairs_with_hers(home, other):
    await home.tap("S-1", H2, "in", day(-2, "08:00"))  # `home` now remembers the master data
    await other.tap("S-2", H1, "in", START)
    second = {"provider": "P-norr", "role": "care_assistant", "person": "S-1", "valid_from": "2026-01-01"}
    await other.put("staff", "S-2", second)
    out = await home.tap("S-1", H1, "out", END)
    assert [(one["recipient"], one["status"]) for one in out["visits"]] == [("B-1", "complete")]
    assert [visit["seconds"] for visit in await home.visits(staff="S-2")] == [480]


async def test_a_tag_that_the_other_process_moved_is_read_where_it_hangs(home, other):
    await home.tap("S-1", H1, "in", day(-2, "08:00"))
    await other.mount("T-H-1", "H-2", day(-1, "06:00"))
    tap_in = await home.tap("S-1", H1, "in", LATER)
    assert [one["recipient"] for one in tap_in["visits"]] == ["B-2"]


async def test_what_was_foreseen_with_older_master_data_is_not_used(home, other, monkeypatch):
    asked = []
    holds_for = Foreseen.holds_for
    monkeypatch.setattr(Foreseen, "holds_for", lambda *given: asked.append(holds_for(*given)) or asked[-1])
    await home.tap("S-1", H1, "in", START)
    await home.tap("S-1", H1, "out", END)
    await other.put("recipients", "B-new", {"area": "URBAN"})
    await home.tap("S-1", H2, "in", LATER)
    await home.tap("S-1", H2, "in", LATER)
    assert asked[-3:] == [True, False, True]
