"""The seeded bugs fit the tree as it is, so that the bank can be run at any time; `make faults-bank` runs it."""

import re
import shutil

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
