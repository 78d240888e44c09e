"""A closed set of words stands once: whoever adds a word adds it for the rules, the API and the database."""

import ast
from collections import defaultdict
from pathlib import Path
from typing import get_args

from processes import ROOT

from app.domain import closed_sets


def literals():
    """Each `Literal` of several words in the program: its node, its words or the names of sets in it, its place."""
    for path in sorted((ROOT / "app").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Literal":
                words = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
                if len(words) > 1:
                    yield frozenset(map(ast.unparse, words)), place(path, node)


def place(path: Path, node):
    return f"{path.relative_to(ROOT)}:{node.lineno}"


def test_no_two_literals_have_the_same_words():
    found = defaultdict(list)
    for words, where in literals():
        found[words].append(where)
    assert len(found) > 30
    assert [places for places in found.values() if len(places) > 1] == []


def test_no_two_literals_have_the_same_name():
    found = defaultdict(list)
    for path in sorted((ROOT / "app").rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("Literal["):
                found[ast.unparse(node.targets[0])].append(place(path, node))
    assert len(found) > 30
    assert [places for places in found.values() if len(places) > 1] == []


def test_no_list_repeats_a_closed_set():
    sets = {frozenset(get_args(one)): name for name, one in vars(closed_sets).items() if len(get_args(one)) > 1}
    assert {"Category", "Role", "Profession", "Status", "Evidence", "Level", "PresenceState"} <= set(sets.values())
    found = []
    for path in sorted((ROOT / "app").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Tuple | ast.List | ast.Set) and path != Path(closed_sets.__file__):
                words = [one.value for one in node.elts if isinstance(one, ast.Constant)]
                if len(words) == len(node.elts) and frozenset(map(str, words)) in sets:
                    found.append(f"{place(path, node)} {sets[frozenset(words)]}")
    assert found == []
