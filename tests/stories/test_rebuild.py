"""A rebuild puts right what somebody has meddled with, and says so once."""

from postgres import connect
from service import day
from world import H1

from app.actions.visits.rebuild import rebuild


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
