"""The service against the reference model: hundreds of made-up days, compared after every step."""

import datetime as dt
import os

import pytest
from beginning import LATE_BEFORE, settle
from crowding import MOST
from driver import Town
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.internal.conjecture import engine
from hypothesis.stateful import run_state_machine_as_test
from machine import Days

from app.domain.visits import crowd

SOAK_SEED = os.environ.get("SOAK_SEED")
"""With it, as `make soak` gives it, the days are other ones and ten times as many."""
EXAMPLES = 2000 if SOAK_SEED else 200
PARTS = EXAMPLES // 50  # which the workers share, and which tell how far they have come
STEPS = 50
SHRINKING_SECONDS = 60
"""For a test that fails. A soak shrinks nothing: its seed and the part's number make the same days again."""


@pytest.fixture
def town(database_url, monkeypatch):
    """The service with the municipality every example begins with, where a day is soon full."""
    for whose, taps in MOST.items():
        monkeypatch.setitem(crowd.MOST, whose, taps)
    late_days = (dt.datetime.now(dt.UTC).date() - LATE_BEFORE).days
    with Town(database_url, late_days) as served:
        settle(served)
        yield served


@pytest.mark.parametrize("part", range(PARTS))
def test_the_service_and_the_reference_model_agree(town, part, monkeypatch):
    monkeypatch.setattr(engine, "MAX_SHRINKING_SECONDS", SHRINKING_SECONDS)
    machine = seed(f"{SOAK_SEED}/{part}" if SOAK_SEED else part)(type("TheseDays", (Days,), {"town": town}))
    wanted = EXAMPLES // PARTS
    chosen = settings(
        max_examples=wanted,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=(Phase.generate,) if SOAK_SEED else (Phase.generate, Phase.shrink),
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    # Without the least number hypothesis ends some examples early, and those it then makes of them.
    run_state_machine_as_test(machine, settings=chosen, _min_steps=STEPS - 1)
    assert sum(steps >= STEPS for steps in town.lengths) >= wanted
