"""A whole day of a district, lived by the simulator against the service, and every difference accounted for."""

import datetime as dt

from service import STOCKHOLM

from firmware_sim.campaign.compare import compare, compare_verdicts
from firmware_sim.people.day import live_day
from firmware_sim.people.live import enrol_all, put_world, upload
from firmware_sim.people.world import build_world
from firmware_sim.wire import Wire

SEED = 188


async def test_yesterday_in_the_district_is_what_the_service_tells(empty_home):
    service = empty_home
    yesterday = dt.datetime.now(STOCKHOLM).date() - dt.timedelta(days=1)
    world = build_world(SEED, yesterday, recipients=60, staff=25, sun_share=0.7)
    day = live_day(world, yesterday).until(dt.datetime.now(dt.UTC))
    async with Wire(service.url) as wire:
        await put_world(wire, service.token("system"), world, admin_token=service.token("admin"))
        devices = await enrol_all(wire, service.token("admin"), world)
        phones = await upload(devices, day)
    assert [phone.waiting for phone in phones if phone.waiting] == []
    assert [phone.contradictions for phone in phones if phone.contradictions] == []

    verdicts = {item: verdict for phone in phones for item, verdict in phone.verdicts.items()}
    assert verdicts.keys() == {event.item["id"] for event in day.events}
    assert [str(one) for one in compare_verdicts(verdicts, [day.truth])] == []

    visits = await service.visits(limit=500)
    comparison = compare(visits, [day.truth], dt.datetime.now(dt.UTC))
    assert [str(one) for one in comparison.differences] == []
    assert comparison.agreed + len(comparison.accounted) == len(day.truth.presences)
    assert comparison.agreed > len(comparison.accounted) > 0
    assert {"static", "sun_late"} <= {evidence for visit in visits for evidence in visit["evidence"].values()}

    executed = await service.executed("", from_=yesterday, to=yesterday + dt.timedelta(days=1))
    assert sum(row["executed_seconds"] for row in executed) == sum(visit["seconds"] for visit in visits)
