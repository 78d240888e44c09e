"""What the documents name is there: paths, links, identifiers of the domain, and the rooms as the imports have them."""

import ast
import re
import subprocess
from pathlib import Path

import pytest
import rooms

ROOT = Path(__file__).parents[2]
LISTED = subprocess.run(
    ["git", "-c", "safe.directory=*", "ls-files", "-z", "*.md"], cwd=ROOT, capture_output=True, check=True
)
DOCUMENTS = [name for name in LISTED.stdout.decode().split("\0") if name]
GLOSSARY = (ROOT / "app/domain/README.md").read_text()
MADE = {"build", ".venv", ".taggad"}
"""What is not in a clone."""
SUFFIXES = {".py", ".md", ".toml", ".yaml", ".typ"}


def _is_path(word):
    """Whether a word is meant as a path of ours: its first part is a directory, or it is a file's name."""
    first, slash, _ = word.partition("/")
    if slash:
        return first not in MADE and any((base / first).is_dir() for base in (ROOT, ROOT / "app"))
    return Path(word).suffix in SUFFIXES


def _named(text):
    """The paths that a document names, in code and in drawings, each without what follows a colon."""
    for code in re.findall(r"```.*?```|`[^`\n]+`", text, flags=re.DOTALL):
        yield from filter(_is_path, re.findall(r"(?<![\w/.:<>*$-])[\w][\w.-]*(?:/[\w.-]*)*(?![\w*<>{=])", code))


def _exists(document, name):
    """A path is told from the root, from `app` as modules are, or from the document's own directory."""
    bases = (ROOT, ROOT / "app", (ROOT / document).parent)
    return any((base / f"{name}{end}").exists() for base in bases for end in ("", ".py"))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_named_in_a_document_exists(document):
    text = (ROOT / document).read_text()
    assert [name for name in _named(text) if not _exists(document, name)] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_to_a_file_leads_to_one(document):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (ROOT / document).read_text())
    assert [link for link in links if not ((ROOT / document).parent / link).exists()] == []


def test_paths_are_found_where_they_stand():
    assert len(DOCUMENTS) > 10
    assert list(_named("`app/main.py`, `text/csv`, `no/path`, `store/rows.py`\n```\ngo ──▶ api/taps ▶ x\n```")) == [
        "app/main.py",
        "store/rows.py",
        "api/taps",
    ]
    assert not _exists("README.md", "app/no_such_room")


def test_the_rooms_are_drawn_as_the_imports_are():
    assert rooms.DRAWING.search(rooms.DRAWN_IN.read_text())[0] == rooms.draw(), "run tests/house/rooms.py"


def _identifiers(package):
    """Every name and text in the code of a package, and its modules."""
    found = set()
    for path in (ROOT / package).rglob("*.py"):
        found.add(path.stem)
        for node in ast.walk(ast.parse(path.read_text())):
            told = (getattr(node, name, None) for name in ("id", "attr", "name", "arg", "value"))
            found |= {word for word in told if isinstance(word, str)}
    return found


@pytest.mark.parametrize(
    ("heading", "package", "least"),
    [("Words", "app/domain", 60), ("Nouns of other floors", "app", 5), ("Verbs", "app", 30)],
)
def test_the_words_of_the_domain_are_those_of_the_code(heading, package, least):
    section = re.search(rf"^## {heading}\n(.*?)^## ", GLOSSARY, re.MULTILINE | re.DOTALL)[1]
    cells = re.findall(r"^\| [^|]+ \| ([^|]+) \| [^|]+ \|$", section, re.MULTILINE)
    told = {word for cell in cells for code in re.findall(r"`([^`]+)`", cell) for word in re.findall(r"\w+", code)}
    assert len(told) >= least
    assert told - _identifiers(package) == set()


def test_the_steps_drawn_of_the_domain_are_functions_of_its_modules():
    drawn = re.findall(r"\b(\w+)\.(\w+)\b", "".join(re.findall(r"^```\n.*?^```", GLOSSARY, re.MULTILINE | re.DOTALL)))
    assert len(drawn) >= 5
    for module, function in drawn:
        [path] = (ROOT / "app/domain").rglob(f"{module}.py")
        assert f"\ndef {function}(" in path.read_text(), f"{module}.{function}"


def test_the_fixtures_told_of_are_where_they_are_said_to_be():
    rows = re.findall(r"^\| (`\w+`[^|]*) \| `([^`]+)` \|", (ROOT / "tests/README.md").read_text(), re.MULTILINE)
    told = [(name, path) for names, path in rows for name in re.findall(r"\w+", names)]
    assert len(told) > 8
    assert [
        one for one in told if f"\ndef {one[0]}(" not in (ROOT / one[1]).read_text().replace("async def", "def")
    ] == []


def test_every_module_of_the_simulator_stands_in_its_room():
    room, told = None, set()
    for row in re.findall(r"^\|([^|]*)\| (`[^|]*`) \|", (ROOT / "firmware_sim/README.md").read_text(), re.MULTILINE):
        room = row[0].strip() or room
        told |= {(room.strip("`"), module) for module in re.findall(r"`(\w+)`", row[1])}
    there = {
        ("beside them" if path.parent.name == "firmware_sim" else path.parent.name, path.stem)
        for path in (ROOT / "firmware_sim").rglob("*.py")
        if not path.stem.startswith("__")
    }
    assert told == there
