"""`make check` has strangers' tools read the API's description, and says so where they are not there."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

LINT = Path(__file__).parents[1] / "lint"


def test_without_node_the_linters_are_left_out_and_it_is_said(tmp_path):
    done = subprocess.run(
        [sys.executable, str(LINT)],
        env=os.environ | {"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert done.stderr == "No node here: the API's description is not linted (Debian: apt-get install npm)\n"


def test_the_linters_are_pinned_with_their_hashes_and_no_host_is_named():
    wanted = json.loads((LINT / "package.json").read_text())["devDependencies"]
    assert all(re.fullmatch(r"[0-9]+(\.[0-9]+){2}", version) for version in wanted.values())
    packages = json.loads((LINT / "package-lock.json").read_text())["packages"]
    assert packages[""]["devDependencies"] == wanted
    assert all(one["integrity"] for name, one in packages.items() if name)
    assert not any("resolved" in one for one in packages.values())


def test_a_rule_that_is_off_has_its_reason_beside_it():
    for name in (".spectral.yaml", "redocly.yaml"):
        off = [line for line in (LINT / name).read_text().splitlines() if re.search(r": [\"\']?off\b", line)]
        assert all(" # " in line for line in off), name
