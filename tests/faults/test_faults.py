"""The short run of the harness: each experiment once, by seeds of this run unless `TAGGAD_FAULT_SEED` gives one."""

import os
import secrets

import pytest
from experiments import EXPERIMENTS, experiment
from machines import running

SEED = os.environ.get("TAGGAD_FAULT_SEED") or str(secrets.randbelow(10**9))
FIRST = 1000
ALWAYS = (
    "taps acknowledged",
    "reports acknowledged",
    "corrections acknowledged",
    "visits compared",
    "receipts",
    "hedged",
)
DONE = {
    "kills": ("servers killed", "servers restarted", "backends terminated", "slow disks", "poisonings", "clock jumps"),
    "database": ("postmasters killed", "freezes", "full disks"),
    "closing": ("closes", "öre settled", "backends terminated", "slow sealers"),
    "restore": ("restores",),
}
"""What an experiment must have done to be one."""


@pytest.fixture(scope="module")
async def rig(tmp_path_factory):
    """The machines of all experiments of this worker."""
    async with running(tmp_path_factory.mktemp("faults")) as machines:
        yield machines


@pytest.mark.parametrize("name", EXPERIMENTS)
async def test_whatever_breaks_all_that_was_acknowledged_stands_once(rig, name):
    code = FIRST + 2 * list(EXPERIMENTS).index(name)
    found, counts = await experiment(rig, name, SEED, code)
    said = "\n".join([*found, *(line for server in rig.servers for line in server.said("unexpected")[:3])])
    assert found == [], f"again with TAGGAD_FAULT_SEED={SEED}\n{said}"
    assert [what for what in (*ALWAYS, *DONE[name]) if not counts[what]] == [], dict(counts)
