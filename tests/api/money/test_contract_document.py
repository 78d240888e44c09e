"""The compensation document of a contract: kept as it was said, and refused with a pointer to what is wrong."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.api.http.json_bodies import refused
from app.api.money.contract_document import (
    EXAMPLE_DOCUMENT,
    CapsBody,
    CompensationDocument,
    RoundingBody,
    RuleBody,
    as_said,
)
from app.domain.money.document import terms_of
from app.domain.money.presets import PRESETS

RULE = {"ref": "r", "basis": "executed", "categories": ["CARE"], "rates": [{"ore": 39400}]}
CONTRACT = {"provider": "P-norr", "valid_from": "2026-01-01"}
NIGHT = {"band": "night", "times": [{"from": "22:00", "to": "07:00"}]}
BONUS = {"title": "b", "ore": 1000, "from": "2026-01-01", "to": "2026-04-30", "paid_in": "2026-05"}
YULE = {"holiday": "christmas_eve", "until_holiday": "boxing_day", "from": "18:00", "to": "07:00"}


def band(time):
    return {"bands": [{"band": "n", "times": [time]}]}


def read(document):
    return CompensationDocument.model_validate_json(json.dumps(document))


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_valid_document(name):
    told = as_said(read(PRESETS[name]))
    assert terms_of(told) == terms_of(PRESETS[name]) == terms_of({"preset": name})


def test_the_example_is_valid():
    assert as_said(read(EXAMPLE_DOCUMENT)) == EXAMPLE_DOCUMENT


async def test_it_is_kept_as_it_was_said_and_the_same_again_is_no_new_version(service):
    await service.put("providers", "P-norr", {"name": "P", "form": "external"})
    told = {"preset": "norrtalje-2020", "rates": {"care": [{"ore": 41000}]}, "vat_compensation": {"percent": "2.5"}}
    for version in (1, 1):
        stored = await service.put("contracts", "K-1", CONTRACT | {"compensation": told})
        assert (stored["compensation"], stored["version"]) == (told, version)
    number = CONTRACT | {"compensation": told | {"vat_compensation": {"percent": 2.5}}}
    assert (await service.put("contracts", "K-1", number))["version"] == 1
    assert (await service.put("contracts", "K-1", CONTRACT))["compensation"] == {}


@pytest.mark.parametrize(
    ("document", "pointer", "code"),
    [
        ({"preset": "norrtalje-1999"}, "/preset", "invalid_value"),
        ({"rule": []}, "", "unknown_field"),
        ({"rules": [RULE | {"basis": "guessed"}]}, "/rules/0/basis", "invalid_value"),
        ({"rules": [RULE | {"rates": []}]}, "/rules/0/rates", "wrong_length"),
        ({"rules": [RULE | {"rates": [{"ore": 394.5}]}]}, "/rules/0/rates/0/ore", "wrong_type"),
        ({"rules": [RULE | {"rates": [{"ore": -1}]}]}, "/rules/0/rates/0/ore", "out_of_range"),
        ({"rules": [RULE | {"rates": [{"ore": 1, "area": "SUBURB"}]}]}, "/rules/0/rates/0/area", "invalid_value"),
        ({"rules": [RULE | {"categories": ["care"]}]}, "/rules/0/categories/0", "invalid_value"),
        ({"rules": [{"ref": "r", "basis": "granted", "categories": ["CARE"]}]}, "/rules/0/rates", "missing_field"),
        ({"rules": [RULE, RULE]}, "", "invalid_value"),
        ({"rules": [RULE | {"bands": ["night"]}]}, "", "invalid_value"),
        ({"rules": [RULE | {"rates": [{"ore": 1, "band": "night"}]}], "bands": []}, "", "invalid_value"),
        ({"bands": [NIGHT, NIGHT]}, "", "invalid_value"),
        (band({"from": "24:00", "to": "07:00"}), "/bands/0/times/0/from", "wrong_format"),
        (band(YULE | {"holiday": "yule"}), "/bands/0/times/0/holiday", "invalid_value"),
        (band(YULE | {"weekdays": [1]}), "/bands/0/times/0", "unknown_field"),
        (band(YULE | {"until_holiday": None}), "/bands/0/times/0", "missing_field"),
        ({"rules": [RULE | {"basis": "per_visit", "caps": {"visit_minutes": 5}}]}, "/rules/0", "invalid_value"),
        ({"rules": [RULE | {"basis": "granted", "flat_minutes": {"inköp": 5}}]}, "/rules/0", "invalid_value"),
        ({"rules": [RULE | {"by_days": True}]}, "/rules/0", "invalid_value"),
        ({"rules": [RULE | {"basis": "per_month", "absence": {"days": [{"first": 1, "last": 2, "percent": 1}]}}]},
         "/rules/0", "invalid_value"),
        ({"rules": [RULE | {"absence": {"days": [{"first": 3, "last": 2, "percent": 1}]}}]},
         "/rules/0/absence/days/0", "out_of_range"),
        ({"rules": [RULE | {"valid_from": "2026-02-01", "valid_to": "2026-01-01"}]}, "/rules/0", "out_of_range"),
        ({"rules": [RULE | {"threshold": {"percent": 80}}]}, "/rules/0/threshold/pay_percent", "missing_field"),
        ({"rules": [RULE | {"declined": [{"how": ["asleep"], "percent": 1}]}]},
         "/rules/0/declined/0/how/0", "invalid_value"),
        ({"rates": {"r": [{"ore": 1}]}}, "", "invalid_value"),
        ({"preset": "executed", "rates": {"r": [{"ore": 1}]}}, "", "invalid_value"),
        ({"bonuses": [BONUS | {"paid_in": "2026-03"}]}, "/bonuses/0", "out_of_range"),
        ({"bonuses": [BONUS | {"from": "2024-01-01"}]}, "/bonuses/0", "out_of_range"),
        ({"index": [{"from": "2026-01-01", "factor": 0}]}, "/index/0/factor", "out_of_range"),
        ({"rules": [RULE], "index": [{"from": "2026-01-01", "factor": 1, "rules": ["s"]}]}, "", "invalid_value"),
        ({"vat_compensation": {"percent": "two"}}, "/vat_compensation/percent", "wrong_format"),
    ],
)  # fmt: skip
def test_a_fault_is_pointed_at(document, pointer, code):
    with pytest.raises(ValidationError) as caught:
        read(document)
    assert [(error.pointer, error.code) for error in refused(caught.value).errors] == [(pointer, code)]


async def test_over_http_the_pointer_begins_at_the_contract(service):
    body = CONTRACT | {"compensation": {"rules": [RULE | {"basis": "guessed"}]}}
    answer = await service.ask("PUT", "/v1/contracts/K-1", body, role="system", expect=422)
    [error] = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == ("/compensation/rules/0/basis", "invalid_value")


async def test_the_schema_is_published(service):
    schemas = (await service.ask("GET", "/openapi.json", role=None)).json()["components"]["schemas"]
    assert set(schemas["CompensationDocument"]["properties"]) == set(CompensationDocument.model_fields)
    assert "norrtalje-2020" in json.dumps(schemas["CompensationDocument"])
    for name in ("RuleBody", "BandTimes", "AbsenceBody", "DeclinedBody", "BonusBody"):
        assert schemas[name]["description"]


def test_the_reader_is_strict():
    with pytest.raises(ValidationError):
        read({"rules": [RULE | {"ref": "Not A Name"}]})


def test_the_document_is_told_of_in_the_docs():
    told = (Path(__file__).parents[3] / "docs/compensation.md").read_text()
    assert {name for name in PRESETS if f"**`{name}`.**" not in told} == set()
    fields = {name for model in (RuleBody, CapsBody, RoundingBody) for name in model.model_fields}
    assert {name for name in fields - {"ref", "title", "categories", "per", "mode"} if f"`{name}`" not in told} == set()
