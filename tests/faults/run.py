"""Experiments by hand and for long: `python tests/faults/run.py --seed 7 --minutes 30`, or one by its name."""

import argparse
import asyncio
import secrets
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from experiments import EXPERIMENTS, experiment
from machines import running
from processes import ROOT

FIRST = 1000


def _said():
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--seed", default="")
    told.add_argument("--minutes", type=float, default=0, help="go on for so long; without it each experiment once")
    told.add_argument("--scale", type=float, default=1.0, help="how many times as long each fault lasts")
    told.add_argument("--only", action="append", choices=sorted(EXPERIMENTS))
    told.add_argument("--tree", type=Path, default=ROOT, help="the tree whose servers are tried")
    return told.parse_args()


async def _run(said):
    seed = said.seed or str(secrets.randbelow(10**9))
    ends_at, totals, number, found = time.monotonic() + said.minutes * 60, Counter(), 0, []
    with tempfile.TemporaryDirectory(prefix="taggad-faults-") as directory:
        async with running(Path(directory), said.tree) as rig:
            while not found:
                for name in said.only or EXPERIMENTS:
                    began = time.monotonic()
                    found, counts = await experiment(rig, name, f"{seed}/{number}", FIRST + 2 * number, said.scale)
                    totals += counts
                    number += 1
                    print(f"{name}: seed {seed}, experiment {number}, {time.monotonic() - began:.0f} s", flush=True)
                    if found:
                        break
                if time.monotonic() >= ends_at:
                    break
            if found:
                for server in rig.servers:
                    print(*server.said("unexpected")[:3], sep="\n")
    print(*(f"{count:>9} {what}" for what, count in sorted(totals.items())), sep="\n")
    print(*(f"FOUND {line}" for line in found), sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_run(_said())))
