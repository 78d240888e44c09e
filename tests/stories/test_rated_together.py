"""What the database adds up is what the domain would: a month rated by bundles and visit by visit."""

import datetime as dt
import random
from dataclasses import replace

from service import tap_item
from world import HOMES, TAGS, line, on, order, recipient

from app.domain.money.document import terms_of
from app.domain.money.presets import PRESETS
from app.domain.money.rating import Agreement, rate
from app.domain.register.order import LAST_DAY
from app.domain.time import FIRST_DAY, month_days
from app.store.money.compensation import account_of, facts_of

DAYS = month_days("2026-08")
HELP = ["dusch", "lunch", "tillsyn", "städ", "inköp", "insulin", "larm", "såromläggning"]
MIXED = {
    "preset": "lss-sol-2022",
    "index": [{"from": "2026-08-10", "factor": "1.021"}],
    "bonuses": [{"title": "b", "ore": 1000, "from": "2026-07-01", "to": "2026-08-15", "paid_in": "2026-08"}],
}


async def told(service, chance):
    """Visits of July and August, at any hour, some over midnight, some declined or with something declined."""
    for number in range(60):
        staff, place = chance.choice(["S-1", "S-2", "S-3"]), chance.choice(list(TAGS.values()))
        date = dt.date(2026, chance.choice([7, 8, 8, 8]), chance.randint(1, 31))
        start = on(date.isoformat(), "00:00") + dt.timedelta(seconds=chance.randint(0, 86_399))
        end = start + dt.timedelta(seconds=chance.randint(60, 9000))
        batch = [tap_item(place, "in", start), tap_item(place, "out", end)]
        await service.taps(staff, batch)
        if number % 4:
            outcomes = ["done", "done", "declined"]
            what = [{"intervention": one, "outcome": chance.choice(outcomes)} for one in chance.sample(HELP, 2)]
            outcome = chance.choice(["performed"] * 5 + ["declined", "no_answer"])
            await service.report(staff, batch[0]["id"], what, outcome=outcome, reported_at=end)


async def test_together_in_the_database_is_one_by_one(home_of_old):
    service = home_of_old
    every = [line(str(number), one, 20) for number, one in enumerate(HELP)]
    await service.put("orders", "O-1", order("B-1", *every, pauses=[("2026-08-20", "2026-08-24")]))
    await service.put("orders", "O-2", order("B-2", *every))
    await service.put("recipients", "B-2", recipient("B-2", area="RURAL", valid_from="2026-08-12"))
    # Visited without an order, and moving.
    await service.put("recipients", "B-3", recipient("B-3", area="RURAL", valid_from="2026-08-16"))
    await told(service, random.Random(7))
    lines, bundles = 0, 0
    for document in [*({"preset": name} for name in PRESETS), MIXED]:
        agreements = [Agreement("K-1", (FIRST_DAY, LAST_DAY), terms_of(document))]
        async with service.app.state.database.snapshot(188) as reading:
            account = await account_of(reading, "P-norr", "external")
            together = await facts_of(account, DAYS, agreements)
            alone = await facts_of(replace(account, recipients=list(HOMES)), DAYS, agreements)
        assert rate(together, agreements, DAYS) == rate(alone, agreements, DAYS)
        assert not alone.bundles
        lines += len(rate(alone, agreements, DAYS))
        bundles += len(together.bundles)
    assert min(lines, bundles) > len(PRESETS)
