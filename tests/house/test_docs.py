"""The reference tells of every setting, verb and error code, and of none that is not there."""

import re
from pathlib import Path
from typing import get_args

import pytest
import typer

from app.api.http.access import ROLES, SCOPES
from app.api.http.codes import CODES, REPAIRS, meaning_of
from app.api.http.problems import PROBLEMS
from app.cli.main import application
from app.domain.taps import judging, report
from app.domain.visits.repair import TEXTS, Words
from app.domain.visits.split import REASONS
from app.domain.visits.visit import ANOMALIES
from app.settings import PREFIX, VERSION, Settings

ROOT = Path(__file__).parents[2]
REFUSED = {"tap": get_args(judging.TapRefusal), "report": get_args(report.ReportRefusal)}
REFERENCE = (ROOT / "docs/reference.md").read_text()


def _section(title):
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", REFERENCE, flags=re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def _rows(title):
    """The cells of each row of a section's tables, by the first cell."""
    lines = [line for line in _section(title).splitlines() if line.startswith("| `")]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return {row[0].strip("`"): row[1:] for row in rows}


def _verbs(command, path=()):
    """Every verb with its command, groups left out."""
    if not hasattr(command, "commands"):
        return {" ".join(path): command}
    return {verb: leaf for name, one in command.commands.items() for verb, leaf in _verbs(one, (*path, name)).items()}


VERBS = {f"taggad {verb}": command for verb, command in _verbs(typer.main.get_command(application)).items()}


def test_every_setting_is_told_of_and_no_other():
    settings = {PREFIX + name.upper() for name in Settings.model_fields}
    assert _rows("Settings").keys() == settings
    assert set(re.findall(r"TAGGAD_[A-Z_]+", REFERENCE)) <= settings
    assert all(field.description for field in Settings.model_fields.values())


def test_the_defaults_told_are_the_defaults():
    told = _rows("Settings")
    for name in ("late_tap_days", "reminder_minutes", "max_body_bytes", "pool_size"):
        assert told[PREFIX + name.upper()][0] == str(Settings.model_fields[name].default)


def test_every_verb_is_told_of_with_its_options():
    told = _rows("Command line")
    assert told.keys() == VERBS.keys()
    for verb, command in VERBS.items():
        options = {name for one in command.params for name in one.opts if name.startswith("--")}
        assert set(re.findall(r"--[a-z][a-z-]*", told[verb][0])) == options, verb
        arguments = [one.name.upper() for one in command.params if one.param_type_name == "argument"]
        assert re.findall(r"\b[A-Z]{4,}\b", told[verb][0].replace("YYYY", "")) == arguments, verb
        assert command.help, verb


def test_every_error_code_is_told_of_as_the_table_has_it():
    told = _rows("Error codes")
    wanted = {code: [str(kind.status), kind.title_en, kind.title_sv, kind.text_en] for code, kind in PROBLEMS.items()}
    assert told == wanted


def test_every_other_code_is_told_of_as_the_table_has_it():
    told = _rows("Verdicts and anomalies")
    wanted = {
        code: [_told_as(code), *_titles(code), meaning_of(code).text.en] for code in CODES if code not in PROBLEMS
    }
    both = {code: ["fix", *_titles(code), REPAIRS[code].en] for code in ANOMALIES.keys() & PROBLEMS.keys()}
    assert told == wanted | both


def _titles(code):
    title = Words(*(text.removesuffix(".") for text in TEXTS[code])) if code in ANOMALIES else meaning_of(code).title
    return [title.en, title.sv]


def _told_as(code):
    """A reminder, a refusal of what, or how grave an anomaly it is."""
    refused = [name for name, codes in REFUSED.items() if code in codes]
    return meaning_of(code).severity or (f"refused {' or '.join(refused)}" if refused else "reminder")


def test_every_reason_of_a_share_is_told_of():
    assert {reason: text for reason, (text,) in _rows("Reasons").items()} == REASONS


@pytest.mark.parametrize("role", ROLES)
def test_every_role_is_told_of(role):
    assert f"`{role}`" in _section("Command line")


def test_every_scope_is_told_of():
    assert {scope: text for scope, (text,) in _rows("Scopes").items()} == SCOPES


def test_the_version_is_the_projects():
    assert f'version = "{VERSION}"' in (ROOT / "pyproject.toml").read_text()
