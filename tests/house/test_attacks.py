"""The attacks that are tried by name, counted."""

import importlib
import sys
from pathlib import Path

ATTACKS = Path(__file__).parents[1] / "attacks"


def test_at_least_three_hundred_attacks_are_tried_and_every_table_is_listed():
    sys.path.insert(0, str(ATTACKS))
    files = sorted(path.stem for path in ATTACKS.glob("test_*.py"))
    readme = (ATTACKS / "README.md").read_text()
    assert [name for name in files if f"`{name}.py`" not in readme] == []
    assert sum(len(importlib.import_module(name).TRIED) for name in files) >= 300
