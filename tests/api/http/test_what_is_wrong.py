"""A refusal says what would be right: where the fault is, what there is to choose from, which version stands."""

import uuid
from typing import get_args

import pytest
from service import day

from app.domain.closed_sets import CorrectionKind
from app.domain.visits.visit import ANOMALIES

SINCE = "2020-01-01"
LINE = {"ref": "1", "intervention": "dusch", "frequency": 1, "period": 1, "period_unit": "d"}
ORDER = {"recipient": "B-1", "provider": "P-1", "valid_from": SINCE, "lines": [LINE]}
STAFF = {"provider": "P-1", "role": "care_assistant", "valid_from": SINCE}
CONTRACT = {"provider": "P-1", "valid_from": SINCE}
INVOICING = {"payer": "omsorg"}
PROVIDER = {"name": "P-1", "form": "external"}
DECLINE = {
    "recipient": "B-1",
    "provider": "P-1",
    "at": "2026-10-12T08:00:00Z",
    "notified_at": "2026-10-11T08:00:00Z",
    "reason": "visitors",
}
MANUAL = {
    "id": uuid.uuid4(),
    "recipient": "B-1",
    "staff": "S-1",
    "started_at": day(-1, "10:00"),
    "ended_at": day(-1, "10:30"),
    "interventions": ["dusch"],
    "reason": "system_down",
}
UID = "04A1B2C3D4E5F6"


@pytest.fixture
async def town(service):
    """A provider with one employee, a recipient with an order, a tag at its door, and a visit yesterday."""
    await service.put("providers", "P-1", PROVIDER)
    await service.put("interventions", "dusch", {"title": "Dusch", "category": "CARE", "standard_minutes": 20})
    await service.put("recipients", "B-1", {"area": "URBAN"})
    await service.put("orders", "O-1", ORDER)
    await service.put("staff", "S-1", STAFF)
    await service.put("tags", "T-1", {"kind": "static", "uid": UID})
    await service.mount("T-1", "B-1", day(-30))
    await service.visit_by("S-1", UID, day(-1, "08:00"), day(-1, "08:30"))
    return service


async def refused(town, method, path, body, status, code, **more):
    """The problem of a request that is refused."""
    problem = (await town.ask(method, path, body, expect=status, **more)).json()
    assert problem["code"] == code
    return problem


# Refs: 404 is for what the address names, 422 for what the body does

BODIES = {
    ("PUT", "/v1/providers/P-1", "/invoicing/payer"): PROVIDER | {"invoicing": {"payer": "gone"}},
    ("PUT", "/v1/staff/S-2", "/provider"): STAFF | {"provider": "gone"},
    ("PUT", "/v1/staff/S-2", "/relative_of"): STAFF | {"relative_of": "gone"},
    ("PUT", "/v1/staff/S-2", "/delegations/0/intervention"): STAFF
    | {"delegations": [{"intervention": "gone", "valid_from": SINCE}]},
    ("PUT", "/v1/orders/O-2", "/recipient"): ORDER | {"recipient": "gone"},
    ("PUT", "/v1/orders/O-2", "/provider"): ORDER | {"provider": "gone"},
    ("PUT", "/v1/orders/O-2", "/lines/0/intervention"): ORDER | {"lines": [LINE | {"intervention": "gone"}]},
    ("PUT", "/v1/contracts/C-1", "/provider"): CONTRACT | {"provider": "gone"},
    ("PUT", "/v1/declines/A-1", "/recipient"): DECLINE | {"recipient": "gone"},
    ("PUT", "/v1/declines/A-1", "/provider"): DECLINE | {"provider": "gone"},
    ("PUT", "/v1/declines/A-1", "/intervention"): DECLINE | {"intervention": "gone"},
    ("POST", "/v1/tags/T-1/mount", "/household"): {"household": "gone", "at": day(-1)},
    ("POST", "/v1/devices", "/staff"): {"staff": "gone"},
    ("POST", "/v1/clients", "/provider"): {"ref": "plan", "role": "planner", "provider": "gone"},
    ("POST", "/v1/visits", "/recipient"): MANUAL | {"recipient": "gone"},
    ("POST", "/v1/visits", "/staff"): MANUAL | {"staff": "gone"},
    ("POST", "/v1/visits", "/interventions/0/intervention"): MANUAL | {"interventions": ["gone"]},
    ("POST", "/v1/compensation/simulate", "/provider"): {
        "provider": "gone", "from": SINCE, "to": SINCE, "compensation": {},
    },
}  # fmt: skip


@pytest.mark.parametrize(("method", "path", "pointer"), BODIES)
async def test_a_ref_in_a_body_that_is_not_there_is_422_with_its_place(town, method, path, pointer):
    problem = await refused(town, method, path, BODIES[method, path, pointer], 422, "unknown_ref")
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] == [(pointer, "unknown_ref")]
    assert problem["status"] == 422
    assert "gone" not in str(problem)


@pytest.mark.parametrize(
    ("kind", "said", "pointer"),
    [
        ("set_staff", {"staff": "gone"}, "/staff"),
        ("set_recipient", {"recipient": "gone"}, "/recipient"),
        ("set_interventions", {"interventions": ["dusch", "gone"]}, "/interventions/1/intervention"),
    ],
)
async def test_so_is_one_in_a_correction(town, kind, said, pointer):
    [visit] = await town.visits()
    problem = await town.correct(visit, kind, role="admin", expect=422, **said)
    assert (problem["code"], problem["errors"][0]["pointer"]) == ("unknown_ref", pointer)


async def test_what_the_address_names_and_what_a_filter_does_is_404(town):
    for method, path, body in [
        ("GET", "/v1/orders/gone", None),
        ("DELETE", "/v1/orders/gone", None),
        ("POST", "/v1/tags/gone/mount", {"household": "B-1", "at": day(-1)}),
        ("POST", "/v1/tags/gone/state", {"state": "lost", "at": day(-1), "reason": "fallen"}),
        ("POST", "/v1/periods/gone/2026-01/close", {}),
        ("GET", "/v1/visits?recipient=gone", None),
        ("GET", "/v1/orders?provider=gone", None),
    ]:
        problem = await refused(town, method, path, body, 404, "unknown_ref")
        assert "errors" not in problem, path


async def test_a_planner_cannot_put_under_another_provider_and_does_not_learn_whether_it_is_there(town):
    await town.put("providers", "P-2", PROVIDER)
    for provider in ("P-2", "gone"):
        body = STAFF | {"provider": provider}
        problem = await refused(town, "PUT", "/v1/staff/S-2", body, 422, "unknown_ref", role="planner", provider="P-1")
        assert problem["errors"][0]["pointer"] == "/provider"


# Choices


def listed(message):
    """The values that a message names."""
    assert message.startswith("The value is not allowed. Allowed: ")
    return message.partition("Allowed: ")[2].removesuffix(".").split(", ")


ROLES = ["care_assistant", "assistant_nurse", "licensed", "trainee", "night_patrol", "alarm_team"]
CHOICES = {
    ("PUT", "/v1/staff/S-2", "/role"): (STAFF | {"role": "chef"}, ROLES),
    ("PUT", "/v1/recipients/B-2", "/area"): ({"area": "MOON"}, ["URBAN", "RURAL", "ARCHIPELAGO"]),
    ("PUT", "/v1/orders/O-2", "/lines/0/period_unit"): (
        ORDER | {"lines": [LINE | {"period_unit": "year"}]},
        ["d", "wk", "mo"],
    ),
    ("PUT", "/v1/providers/P-1", "/invoicing/vat_percent"): (
        PROVIDER | {"invoicing": INVOICING | {"vat_percent": 26}},
        ["25", "12", "6"],
    ),
}


@pytest.mark.parametrize(("method", "path", "pointer"), CHOICES)
async def test_a_value_that_is_none_of_those_taken_is_told_which_are(town, method, path, pointer):
    body, allowed = CHOICES[method, path, pointer]
    english = {"Accept-Language": "en"}
    [error] = (await refused(town, method, path, body, 422, "invalid_envelope", headers=english))["errors"]
    assert (error["pointer"], error["code"], listed(error["message"])) == (pointer, "invalid_value", allowed)


@pytest.mark.parametrize(
    ("query", "pointer", "one"),
    [
        ("/v1/visits?anomaly=rain", "/query/anomaly", "missing_out"),
        ("/v1/visits?status=late", "/query/status", "incomplete"),
        ("/v1/executed-time?month=2026-10&by=colour", "/query/by", "local_date"),
        ("/v1/executed-time?month=2026-10&category=FUN", "/query/category", "CARE"),
        ("/v1/measures/continuity?from=2026-10-01&profile=mine", "/query/profile", "kolada-classic"),
        ("/v1/measures/indices?month=2026-10&profile=mine", "/query/profile", "all-visits"),
        ("/v1/reports/fee-basis?month=2026-10&profile=mine", "/query/profile", "norrtalje-2022"),
        ("/v1/anomalies?code=rain", "/query/code", "missing_out"),
        ("/v1/ledger/proof?fact=019a0f5c-2b1e-7c44-9d7f-3f1f0a6f2b10&kind=gossip", "/query/kind", "tap"),
    ],
)
async def test_so_is_a_parameter(service, query, pointer, one):
    english = {"Accept-Language": "en"}
    [error] = (await refused(service, "GET", query, None, 422, "invalid_parameter", headers=english))["errors"]
    assert (error["pointer"], error["code"]) == (pointer, "invalid_value")
    assert one in listed(error["message"])


async def test_a_corrections_kind_and_anomaly_are_told_too(town):
    [visit] = await town.visits()
    path, english = f"/v1/visits/{visit['id']}/corrections", {"Accept-Language": "en", "If-Match": '"1"'}
    body = {"id": uuid.uuid4(), "reason": "equipment"}
    for said, pointer, allowed in [
        ({"kind": "delete"}, "/kind", get_args(CorrectionKind)),
        ({"kind": "resolve", "anomaly": "rain"}, "/anomaly", ANOMALIES),
    ]:
        [error] = (await refused(town, "POST", path, body | said, 422, "invalid_envelope", headers=english))["errors"]
        assert (error["pointer"], listed(error["message"])) == (pointer, list(allowed))


async def test_what_is_one_of_two_choices_is_told_once_with_all_that_is_taken(town):
    """A reason is a tap's or a correction's: two lists for one place would each be wrong."""
    english = {"Accept-Language": "en"}
    problem = await refused(
        town, "POST", "/v1/visits", MANUAL | {"reason": "rain"}, 422, "invalid_envelope", headers=english
    )
    [error] = problem["errors"]
    assert error["pointer"] == "/reason"
    named = listed(error["message"])
    assert {"phone_dead", "forgot_out", "wrong_tag"} <= set(named)
    assert len(named) == len(set(named))


# Notes


async def test_a_missing_note_is_missed_where_it_should_stand(town):
    [visit] = await town.visits()
    for note in ({}, {"note": None}, {"note": " "}):
        problem = await town.correct(visit, "omit", "other", role="admin", expect=422, **note)
        assert (problem["code"], [one["pointer"] for one in problem["errors"]]) == ("note_required", ["/note"])
        problem = await refused(town, "POST", "/v1/visits", MANUAL | {"reason": "other"} | note, 422, "note_required")
        assert [one["pointer"] for one in problem["errors"]] == ["/note"]
        body = {"accept": True, "reason": "other"} | note
        problem = await refused(town, "POST", f"/v1/disputes/{uuid.uuid4()}/settle", body, 422, "note_required")
        assert [one["pointer"] for one in problem["errors"]] == ["/note"]
    batch = {"visits": [MANUAL | {"reason": "other"}]}
    [result] = (await town.ask("POST", "/v1/visits:batch", batch)).json()["results"]
    assert (result["code"], result["errors"][0]["pointer"]) == ("note_required", "/visits/0/note")


async def test_an_unknown_reason_is_told_by_itself(town):
    problem = await refused(town, "POST", "/v1/visits", MANUAL | {"reason": "rain"}, 422, "invalid_envelope")
    assert {(one["pointer"], one["code"]) for one in problem["errors"]} == {("/reason", "invalid_value")}


# Versions


async def test_whoever_named_another_version_is_told_which_one_stands(town):
    await town.put("staff", "S-1", STAFF | {"name": "S"})
    tag = (await town.ask("GET", "/v1/tags/T-1")).json()["version"]
    keyset = {"meta_key": "7c0e9a51d3b24f6886af2d1b90e7c354", "file_master": "e1a90b7742c65d38f0649c1e8b53da27"}
    await town.put("keysets", "k1", keyset, role="admin")
    stale = {"If-Match": '"99"'}
    for method, path, body, version in [
        ("PUT", "/v1/staff/S-1", STAFF, 2),
        ("PUT", "/v1/orders/O-1", ORDER, 1),
        ("DELETE", "/v1/orders/O-1", None, 1),
        ("PUT", "/v1/keysets/k1", {"state": "retired"}, 1),
        ("POST", "/v1/tags/T-1/mount", {"household": "B-1", "at": day(-1)}, tag),
        ("POST", "/v1/tags/T-1/state", {"state": "lost", "at": day(-1), "reason": "fallen"}, tag),
    ]:
        answer = await town.ask(method, path, body, expect=412, headers=stale)
        assert (answer.json()["code"], answer.json()["version"]) == ("version_conflict", version), path
        assert answer.headers["etag"] == f'"{version}"', path
        if method == "PUT":
            await town.ask(method, path, body, expect=200, headers={"If-Match": answer.headers["etag"]})


async def test_where_nothing_stands_no_version_is_named(town):
    await town.withdraw("O-1")
    for path, headers in [("/v1/orders/O-2", {"If-Match": '"1"'}), ("/v1/orders/O-1", {"If-Match": "*"})]:
        answer = await town.ask("PUT", path, ORDER, expect=412, headers=headers)
        assert "version" not in answer.json()
        assert "etag" not in answer.headers


async def test_a_stale_correction_is_told_the_visits_version(town):
    [visit] = await town.visits()
    corrected = await town.correct(visit, "omit", role="admin")
    body = {"id": uuid.uuid4(), "kind": "restore", "reason": "equipment"}
    path = f"/v1/visits/{visit['id']}/corrections"
    answer = await town.ask("POST", path, body, expect=412, headers={"If-Match": f'"{visit["version"]}"'})
    assert (answer.json()["version"], answer.headers["etag"]) == (corrected["version"], f'"{corrected["version"]}"')
    await town.ask("POST", path, body, expect=201, headers={"If-Match": answer.headers["etag"]})


# Days without an end


async def test_until_further_notice_may_be_written_as_the_last_day_there_is(town):
    """Other systems have no null: what they mean by 9999-12-31 is that nobody has said a last day."""
    until = {"valid_to": "9999-12-31"}
    order = ORDER | until | {"pauses": [{"from": SINCE, "to": "9999-12-31", "reason": "abroad"}]}
    put = await town.put("orders", "O-2", order)
    assert (put["valid_to"], put["pauses"][0]["to"]) == (None, None)
    assert (await town.ask("GET", "/v1/orders/O-2")).json() == put
    assert (await town.put("orders", "O-2", order | {"valid_to": None}))["version"] == 1, "it is the same order"
    delegation = {"intervention": "dusch", "valid_from": SINCE} | until
    staff = await town.put("staff", "S-2", STAFF | until | {"delegations": [delegation]})
    assert (staff["valid_to"], staff["delegations"][0]["valid_to"]) == (None, None)
    rule = {
        "ref": "care",
        "title": "Omsorg",
        "basis": "executed",
        "categories": ["CARE"],
        "rates": [{"ore": 100}],
    } | until
    contract = await town.put("contracts", "C-1", CONTRACT | until | {"compensation": {"rules": [rule]}})
    assert (contract["valid_to"], contract["compensation"]["rules"][0]["valid_to"]) == (None, None)
    batch = await town.ask("POST", "/v1/orders:batch", [{"ref": "O-2"} | order])
    assert batch.json()["results"] == [{"ref": "O-2", "status": "unchanged", "version": 1}]


@pytest.mark.parametrize("last", ["9999-12-30", "9999-12-31T00:00:00Z", "2200-01-01", ["9999-12-31"], {}, 99991231])
async def test_no_other_day_beyond_all_is_taken(town, last):
    problem = await refused(town, "PUT", "/v1/orders/O-2", ORDER | {"valid_to": last}, 422, "invalid_envelope")
    assert [one["pointer"] for one in problem["errors"]] == ["/valid_to"]
