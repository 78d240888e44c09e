import datetime as dt, pytest
import test_simulated_day as t
@pytest.mark.parametrize("seed", [1,2,3,4,5,6])
async def test_seed(empty_home, seed, monkeypatch):
    monkeypatch.setattr(t, "SEED", seed)
    await t.test_yesterday_in_the_district_is_what_the_service_tells(empty_home)
