"""Every situation of everyday home care has a story test with its number in its name."""

import re
from pathlib import Path

STORIES = Path(__file__).parents[1] / "stories"
SITUATIONS = set(range(1, 41))
OF_CLOSED_PERIODS = {37}
"""What is corrected after its month was closed is told where months are closed: `test_closing.py`."""


def told():
    """The numbers that tests of the stories bear."""
    names = [name for path in sorted(STORIES.glob("test_*.py")) for name in _names(path)]
    return {int(number) for name in names for number in re.findall(r"^test_(\d\d)_", name)}


def _names(path):
    return re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), flags=re.MULTILINE)


def test_each_situation_is_told():
    assert SITUATIONS - OF_CLOSED_PERIODS <= told() <= SITUATIONS


def test_closed_periods_are_told_of_where_months_are_closed():
    assert any("closed_month" in name for name in _names(STORIES / "test_closing.py"))
