"""Every subject has its room with a README and decisions, and every class a name of its own."""

import ast
import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
FLOORS = ("domain", "store", "actions", "api")
ROOMS = {"register", "taps", "visits", "money", "measures", "ledger", "access"}
BESIDE = {"http", "server"}
"""Rooms that one floor alone has: what all routes share, and the embedded database."""
RETIRED = {
    "ownership": "lock of the data directory",
    "overlay": "corrections near, apply_corrections",
    "telling": "derive",
    "retell": "affected windows",
    "retold": "affected windows",
    "scene": "presence plan",
    "surroundings": "pairing input",
    "told": "derived, reported, shown",
    "touched": "affected",
    "touches": "changed since",
    "vault": "field encryption",
}
"""Words that named more than one thing, or nothing a stranger knows, and what is said instead."""
RELATIVE = re.compile(r"(What|Whether|Whose|Who|How|One that|Those that|Those who|The one that)\b")
DECISION = re.compile(r"^\*\*(\d+)\. ", re.MULTILINE)


def _classes(path):
    return [node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)]


def _identifiers(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def _words(identifier):
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", identifier)}


def test_each_floor_has_rooms_of_the_same_names():
    for floor in FLOORS:
        found = {path.name for path in (ROOT / "app" / floor).iterdir() if path.is_dir() and path.name != "__pycache__"}
        assert found <= ROOMS | BESIDE, floor
        assert found & ROOMS, floor


def test_each_room_has_a_readme_that_says_what_it_owns():
    for room in ROOMS | BESIDE:
        found = [path for floor in FLOORS if (path := ROOT / "app" / floor / room / "README.md").exists()]
        assert len(found) == 1, room
        text = found[0].read_text()
        assert "Owns:" in text, room
        assert "Does not own:" in text, room


def test_each_decision_stands_once_and_the_table_says_where():
    table = (ROOT / "app/README.md").read_text().split("## Decisions", 1)[1]
    listed = {
        (ROOT / "app" / path).resolve(): {int(number) for number in numbers.split(",")}
        for path, numbers in re.findall(r"\]\(([^)]+)\) \| ([\d, ]+) \|", table)
    }
    told = {path: {int(number) for number in DECISION.findall(path.read_text())} for path in listed}
    assert told == listed
    counted = Counter(number for numbers in told.values() for number in numbers)
    assert counted == Counter(range(1, max(counted) + 1))


def test_no_two_classes_have_one_name():
    counted = Counter(name for path in (ROOT / "app").rglob("*.py") for name in _classes(path))
    assert [name for name, times in counted.items() if times > 1] == []


def test_no_docstring_is_a_relative_clause():
    """It says what something is or does, in a sentence that stands by itself."""
    found = [
        (path.name, text)
        for path in (ROOT / "app").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if RELATIVE.match(text := ast.get_docstring(node) or "")
    ]
    assert found == []


def test_no_identifier_holds_a_retired_word():
    found = {
        (path.name, name)
        for path in (ROOT / "app").rglob("*.py")
        for name in _identifiers(path)
        if _words(name) & RETIRED.keys()
    }
    assert found == set()
