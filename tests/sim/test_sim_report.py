"""A small campaign against the service: attacks become what the oracle foretold, and honest people pass."""

from datetime import date, timedelta
from types import SimpleNamespace

import pytest

from app.store.clock import Clock
from firmware_sim.campaign.adversary import every_scheme
from firmware_sim.campaign.campaign import plan
from firmware_sim.campaign.measure import Hands, figures, play, printed
from firmware_sim.campaign.oracle import foretell
from firmware_sim.people.live import enrol_all, put_world
from firmware_sim.people.world import build_world
from firmware_sim.wire import Wire

DAYS = (date(2026, 10, 20), date(2026, 10, 21))
SEED = 7


@pytest.fixture(scope="module")
def campaign():
    world = build_world(SEED, DAYS[-1], recipients=40, staff=20, sun_share=1.0)
    return plan(world, DAYS, every_scheme(3), SEED)


async def test_the_adversary_is_seen_where_it_can_be_and_honest_people_are_left_alone(service, campaign):
    hands = Hands(campaign.taps[0].sent_at - timedelta(days=1))
    service.app.state.clock = SimpleNamespace(now=Clock().now, received=lambda: hands.now)
    expected = foretell(campaign)
    async with Wire(service.url) as wire:
        await put_world(wire, service.token("system"), campaign.world, admin_token=service.token("admin"))
        devices = await enrol_all(wire, service.token("admin"), campaign.world)
        outcome = await play(wire, devices, service.token("admin"), campaign, hands)
    assert outcome.heard.keys() == {one.id for one in campaign.taps}
    assert outcome.contradictions == []
    assert outcome.reports == {"accepted": len(campaign.reports)}
    assert len(campaign.reports) > 50
    shown = figures(outcome, expected)
    assert shown.surprises == (), printed(shown)
    assert shown.foretold > 300
    rows = {row.attack: row for row in shown.rows}
    for attack in ("replay", "clone", "forged", "stale"):
        assert (attack, rows[attack].refused, rows[attack].precision) == (attack, rows[attack].taps, 1.0)
    exposed = sum(expected[one.id] == ("disputed", "harvested") for one in campaign.taps if one.attack == "harvest")
    assert 0 < exposed <= rows["harvest"].disputed
    assert (rows["back_date"].refused, rows["moved"].caught) == (0, 0)
    assert rows["copied_uid"].caught == rows["copied_uid"].taps
    assert rows["shared_login"].caught == rows["shared_login"].taps
    assert (shown.quiet.harvested, shown.quiet.time_contradiction, shown.quiet.refused, shown.quiet.overlap) == (0,) * 4
    assert shown.bystanders.refused == 0
