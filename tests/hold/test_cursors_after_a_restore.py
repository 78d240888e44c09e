"""A cursor outlives a restore: what it counts to are then other changes, and whoever goes on from it skips them."""

from service import day

from app.store.server.backup import begin_epoch

H1 = "H-1"


async def _changes(service, after, expect=200):
    return (await service.ask("GET", "/v1/changes", role="system", expect=expect, params={"after": after})).json()


async def test_a_cursor_of_before_a_restore_is_refused_and_says_how_to_begin_again(home, database_url):
    await home.tap("S-1", H1, "in", day(-1, "08:00"))
    first = await _changes(home, "0")
    assert len(first["items"]) == 1
    assert (await _changes(home, first["next"])) == {"items": [], "next": first["next"]}

    await begin_epoch(database_url)
    refused = await _changes(home, first["next"], expect=410)
    assert refused["code"] == "cursor_of_another_epoch"
    assert "after=0" in refused["detail"]
    anew = await _changes(home, "0")
    assert anew["items"] == first["items"]
    assert anew["next"] != first["next"]


async def test_what_is_no_cursor_is_told_from_one_of_another_epoch(service):
    assert (await _changes(service, "0"))["items"] == []
    for wrong in ("-1", "x", "00", "abc.1", "1.5"):
        assert (await _changes(service, wrong, expect=422))["code"] == "invalid_cursor"
    assert (await _changes(service, "7", expect=410))["code"] == "cursor_of_another_epoch"


async def test_a_cursor_beyond_the_last_change_is_of_a_database_that_had_more(home):
    """A restore of which nobody told begins no epoch; what comes next would be skipped without a word."""
    await home.tap("S-1", H1, "in", day(-1, "08:00"))
    reached = (await _changes(home, "0"))["next"]
    epoch, _, last = reached.partition(".")
    assert (await _changes(home, f"{epoch}.{int(last) + 1}", expect=410))["code"] == "cursor_of_another_epoch"
    assert (await _changes(home, reached))["next"] == reached
