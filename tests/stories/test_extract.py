"""An extract: everything that is kept of a person and who has read it, as data and as a document to read."""

import pdfua
import pikepdf
import pytest
from pypdf import PdfReader
from service import day

PERSON = {
    "name": "Märta Åkerblom",
    "birth_date": "1938-04-12",
    "personal_number": "193804121238",
    "household": "H-7",
    "area": "RURAL",
    "contacts": {
        "phone": "0176-123 45",
        "address": {"street": "Kyrkvägen 4", "postal_code": "76130", "city": "Norrtälje"},
        "persons": [{"name": "Sven Åkerblom", "relation": "son", "phone": "070-111 22 33"}],
    },
}
LINES = [
    {"ref": "1", "intervention": "dusch", "frequency": 2, "period": 1, "period_unit": "wk", "standard_minutes": 30},
    {"ref": "2", "intervention": "insulin", "frequency": 1, "period": 1, "period_unit": "d"},
]


@pytest.fixture
async def town(service):
    await service.put("providers", "P-1", {"name": "Norra hemtjänsten", "form": "external"})
    for ref, title, category in (("dusch", "Dusch", "CARE"), ("insulin", "Insulin", "DELEGATED_HSL")):
        await service.put("interventions", ref, {"title": title, "category": category, "standard_minutes": 20})
    await service.put("recipients", "B-7", {"area": "URBAN", "household": "H-7"})
    await service.put("recipients", "B-7", PERSON)
    await service.put("recipients", "B-8", {"area": "URBAN"})
    await service.put("staff", "S-1", {"provider": "P-1", "role": "care_assistant", "valid_from": "2026-01-01"})
    for ref in ("B-7", "B-8"):
        body = {"recipient": ref, "provider": "P-1", "valid_from": "2026-01-01", "lines": LINES}
        await service.put("orders", f"O-{ref}", body)
        at = day(-3, "08:00")
        notice = {"recipient": ref, "provider": "P-1", "at": at, "notified_at": at, "reason": f"besök av {ref}"}
        await service.put("declines", f"A-{ref}", notice)
    await service.put("consents", "M-1", {"recipient": "B-7", "what": "Läsa besök", "given_on": day(-9).date()})
    for days in (2, 1):
        done = {"interventions": ["dusch"], "note": "Ville duscha före frukost."}
        await service.visit_by("S-1", "H-7", day(-days, "08:00"), day(-days, "08:31"), **done)
    await service.visit_by("S-1", "B-8", day(-1, "10:00"), day(-1, "10:30"))
    for _ in range(3):
        await service.ask("GET", "/v1/visits", role="planner", provider="P-1")
    await service.ask("GET", "/v1/visits", role="case_officer", params={"recipient": "B-7"})
    asked = {"recipient": "B-7", "emergency": "missing_person"}
    await service.put("consents", "M-1", {"recipient": "B-7", "what": "Läsa besök", "given_on": day(-9).date(),
                                          "withdrawn_on": day(0).date()})  # fmt: skip
    await service.ask("GET", "/v1/visits", role="case_officer", params=asked)
    await service.ask("GET", "/v1/executed-time", role="system", params={"month": f"{day(-1):%Y-%m}"})
    await service.ask("GET", "/v1/recipients/B-8", role="controller")
    return service


async def extract(town, role="admin", ref="B-7", expect=200, **headers):
    return await town.ask("GET", f"/v1/recipients/{ref}/extract", role=role, expect=expect, headers=headers)


async def test_an_extract_holds_all_of_one_person_and_nothing_of_another(town):
    answer = await extract(town)
    told = answer.json()
    assert told["personal"] == {name: PERSON[name] for name in ("name", "personal_number")} | {
        "contacts": told["personal"]["contacts"]
    }
    assert told["personal"]["contacts"]["address"]["street"] == "Kyrkvägen 4"
    versions = [(one["record"], one["ref"], one["version"]) for one in told["records"]]
    assert versions == [
        ("consents", "M-1", 1), ("consents", "M-1", 2), ("declines", "A-B-7", 1), ("orders", "O-B-7", 1),
        ("recipients", "B-7", 1), ("recipients", "B-7", 2),
    ]  # fmt: skip
    assert [one["note"] for one in told["visits"]] == ["Ville duscha före frukost."] * 2
    looks = [(one["role"], one["bulk"], one["purpose"]) for one in told["looks"]]
    assert looks == [
        ("system", True, None), ("case_officer", False, "emergency missing_person"),
        ("case_officer", False, "consent M-1"), *[("planner", False, None)] * 3,
    ]  # fmt: skip
    of_others = [one for one in told["looks"] if "B-8" in one["recipients"]]
    assert of_others == []
    assert "B-8" not in answer.text.replace("besök av B-8", "B-8")


async def test_auditors_read_no_name_of_old_nor_the_birth_date_of_a_protected_person(town, owner):
    await town.put("recipients", "B-7", PERSON | {"protected": True})
    await owner.execute("SET session_replication_role = replica")
    put_before_names_were_encrypted = "UPDATE record SET body = body || $1 WHERE ref = 'B-7' AND version = 2"
    await owner.execute(put_before_names_were_encrypted, '{"name": "Märta Åkerblom"}')
    for role, readable in (("admin", True), ("auditor", False)):
        text = (await extract(town, role=role)).text
        assert ("Åkerblom" in text, "1938-04-12" in text) == (readable, readable), role


async def test_an_extract_is_logged_and_auditors_read_no_name(town):
    await extract(town)
    told = (await extract(town, role="auditor")).json()
    assert (told["looks"][0]["route"], told["personal"]) == ("GET /v1/recipients/{ref}/extract", None)
    assert "Åkerblom" not in str(told)
    assert (await extract(town, ref="B-9", expect=404)).json()["code"] == "unknown_ref"
    assert (await extract(town, expect=406, Accept="text/csv")).json()["code"] == "not_acceptable"


async def test_a_person_can_read_it(town, tmp_path):
    answer = await extract(town, Accept="application/pdf")
    assert answer.headers["content-type"] == "application/pdf"
    path = tmp_path / "extract.pdf"
    path.write_bytes(answer.content)
    assert [(one.rule_id, one.message) for one in pdfua.validate(str(path)).findings] == []
    text = " ".join(" ".join(page.extract_text() for page in PdfReader(path).pages).split())
    for words in (
        "Registerutdrag från hemtjänsten", "Märta Åkerblom", "19380412-1238", "Kyrkvägen 4 76130 Norrtälje",
        "Sven Åkerblom, son,", "1 gång per dag",
        "2 gånger per vecka, 30 minuter", "08:00–08:31", "Ville duscha före frukost.", "Norra hemtjänsten",
        "Besök, 3 gånger", "Ditt samtycke M-1", "Nödläge: någon saknades", "Utförd tid (lista över många)",
    ):  # fmt: skip
        assert words in text
    assert "B-8" not in text
    with pikepdf.open(path) as pdf:
        assert pdf.Root.Lang == "sv-SE"
