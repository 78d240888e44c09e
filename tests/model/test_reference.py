"""The service against the reference model: hundreds of made-up days, compared after every step."""

import datetime as dt

import pytest
from driver import Town
import os
from hypothesis import Phase, HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from machine import LATE_BEFORE, Days, settle

PARTS = 4
EXAMPLES = 200
STEPS = int(os.environ.get("STEPS", 50))
DEV = tuple(Phase) if os.environ.get("SHRINK") else (Phase.generate,)
EXAMPLES = int(os.environ.get("EX", EXAMPLES))


@pytest.fixture
def town(database_url):
    """The service with the municipality every example begins with."""
    late_days = (dt.datetime.now(dt.UTC).date() - LATE_BEFORE).days
    with Town(database_url, late_days) as served:
        settle(served)
        yield served


@pytest.mark.parametrize("part", range(PARTS))
def test_the_service_and_the_reference_model_agree(town, part):
    machine = seed(part)(type("Days", (Days,), {"town": town}))
    chosen = settings(
        max_examples=EXAMPLES // PARTS,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=DEV,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=chosen)
