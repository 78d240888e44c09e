"""The bank of seeded bugs: each is put into a copy of the tree, and the experiment that it names must find it.

`python tests/faults/bank.py [NUMBER …]` prints a row for each: the bug, what found it, after how many seconds.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from processes import ROOT

HERE = Path(__file__).parent
BUGS = sorted((HERE / "bugs").glob("*.patch"))
SEEDS = 3
"""Chance decides where a fault strikes: a bug that one seed does not meet is looked for with the next."""


class Bug(NamedTuple):
    """A patch, and by its head line the experiment and the check that find it."""

    path: Path
    experiment: str
    check: str
    says: str


def bug_of(path):
    """Reads a patch's head."""
    head, says = path.read_text().splitlines()[:2]
    found = re.fullmatch(r"Found-by: (\w+) (\w+)", head)
    return Bug(path, *found.groups(), says)


def apply(path, tree):
    """Put a bug into a tree that is no repository; says why it cannot be. Lines may have moved, not changed."""
    alone = os.environ | {"GIT_CEILING_DIRECTORIES": str(tree.parent)}
    done = subprocess.run(["git", "apply", path], cwd=tree, env=alone, capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""


def _find(bug, seed):
    """What the experiment finds where the bug is."""
    with tempfile.TemporaryDirectory(prefix="taggad-bug-") as directory:
        tree = Path(directory)
        for name in ("app", "migrations"):
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        fault = apply(bug.path, tree)
        if fault:
            raise SystemExit(f"{bug.path.name} does not apply\n{fault}")
        done = subprocess.run(
            [sys.executable, HERE / "run.py", "--only", bug.experiment, "--seed", str(seed), "--tree", tree],
            capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip
    found = re.findall(r"^FOUND (.*)", done.stdout, flags=re.MULTILINE)
    return found or ([] if done.returncode == 0 else [f"broken: {(done.stderr or done.stdout)[-1500:]}"])


def main(numbers):
    missed = 0
    print("| bug | found by | s |\n|---|---|---|", flush=True)
    for bug in map(bug_of, BUGS):
        if numbers and bug.path.name[:2] not in numbers:
            continue
        began = time.monotonic()
        for seed in range(1, SEEDS + 1):
            found = _find(bug, seed)
            right = [line for line in found if line.startswith(f"{bug.check}:")]
            if right:
                break
        seconds = time.monotonic() - began
        missed += not right
        by = f"{bug.experiment}: `{bug.check}`" if right else f"NOT FOUND: {found}"
        print(f"| {bug.path.stem}: {bug.says} | {by} | {seconds:.0f} |", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
