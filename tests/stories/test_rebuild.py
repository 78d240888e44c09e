"""A rebuild puts right what somebody has meddled with, and says so once."""

import re

import pytest
from postgres import connect
from service import day
from world import H1, H2

from app.actions.check import check
from app.actions.visits import project
from app.actions.visits.rebuild import rebuild
from app.domain.visits.derive_visits import visits_at

KEY = "municipality_id, month, recipient, provider, category, intervention, order_line"
NUMBERS = f"""
SELECT string_agg(attname, ', ') FROM pg_attribute
WHERE attrelid = 'month_sum'::regclass AND attnum > 0 AND attname <> ALL (string_to_array('{KEY}', ', '))
"""


@pytest.fixture(autouse=True, params=["in sets of one", "at once"])
def written(request, monkeypatch):
    if request.param == "in sets of one":
        monkeypatch.setattr(project, "WRITTEN_AT_ONCE", 1)


async def test_meddled_sums_and_visits_are_told_and_put_right(home):
    await home.visit_by("S-1", H1, day(-2, "08:00"), day(-2, "08:30"))
    owner = await connect(home.app.state.database.engine.url.render_as_string(hide_password=False))
    await owner.execute("UPDATE month_sum SET executed_seconds = executed_seconds + 60")
    await owner.execute("UPDATE visit SET payable = false, share_payable = '{f,f}'")
    month = f"{day(-2):%Y-%m-01}"
    await owner.execute(f"INSERT INTO anomaly_count VALUES (188, 'P-norr', 'overlap', 'open', '{month}', 3)")
    lines = [line async for line in rebuild(home.app.state.database, 188)]
    assert [line for line in lines if line.endswith("differed in payable, shares")]
    assert [line for line in lines if line.startswith("sums of") and line.endswith("B-1")]
    assert f"anomalies of {month} P-norr overlap" in lines
    assert [line async for line in rebuild(home.app.state.database, 188)] == []
    await owner.close()


async def test_an_error_while_differences_are_being_written_leaves_everything_as_it_was(home, monkeypatch):
    database = home.app.state.database
    await home.visit_by("S-1", H1, day(-2, "08:00"), day(-2, "08:30"))
    await home.visit_by("S-1", H2, day(-2, "10:00"), day(-2, "10:30"))
    owner = await connect(database.engine.url.render_as_string(hide_password=False))
    await owner.execute("UPDATE visit SET payable = false")
    households = []

    def fails_at_second(presences, *facts):
        if households:
            raise LookupError
        households.append(presences)
        return visits_at(presences, *facts)

    with monkeypatch.context() as patched:
        patched.setattr(project, "visits_at", fails_at_second)
        with pytest.raises(LookupError):
            [line async for line in rebuild(database, 188)]
    told = [line async for line in rebuild(database, 188, dry=True)]
    assert await owner.fetchval("SELECT count(*) FROM visit WHERE payable") == 0
    assert told == [line async for line in rebuild(database, 188)]
    assert len([line for line in told if line.endswith("differed in payable")]) == 2
    assert await check(database, 188) == []
    await owner.close()


@pytest.mark.parametrize("lived", [True, False])
async def test_sums_and_counts_of_months_without_any_facts_are_taken_away(home, lived):
    database = home.app.state.database
    owner = await connect(database.engine.url.render_as_string(hide_password=False))
    if lived:
        await home.visit_by("S-1", H1, day(-2, "08:00"), day(-2, "08:30"))
    columns = await owner.fetchval(NUMBERS)
    await owner.execute(
        f"INSERT INTO month_sum ({KEY}, {columns})"
        f" SELECT 188, '2020-01-01', 'B-1', 'P-norr', 'CARE', '', '', {re.sub('[a-z_]+', '1', columns)}"
    )
    await owner.execute("INSERT INTO anomaly_count VALUES (188, 'P-norr', 'overlap', 'open', '2020-01-01', 3)")
    told = ["sums of 2020-01-01 B-1", "anomalies of 2020-01-01 P-norr overlap"]
    assert [line async for line in rebuild(database, 188, dry=True)] == told
    assert [line async for line in rebuild(database, 188)] == told
    assert await check(database, 188) == []
    await owner.close()
