"""`python -m bench.compiled`: the same source as a wheel whose rules are compiled, and what that gains.

`wheel` builds it by mypyc, beside a tree of the project in `build/compiled` that holds what was compiled, so that the
tests can be run there. `time` tells what the pairing of taps and the derivation of visits cost in both.
"""

import argparse
import datetime as dt
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from uuid import UUID

from app.domain.register.intervention import Intervention
from app.domain.register.master import MasterData
from app.domain.register.order import Order, OrderLine
from app.domain.register.recipient import Recipient
from app.domain.register.staff import Staff
from app.domain.time import FIRST_DAY
from app.domain.visits import pairing
from app.domain.visits.derive_visits import visits_at
from app.domain.visits.pairing import own_spans, pair
from app.domain.visits.presence import Presence, Tap

ROOT = Path(__file__).parents[1]
TREE = ROOT / "build" / "compiled"
COMPILED = ("app/domain/register", "app/domain/taps", "app/domain/visits", "app/domain/time.py")
"""What is compiled: all that a tap goes through. Not money: a whole number that is declared as a float becomes one."""
PURE = ("__init__.py", "presence.py")
"""What is not: compiled named tuples lose their annotations, by which presences are read from JSON."""
SETUP = """
from pathlib import Path
from mypyc.build import mypycify
from setuptools import setup

found = [one for name in {names} for one in ([Path(name)] if name.endswith(".py") else Path(name).glob("*.py"))]
setup(ext_modules=mypycify(sorted(str(one) for one in found if one.name not in {pure}), opt_level="3"))
"""
WHEELS = "taggad-*-linux_*.whl"
STAFF, VISITS_A_DAY, ROUNDS = 200, 10, 7
DAY = dt.datetime(2026, 3, 2, 6, tzinfo=dt.UTC)


def build() -> None:
    """The wheel, in `build`; the tree, with its compiled modules, as git sees the project."""
    shutil.rmtree(TREE, ignore_errors=True)
    for old in (ROOT / "build").glob(WHEELS):
        old.unlink()
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (TREE / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, TREE / name)
    setup = TREE / "setup.py"
    setup.write_text(SETUP.format(names=COMPILED, pure=PURE), encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", ROOT / "build", TREE], check=True)
    setup.unlink()
    shutil.rmtree(TREE / "build", ignore_errors=True)
    [wheel] = (ROOT / "build").glob(WHEELS)
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(TREE, [name for name in packed.namelist() if name.endswith(".so")])
    # Tests ask git what belongs to the project.
    subprocess.run(["git", "init", "--quiet"], cwd=TREE, check=True)
    with (TREE / ".git" / "info" / "exclude").open("a", encoding="utf-8") as excluded:
        excluded.write("*.so\n")
    subprocess.run(["git", "add", "--all"], cwd=TREE, check=True)
    print(f"{wheel.relative_to(ROOT)}, and its tree in {TREE.relative_to(ROOT)}")


def _master() -> MasterData:
    master = MasterData()
    for ref, category in (("morgon", "CARE"), ("stad", "SERVICE"), ("lakemedel", "DELEGATED_HSL")):
        master.put_intervention(Intervention(ref, FIRST_DAY, category, 20))  # type: ignore[arg-type]
    master.providers.add("P-1")
    for number in range(STAFF):
        master.put_staff(Staff(f"S-{number}", FIRST_DAY, None, f"S-{number}", "P-1", "care_assistant", ()))
    for number in range(STAFF * VISITS_A_DAY):
        ref = f"B-{number}"
        master.put_recipient(Recipient(ref, FIRST_DAY, ref, "URBAN"))
        lines = tuple(OrderLine(str(at), one, 20, 1, 1, "d", 1) for at, one in enumerate(("morgon", "stad")))
        master.put_order(Order(f"O-{number}", ref, "P-1", FIRST_DAY, None, lines))
    return master


def _taps() -> dict[str, list[Tap]]:
    """A day of everybody: visits of 20 minutes, every half hour."""
    found: dict[str, list[Tap]] = {}
    for number in range(STAFF):
        own = found.setdefault(f"S-{number}", [])
        for turn in range(VISITS_A_DAY):
            home, begin = f"B-{number * VISITS_A_DAY + turn}", DAY + dt.timedelta(minutes=30 * turn)
            ids = UUID(int=(number << 16) + 2 * turn), UUID(int=(number << 16) + 2 * turn + 1)
            own.append(Tap(ids[0], f"S-{number}", home, "in", begin))
            own.append(Tap(ids[1], f"S-{number}", home, "out", begin + dt.timedelta(minutes=20)))
    return found


def _microseconds() -> float:
    """CPU of one visit, from its taps."""
    master, taps, taken = _master(), _taps(), []
    for _ in range(ROUNDS):
        began = time.process_time()
        homes: defaultdict[str, list[Presence]] = defaultdict(list)
        for person, own in taps.items():
            for presence in own_spans(pair(person, (), own, DAY + dt.timedelta(days=1))):
                homes[presence.household].append(presence)
        visits = [visit for there in homes.values() for visit in visits_at(there, {}, master)]
        taken.append((time.process_time() - began) / len(visits) * 1e6)
        assert len(visits) == STAFF * VISITS_A_DAY
    return median(taken)


def compare(trees: Iterable[Path]) -> None:
    """The same in each tree, by turns."""
    for tree in (*trees, *trees):
        words = [sys.executable, "-m", "bench.compiled", "here"]
        subprocess.run(words, cwd=tree, env={**os.environ, "PYTHONPATH": str(tree)}, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.compiled", description=__doc__)
    parser.add_argument("what", choices=("wheel", "time", "here"), help="`here`: the time in this tree alone")
    what = parser.parse_args().what
    if what == "wheel":
        build()
    elif what == "time":
        compare([ROOT, TREE])
    else:
        kind = "compiled" if pairing.__file__.endswith(".so") else "pure"
        print(f"{kind:<10}{_microseconds():.1f} µs a visit", flush=True)


if __name__ == "__main__":
    main()
