"""The seeded bugs fit the tree as it is, so that the bank can be run at any time; `make faults-bank` runs it."""

import re
import shutil
from pathlib import Path

import pytest
from bank import BUGS, apply, bug_of
from ends import CHECKS
from experiments import EXPERIMENTS
from processes import ROOT

BESIDE = {"answers", "check", "ledger", "quiet"}
"""What is told beside the list of checks."""


@pytest.mark.parametrize("path", BUGS, ids=lambda path: path.stem)
def test_a_bug_can_still_be_put_in(path, tmp_path):
    bug = bug_of(path)
    assert bug.experiment in EXPERIMENTS
    assert bug.check in CHECKS.keys() | BESIDE
    touched = re.findall(r"^\+\+\+ b/(.+)$", path.read_text(), flags=re.MULTILINE)
    assert touched
    for name in touched:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    assert apply(path, tmp_path) == ""
    for name in touched:
        compile((tmp_path / name).read_text(), name, "exec")
        assert (tmp_path / name).read_text() != (ROOT / name).read_text()


def test_every_bug_stands_in_the_table_of_the_last_run():
    readme = (Path(__file__).parent / "README.md").read_text()
    rows = re.findall(r"^\| (\d\d-[a-z-]+): (.+?) \| (\w+): `(\w+)` \| \d+ \|$", readme, flags=re.MULTILINE)
    told = [(bug.path.stem, bug.says, bug.experiment, bug.check) for bug in map(bug_of, BUGS)]
    assert rows == told
    assert len(told) >= 15
