"""Master data over HTTP: versions, conditions, refs, lists, roles, and what the database makes of it."""

import datetime as dt
from uuid import uuid4

import pytest
from pydantic_core import to_json
from service import day
from sqlalchemy import event

KINDS = ("payers", "providers", "recipients", "interventions", "staff", "contracts", "orders", "tags", "declines")
LINE = {"ref": "1", "intervention": "dusch", "frequency": 2, "period": 1, "period_unit": "wk"}
RULE = {"ref": "care", "basis": "executed", "categories": ["CARE"], "rates": [{"ore": 100}]}
BODIES = {
    "payers": {"name": "Norrtälje", "org_no": "212000-0001", "reference": "4711"},
    "providers": {"name": "Utförare norr", "form": "in_house"},
    "recipients": {"area": "RURAL", "birth_date": "1941-05-09"},
    "interventions": {"title": "Dusch", "category": "CARE", "standard_minutes": 30},
    "staff": {"provider": "P-norr", "role": "care_assistant", "valid_from": "2026-01-01"},
    "contracts": {"provider": "P-norr", "valid_from": "2026-01-01", "valid_to": "2026-12-31"},
    "orders": {"recipient": "B-001", "provider": "P-norr", "valid_from": "2026-01-01", "lines": [LINE]},
    "tags": {"kind": "static", "uid": "04A1B2C3D4E5F6"},
    "declines": {
        "recipient": "B-001",
        "provider": "P-norr",
        "at": "2026-10-12T08:00:00Z",
        "notified_at": "2026-10-11T08:00:00Z",
        "reason": "visitors",
    },
}
REFS = {
    "payers": "omsorg",
    "providers": "P-norr",
    "recipients": "B-001",
    "interventions": "dusch",
    "staff": "S-01",
    "contracts": "C-norr",
    "orders": "O-001",
    "tags": "T-001",
    "declines": "A-001",
}
FILLED = {
    "payers": {
        "address": {"street": None, "postal_code": None, "city": None},
        "vat_no": None,
        "endpoint": None,
    },
    "providers": {"org_no": None, "invoicing": None, "contacts": None},
    "recipients": {
        "name": None,
        "contacts": None,
        "household": "B-001",
        "protected": False,
        "died_on": None,
        "valid_from": None,
    },
    "interventions": {"valid_from": None},
    "staff": {
        "name": None,
        "contacts": None,
        "person": "S-01",
        "person_unconfirmed": None,
        "registered_on": None,
        "valid_to": None,
        "relative_of": None,
        "delegations": [],
    },
    "contracts": {
        "split_policy": "proportional",
        "report_required": False,
        "manual_attest_minutes": None,
        "compensation": {},
    },
    "orders": {
        "decision": None,
        "applies_from": None,
        "earlier": [],
        "valid_to": None,
        "lines": [
            LINE | {"standard_minutes": None, "staff_count": 1, "weekdays": None, "window": None, "answered_by": []}
        ],
        "pauses": [],
    },
    "tags": {"keyset": None, "key_version": 1, "mounts": [], "states": []},
    "declines": {"intervention": None, "withdrawn": False},
}
OTHER = {
    "payers": {"reference": "4712"},
    "providers": {"form": "external"},
    "recipients": {"area": "URBAN"},
    "interventions": {"standard_minutes": 25},
    "staff": {"role": "assistant_nurse"},
    "contracts": {"split_policy": "reported"},
    "orders": {"valid_to": "2026-06-30"},
    "tags": {"kind": "ntag424"},
    "declines": {"withdrawn": True},
}
TOLVAN = "19121212-1212"  # the tax agency's own example of a personal number


@pytest.fixture
async def filled(service):
    """The service with one record of every kind."""
    for kind in KINDS:
        await service.put(kind, REFS[kind], BODIES[kind])
    return service


def path(kind):
    return f"/v1/{kind}/{REFS[kind]}"


async def refused(service, method, where, body, status, code, *, role="system", **more):
    """The errors of an answer that refuses with this status and code, as pairs of pointer and code."""
    answer = await service.ask(method, where, body, expect=status, role=role, **more)
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == code
    return [(error["pointer"], error["code"]) for error in problem.get("errors", [])]


# Versions and conditions


@pytest.mark.parametrize("kind", KINDS)
async def test_put_creates_then_replaces_and_the_same_again_changes_nothing(filled, owner, kind):
    body, where = BODIES[kind], path(kind)
    read = await filled.ask("GET", where, role="controller", expect=200)
    assert read.json() == {"ref": REFS[kind], "version": 1, **body, **FILLED[kind]}
    assert read.headers["etag"] == '"1"'

    again = await filled.ask("PUT", where, body, role="system", expect=200)
    assert (again.headers["etag"], again.json()) == ('"1"', read.json())

    other = await filled.ask("PUT", where, body | OTHER[kind], role="system", expect=200)
    assert other.headers["etag"] == '"2"'
    assert other.json()["version"] == 2
    assert other.json().items() >= OTHER[kind].items() - {("valid_from", None)}
    stored = {name: value for name, value in other.json().items() if name != "warnings"}
    assert (await filled.ask("GET", where, expect=200)).json() == stored
    assert (await filled.ask("GET", f"/v1/{kind}", expect=200)).json() == {"items": [stored], "next": None}

    rows = await owner.fetch("SELECT version, recorded_by FROM record WHERE kind = $1 ORDER BY version", kind)
    assert [row["version"] for row in rows] == [1, 2]
    assert {row["recorded_by"] for row in rows} == {"188:system:operator/system"}


@pytest.mark.parametrize("kind", KINDS)
async def test_the_first_put_answers_created(service, kind):
    for needed in KINDS[: KINDS.index(kind)]:
        await service.put(needed, REFS[needed], BODIES[needed])
    answer = await service.ask("PUT", path(kind), BODIES[kind], role="admin", expect=201)
    assert answer.headers["etag"] == '"1"'
    assert answer.json() == {"ref": REFS[kind], "version": 1, **BODIES[kind], **FILLED[kind]}


@pytest.mark.parametrize("kind", ["providers", "orders"])
async def test_conditions_are_kept(filled, kind):
    body, where = BODIES[kind] | OTHER[kind], path(kind)
    missing = f"/v1/{kind}/missing"
    for headers, place in [
        ({"If-Match": '"2"'}, where),
        ({"If-Match": 'W/"1"'}, where),
        ({"If-Match": "nonsense"}, where),
        ({"If-None-Match": "*"}, where),
        ({"If-Match": "*"}, missing),
        ({"If-Match": '"1"'}, missing),
    ]:
        assert await refused(filled, "PUT", place, body, 412, "version_conflict", headers=headers) == []
    assert (await filled.ask("GET", where)).json()["version"] == 1
    await filled.ask("PUT", where, body, headers={"If-Match": '"7", "1"'}, expect=200)
    await filled.ask("PUT", where, BODIES[kind], headers={"If-Match": "*"}, expect=200)
    await filled.ask("PUT", missing, body, headers={"If-None-Match": "*"}, expect=201)


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_not_there_is_not_found(service, kind):
    for ref in ("missing", "%00", "a b", "x" * 65):
        assert await refused(service, "GET", f"/v1/{kind}/{ref}", None, 404, "unknown_ref") == []


# Refs


async def test_a_personal_number_is_no_ref(service):
    coordination = "19121272-121" + _check_digit("121272121")
    numbers = ["191212121212", "19121212-1212", "121212-1212", "121212+1212", "1212121212", coordination]
    within = [f"B-{numbers[0]}x", f"B.{numbers[1]}", f"B:{numbers[2]}", f"B_{numbers[4]}_2", f"{numbers[0]}-1"]
    for ref in numbers + within:
        for kind in KINDS:
            body = BODIES.get(kind, {})
            await refused(service, "PUT", f"/v1/{kind}/{ref}", body, 422, "ref_is_personal_number")
    assert (await service.ask("GET", "/v1/providers")).json()["items"] == []


async def test_what_only_looks_like_a_personal_number_is_a_ref(service):
    for ref in ("556000-0001", "5560000001", "4300123456", "20261130-0900", "1912121212123", str(uuid4())):
        await service.put("providers", ref, BODIES["providers"])


def _check_digit(digits):
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(digits)]
    return str(-sum(number - 9 * (number > 9) for number in doubled) % 10)


async def test_a_ref_has_its_form(service):
    for ref in ["-x", ".x", "x" * 65, "a b", "é", "A%CC%8A"]:
        found = await refused(service, "PUT", f"/v1/providers/{ref}", BODIES["providers"], 422, "invalid_parameter")
        assert found == [("/path/ref", "invalid_parameter")]
    await refused(service, "PUT", "/v1/providers/a%0A", BODIES["providers"], 400, "malformed_request")


async def test_a_ref_keeps_its_case_and_its_letters(service):
    refs = ["Ö.1_a:b-c", "p", "P", "1212121213", "x" * 64]
    for ref in refs:
        assert (await service.put("providers", ref, BODIES["providers"]))["ref"] == ref
    listed = await service.pages("/v1/providers", limit=2)
    assert {one["ref"] for one in listed} == set(refs)


@pytest.mark.parametrize(
    ("kind", "changes", "pointer"),
    [
        ("recipients", {"household": TOLVAN}, "/household"),
        ("staff", {"person": TOLVAN}, "/person"),
        ("orders", {"decision": TOLVAN}, "/decision"),
        ("orders", {"lines": [LINE, LINE | {"ref": TOLVAN}]}, "/lines/1/ref"),
        ("tags", {"keyset": TOLVAN}, "/keyset"),
        ("staff", {"relative_of": f"B-{TOLVAN}"}, "/relative_of"),
        ("orders", {"recipient": f"B_{TOLVAN}.1"}, "/recipient"),
        ("providers", {"org_no": "121212-1212"}, "/org_no"),
        ("contracts", {"compensation": {"rules": [RULE | {"ref": TOLVAN}]}}, "/compensation/rules/0/ref"),
        (
            "contracts",
            {"compensation": {"rules": [RULE | {"interventions": [f"x{TOLVAN}"]}]}},
            "/compensation/rules/0/interventions/0",
        ),
        (
            "contracts",
            {"compensation": {"bands": [{"band": f"n-{TOLVAN}", "times": [{"from": "19:00", "to": "07:00"}]}]}},
            "/compensation/bands/0/band",
        ),
    ],
)
async def test_a_body_names_nobody_by_number(filled, kind, changes, pointer):
    body = BODIES[kind] | changes
    found = await refused(filled, "PUT", path(kind), body, 422, "ref_is_personal_number")
    assert found == [(pointer, "ref_is_personal_number")]


ADDRESS = {"street": "Ågatan 1", "postal_code": "761 30", "city": "Norrtälje"}
UNSEEN = "\x01\n\x7f\x85\u061c\u200e\u2028\u2029\u202e\u2066"


@pytest.mark.parametrize(
    ("kind", "changes", "pointer"),
    [
        *((kind, lambda name: {"name": name}, "/name") for kind in ("payers", "providers", "recipients", "staff")),
        ("payers", lambda name: {"address": ADDRESS | {"city": name}}, "/address/city"),
        ("interventions", lambda name: {"title": name}, "/title"),
        (
            "contracts",
            lambda name: {"compensation": {"rules": [RULE | {"title": name}]}},
            "/compensation/rules/0/title",
        ),
    ],
)
async def test_a_name_is_seen_as_it_is(filled, kind, changes, pointer):
    for name in [name for unseen in UNSEEN for name in (f"Eva{unseen}Ek", f"Eva{unseen}")]:
        body = BODIES[kind] | changes(name)
        assert await refused(filled, "PUT", path(kind), body, 422, "invalid_envelope") == [(pointer, "wrong_format")]
    assert (await filled.ask("GET", path(kind))).json()["version"] == 1


@pytest.mark.parametrize(
    ("kind", "changes", "pointers"),
    [
        ("staff", {"provider": "P-x"}, ["/provider"]),
        ("staff", {"relative_of": "B-x"}, ["/relative_of"]),
        (
            "staff",
            {"delegations": [{"intervention": "x", "valid_from": "2026-01-01"}]},
            ["/delegations/0/intervention"],
        ),
        ("orders", {"recipient": "B-x", "provider": "P-x"}, ["/recipient", "/provider"]),
        ("orders", {"lines": [LINE, LINE | {"ref": "2", "intervention": "x"}]}, ["/lines/1/intervention"]),
        ("contracts", {"provider": "P-x"}, ["/provider"]),
    ],
)
async def test_a_body_names_what_is_there(filled, kind, changes, pointers):
    found = await refused(filled, "PUT", path(kind), BODIES[kind] | changes, 422, "unknown_ref")
    assert found == [(pointer, "unknown_ref") for pointer in pointers]
    assert (await filled.ask("GET", path(kind))).json()["version"] == 1


# Bodies

WRONG = [
    ("providers", {"form": "cooperative"}, "/form"),
    ("providers", {"name": ""}, "/name"),
    ("payers", {"org_no": "212000-0002"}, "/org_no"),
    ("providers", {"org_no": "12"}, "/org_no"),
    ("providers", {"version": 1}, ""),  # the name of an unknown field is not said back
    ("recipients", {"area": "SUBURB"}, "/area"),
    ("recipients", {"birth_date": "1608336000"}, "/birth_date"),
    ("recipients", {"birth_date": "1899-12-31"}, "/birth_date"),
    ("recipients", {"birth_date": str(day(0).date() + dt.timedelta(days=2))}, "/birth_date"),
    ("recipients", {"protected": 1}, "/protected"),
    ("recipients", {"household": "a b"}, "/household"),
    ("interventions", {"standard_minutes": 1441}, "/standard_minutes"),
    ("interventions", {"standard_minutes": "30"}, "/standard_minutes"),
    ("interventions", {"category": "CLEANING"}, "/category"),
    ("staff", {"role": "manager"}, "/role"),
    ("staff", {"valid_to": "2025-12-31"}, "/valid_to"),
    (
        "staff",
        {"delegations": [{"intervention": "dusch", "valid_from": "2026-02-01", "valid_to": "2026-01-31"}]},
        "/delegations/0/valid_to",
    ),
    ("orders", {"valid_to": "2025-12-31"}, "/valid_to"),
    ("orders", {"valid_from": "2200-01-01"}, "/valid_from"),
    ("orders", {"valid_from": "2026-02-30"}, "/valid_from"),
    ("orders", {"lines": [LINE, LINE]}, "/lines"),
    ("orders", {"lines": [LINE | {"frequency": 1001}]}, "/lines/0/frequency"),
    ("orders", {"lines": [LINE | {"period": 0}]}, "/lines/0/period"),
    ("orders", {"lines": [LINE | {"period_unit": "y"}]}, "/lines/0/period_unit"),
    ("orders", {"lines": [LINE | {"staff_count": 11}]}, "/lines/0/staff_count"),
    ("orders", {"lines": [LINE | {"weekdays": [8]}]}, "/lines/0/weekdays/0"),
    ("orders", {"lines": [LINE | {"weekdays": []}]}, "/lines/0/weekdays"),
    ("orders", {"lines": [LINE | {"weekdays": [1, 1]}]}, "/lines/0/weekdays"),
    ("orders", {"lines": [LINE | {"window": ["07:00"]}]}, "/lines/0/window"),
    ("orders", {"lines": [LINE | {"window": ["07:00", "24:00"]}]}, "/lines/0/window/1"),
    ("orders", {"lines": [LINE | {"window": ["07:00", "07:00"]}]}, "/lines/0/window"),
    ("orders", {"pauses": [{"from": "2026-03-02", "to": "2026-03-01", "reason": "x"}]}, "/pauses/0/to"),
    ("orders", {"pauses": [{"from": "2026-03-02"}]}, "/pauses/0/reason"),
    ("contracts", {"split_policy": "equal"}, "/split_policy"),
    ("contracts", {"compensation": []}, "/compensation"),
    ("contracts", {"compensation": {"text": "x" * 70_000}}, "/compensation"),
    ("tags", {"kind": "qr"}, "/kind"),
    ("tags", {"uid": "04A1B2C3D4"}, "/uid"),
    ("tags", {"uid": "04:A1-B2:C3"}, "/uid"),
    ("tags", {"mounts": []}, ""),
]


async def test_a_body_that_is_wrong_is_refused_at_its_place(filled):
    for kind, changes, pointer in WRONG:
        found = await refused(filled, "PUT", path(kind), BODIES[kind] | changes, 422, "invalid_envelope")
        assert [place for place, _ in found] == [pointer], (kind, changes)
    for kind in KINDS:
        assert (await filled.ask("GET", path(kind))).json()["version"] == 1


async def test_a_window_may_wrap_midnight_and_a_line_may_grant_nothing(filled):
    line = LINE | {"window": ["22:00", "06:00"], "weekdays": [7, 1], "frequency": 0, "standard_minutes": 0}
    stored = await filled.put("orders", "O-001", BODIES["orders"] | {"lines": [line]})
    assert stored["lines"] == [line | {"staff_count": 1, "answered_by": []}]


# Lists


async def test_a_list_is_read_page_by_page(service):
    refs = [f"P-{number:02}" for number in range(7)]
    for ref in reversed(refs):
        await service.put("providers", ref, BODIES["providers"])
    first = await service.ask("GET", "/v1/providers", role="controller", params={"limit": 3})
    assert [one["ref"] for one in first.json()["items"]] == refs[:3]
    cursor = first.json()["next"]
    assert first.headers["link"] == f'</v1/providers?limit=3&cursor={cursor}>; rel="next"'
    await service.put("providers", "P-00a", BODIES["providers"])  # before the cursor: no page shifts
    assert [one["ref"] for one in await service.pages("/v1/providers", limit=3, cursor=cursor)] == refs[3:]
    last = await service.ask("GET", "/v1/providers", params={"limit": 8})
    assert last.json()["next"] is None
    assert "link" not in last.headers


async def test_a_limit_has_its_bounds(service):
    for params in [{"limit": 0}, {"limit": 501}, {"limit": "x"}]:
        await refused(service, "GET", "/v1/orders", None, 422, "invalid_parameter", params=params)


async def test_a_cursor_is_one_of_ours(service):
    for cursor in ["%%%", "AA", "", "ö", "UC1ub3J", "MTkxMjEyMTIxMjEy\n"]:
        await refused(service, "GET", "/v1/orders", None, 422, "invalid_cursor", params={"cursor": cursor})


async def test_lists_are_narrowed_by_ref(filled):
    await filled.put("providers", "P-stad", BODIES["providers"])
    await filled.put("recipients", "B-002", BODIES["recipients"])
    await filled.put("orders", "O-002", BODIES["orders"] | {"recipient": "B-002"})
    await filled.put("orders", "O-003", BODIES["orders"] | {"recipient": "B-002", "provider": "P-stad"})

    async def refs(kind, **filters):
        return [one["ref"] for one in await filled.pages(f"/v1/{kind}", limit=1, **filters)]

    assert await refs("orders", recipient="B-002") == ["O-002", "O-003"]
    assert await refs("orders", recipient="B-002", provider="P-norr") == ["O-002"]
    assert await refs("staff", provider="P-norr") == ["S-01"]
    assert await refs("staff", provider="P-stad") == []
    assert await refs("contracts", provider="P-norr") == ["C-norr"]
    for name in ("recipient", "provider"):
        await refused(filled, "GET", "/v1/orders", None, 404, "unknown_ref", params={name: "x"})


# Versions in force


async def test_a_version_is_in_force_until_the_next_one(service, owner):
    today = dt.datetime.now(dt.UTC).astimezone().date()
    area = {"area": "RURAL"}
    await service.put("recipients", "B-001", area)
    await service.put("recipients", "B-001", area | {"household": "H-3", "valid_from": "2026-03-01"})
    await service.put("recipients", "B-001", area | {"household": "H-2", "valid_from": "2026-02-01"})
    await service.put("recipients", "B-001", area | {"household": "H-3b", "valid_from": "2026-03-01"})
    rows = await owner.fetch("SELECT lower(valid), upper(valid), household FROM recipient_version ORDER BY valid")
    assert [tuple(row) for row in rows] == [
        (None, dt.date(2026, 2, 1), "B-001"),
        (dt.date(2026, 2, 1), dt.date(2026, 3, 1), "H-2"),
        (dt.date(2026, 3, 1), None, "H-3b"),
    ]
    await service.put("recipients", "B-001", area | {"household": "H-0", "valid_from": "1900-01-01"})
    assert await owner.fetchval("SELECT household FROM recipient_version WHERE lower_inf(valid)") == "H-0"

    stored = await service.put("recipients", "B-001", area | {"household": "H-now"})
    assert abs(dt.date.fromisoformat(stored["valid_from"]) - today) <= dt.timedelta(days=1)
    again = await service.ask("PUT", "/v1/recipients/B-001", area | {"household": "H-now"}, expect=200)
    assert again.json() == stored


async def test_staff_and_interventions_have_versions_too(filled, owner):
    await filled.put("staff", "S-01", BODIES["staff"] | {"role": "licensed", "valid_from": "2026-05-01"})
    rows = await owner.fetch("SELECT valid::text, person, provider, role FROM staff_version ORDER BY valid")
    assert [tuple(row) for row in rows] == [
        ("[2026-01-01,2026-05-01)", "S-01", "P-norr", "care_assistant"),
        ("[2026-05-01,)", "S-01", "P-norr", "licensed"),
    ]
    await filled.put(
        "interventions", "dusch", BODIES["interventions"] | {"category": "MEAL", "valid_from": "2026-05-01"}
    )
    rows = await owner.fetch("SELECT valid::text, category, standard_minutes FROM intervention_version ORDER BY valid")
    assert [tuple(row) for row in rows] == [("(,2026-05-01)", "CARE", 30), ("[2026-05-01,)", "MEAL", 30)]


async def test_what_is_told_for_later_is_not_what_holds_today(service):
    area = {"area": "RURAL"}
    moves = {"household": "H-2", "valid_from": "2150-01-01"}
    await service.put("recipients", "B-001", area)
    await service.put("recipients", "B-001", area | moves)
    now = await service.put("recipients", "B-001", area | {"household": "H-2"})
    assert now["version"] == 3  # said of today, though the same was said of a day to come


# Orders


async def test_an_order_is_in_force_without_its_pauses(filled, owner):
    pauses = [
        {"from": "2026-02-01", "to": "2026-02-10", "reason": "hospital"},
        {"from": "2026-02-05", "to": "2026-02-12", "reason": "hospital"},
        {"from": "2026-11-01", "reason": "away"},
    ]
    lines = [LINE, LINE | {"ref": "2", "standard_minutes": 15, "staff_count": 2}]
    await filled.put("orders", "O-001", BODIES["orders"] | {"pauses": pauses, "lines": lines, "valid_to": "2026-12-31"})
    row = await owner.fetchrow("SELECT valid::text, in_force::text FROM care_order")
    assert tuple(row) == ("[2026-01-01,2027-01-01)", "{[2026-01-01,2026-02-01),[2026-02-13,2026-11-01)}")
    rows = await owner.fetch("SELECT ref, line_no, standard_minutes, staff_count FROM order_line ORDER BY line_no")
    assert [tuple(row) for row in rows] == [("1", 1, None, 1), ("2", 2, 15, 2)]


async def test_a_withdrawn_order_is_gone_and_its_history_stays(filled, owner):
    where = path("orders")
    await refused(filled, "DELETE", where, None, 412, "version_conflict", headers={"If-Match": '"2"'})
    await filled.ask("DELETE", where, role="system", expect=204, headers={"If-Match": '"1"'})
    await refused(filled, "GET", where, None, 404, "unknown_ref")
    await refused(filled, "DELETE", where, None, 404, "unknown_ref")
    assert (await filled.ask("GET", "/v1/orders")).json()["items"] == []
    assert await owner.fetchval("SELECT count(*) FROM care_order") == 0

    back = await filled.ask("PUT", where, BODIES["orders"], headers={"If-None-Match": "*"}, expect=201)
    assert back.headers["etag"] == '"3"'
    rows = await owner.fetch("SELECT version, removed FROM record WHERE kind = 'orders' ORDER BY version")
    assert [tuple(row) for row in rows] == [(1, False), (2, True), (3, False)]


async def test_a_batch_answers_each_order_and_a_bad_one_stops_none(filled):
    order = BODIES["orders"]
    batch = [
        order | {"ref": "O-001"},
        order | {"ref": "O-001", "decision": "D-1"},
        order | {"ref": "O-002"},
        order | {"ref": "O-002", "decision": "D-2"},
        order | {"ref": "O-003", "recipient": "B-x"},
        order | {"ref": "O-004", "valid_from": 20260101},
        order | {"ref": TOLVAN},
        order,
        "text",
        order | {"ref": "O-005"},
    ]
    answer = await filled.ask(
        "POST", "/v1/orders:batch", {"orders": batch}, role="system", expect=200, headers={"Accept-Language": "en"}
    )
    results = answer.json()["results"]
    assert [(one["ref"], one["status"], one["version"]) for one in results] == [
        ("O-001", "unchanged", 1),
        ("O-001", "replaced", 2),
        ("O-002", "created", 1),
        ("O-002", "replaced", 2),
        ("O-003", "refused", None),
        ("O-004", "refused", None),
        (None, "refused", None),
        (None, "refused", None),
        (None, "refused", None),
        ("O-005", "created", 1),
    ]
    assert [one["code"] for one in results if one["status"] == "refused"] == [
        "unknown_ref",
        "malformed",
        "ref_is_personal_number",
        "malformed",
        "malformed",
    ]
    assert results[4]["errors"] == [
        {
            "pointer": "/orders/4/recipient",
            "code": "unknown_ref",
            "message": "The ref does not exist, or you may not see it. Check it.",
        }
    ]
    assert [error["pointer"] for error in results[5]["errors"]] == ["/orders/5/valid_from"]
    assert TOLVAN not in answer.text
    stored = await filled.pages("/v1/orders")
    assert [(one["ref"], one["version"], one["decision"]) for one in stored] == [
        ("O-001", 2, "D-1"),
        ("O-002", 2, "D-2"),
        ("O-005", 1, None),
    ]


async def test_a_batch_has_its_bounds(filled):
    order = BODIES["orders"] | {"ref": "O-1"}
    bare = (await filled.ask("POST", "/v1/orders:batch", [order], role="system", expect=200)).json()
    assert [result["ref"] for result in bare["results"]] == ["O-1"]
    await refused(filled, "POST", "/v1/orders:batch", {"orders": []}, 422, "invalid_envelope")
    await refused(filled, "POST", "/v1/orders:batch", {"orders": [order] * 1001}, 413, "too_many_items")
    await refused(filled, "POST", "/v1/orders:batch", {"orders": [order], "more": 1}, 422, "invalid_envelope")


async def test_a_batch_takes_as_many_statements_whatever_its_size(filled):
    counted = []

    def listen(dbapi_connection, *_):
        dbapi_connection.driver_connection.add_query_logger(counted.append)

    event.listen(filled.app.state.database.engine.sync_engine, "checkout", listen)

    async def statements(size, first):
        orders = [BODIES["orders"] | {"ref": f"O-{first + number}"} for number in range(size)]
        counted.clear()
        await filled.ask("POST", "/v1/orders:batch", {"orders": orders}, role="system", expect=200)
        return len(counted)

    # The least of three: the driver asks for the types of arrays once on each connection.
    few = min([await statements(2, 10 * number) for number in range(1, 4)])
    many = min([await statements(300, 1000 * number) for number in range(1, 4)])
    event.remove(filled.app.state.database.engine.sync_engine, "checkout", listen)
    assert few == many
    assert few <= 12


# Contracts


async def test_contracts_of_one_provider_never_overlap(filled):
    contract = BODIES["contracts"]
    await refused(
        filled,
        "PUT",
        "/v1/contracts/C-2",
        contract | {"valid_from": "2026-12-31", "valid_to": None},
        409,
        "contract_overlaps",
    )
    await filled.put("contracts", "C-2", contract | {"valid_from": "2027-01-01", "valid_to": None})
    await filled.put("providers", "P-stad", BODIES["providers"])
    await filled.put("contracts", "C-3", contract | {"provider": "P-stad"})
    await refused(filled, "PUT", "/v1/contracts/C-3", contract, 409, "contract_overlaps")
    assert (await filled.ask("GET", "/v1/contracts/C-3")).json()["provider"] == "P-stad"
    # After a refusal that rolled back, what the process remembers is what is stored.
    await filled.put("contracts", "C-3", contract | {"provider": "P-stad", "valid_to": None})


# Tags


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("04a1b2c3", "04A1B2C3"),
        ("04:a1:b2:c3:d4:e5:f6", "04A1B2C3D4E5F6"),
        ("04-A1-B2-C3-D4-E5-F6-07-08-09", "04A1B2C3D4E5F6070809"),
    ],
)
async def test_a_uid_is_kept_in_one_writing_and_by_one_tag(service, given, kept):
    assert (await service.put("tags", "T-001", {"kind": "static", "uid": given}))["uid"] == kept
    again = await service.ask("PUT", "/v1/tags/T-001", {"kind": "static", "uid": kept.lower()}, expect=200)
    assert again.json()["version"] == 1
    await refused(service, "PUT", "/v1/tags/T-002", {"kind": "static", "uid": kept}, 409, "uid_taken")
    await refused(service, "GET", "/v1/tags/T-002", None, 404, "unknown_ref")
    await service.put("tags", "T-001", {"kind": "static", "uid": "0A0B0C0D"})
    await service.put("tags", "T-002", {"kind": "static", "uid": kept})


async def test_a_mount_ends_the_earlier_one_whatever_order_they_are_told_in(filled, owner):
    await filled.put("recipients", "B-002", BODIES["recipients"])

    async def mount(household, at, **more):
        body = {"household": household, "at": at}
        return await filled.ask("POST", "/v1/tags/T-001/mount", body, role="system", expect=200, **more)

    await mount("B-002", "2026-03-01T09:00:00+01:00")
    last = await mount("B-001", "2026-01-01T08:00:00Z")
    assert last.headers["etag"] == '"3"'
    assert last.json()["mounts"] == [
        {"household": "B-001", "at": "2026-01-01T08:00:00Z"},
        {"household": "B-002", "at": "2026-03-01T08:00:00Z"},
    ]
    assert (await mount("B-001", "2026-01-01T10:00:00.5+02:00")).json() == last.json()
    rows = await owner.fetch("SELECT household, upper(mounted) FROM tag_mount ORDER BY mounted")
    assert [tuple(row) for row in rows] == [("B-001", dt.datetime(2026, 3, 1, 8, tzinfo=dt.UTC)), ("B-002", None)]

    corrected = await mount("B-002", "2026-01-01T08:00:00Z", headers={"If-Match": '"3"'})
    assert [one["household"] for one in corrected.json()["mounts"]] == ["B-002", "B-002"]
    body = {"household": "B-001", "at": "2026-05-01T08:00:00Z"}
    await refused(filled, "POST", "/v1/tags/T-001/mount", body, 412, "version_conflict", headers={"If-Match": '"3"'})
    replaced = await filled.put("tags", "T-001", {"kind": "static", "uid": "0A0B0C0D"})
    assert replaced["mounts"] == corrected.json()["mounts"]
    assert await owner.fetchval("SELECT count(*) FROM tag_mount") == 2


async def test_a_mount_needs_a_tag_and_a_household(filled):
    body = {"household": "B-001", "at": "2026-01-01T08:00:00Z"}
    await refused(filled, "POST", "/v1/tags/T-x/mount", body, 404, "unknown_ref")
    found = await refused(filled, "POST", "/v1/tags/T-001/mount", body | {"household": "H-x"}, 422, "unknown_ref")
    assert found == [("/household", "unknown_ref")]
    found = await refused(
        filled, "POST", "/v1/tags/T-001/mount", body | {"at": "2026-01-01T08:00:00"}, 422, "invalid_envelope"
    )
    assert found == [("/at", "naive_instant")]


async def test_a_retired_tag_is_not_mounted_again(filled):
    state = {"state": "retired", "at": "2026-03-01T08:00:00Z", "reason": "worn out"}
    told = (await filled.ask("POST", "/v1/tags/T-001/state", state, role="system", expect=200)).json()
    assert (told["version"], told["states"]) == (2, [state])
    assert (await filled.ask("POST", "/v1/tags/T-001/state", state, role="system")).json() == told
    mount = {"household": "B-001", "at": "2026-03-01T08:00:00Z"}
    await refused(filled, "POST", "/v1/tags/T-001/mount", mount, 409, "tag_retired")
    await filled.mount("T-001", "B-001", "2026-02-01T08:00:00Z")  # it hung there before, told late
    await refused(filled, "POST", "/v1/tags/T-001/state", state | {"state": "broken"}, 422, "invalid_envelope")
    await refused(filled, "POST", "/v1/tags/T-x/state", state, 404, "unknown_ref")


# Personal numbers


async def test_a_personal_number_goes_in_and_never_comes_out(service, owner):
    body = BODIES["recipients"] | {"birth_date": None}
    answer = await service.ask("PUT", "/v1/recipients/B-001", body | {"personal_number": TOLVAN}, expect=201)
    texts = [answer.text, (await service.ask("GET", "/v1/recipients/B-001")).text]
    texts.append((await service.ask("GET", "/v1/recipients")).text)
    for table in await owner.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        texts += [str(row) for row in await owner.fetch(f"SELECT t::text FROM {table[0]} AS t")]
    digits = TOLVAN.replace("-", "")
    hexed = digits.encode().hex()
    assert [text for text in texts if TOLVAN in text or digits in text or hexed in text] == []
    assert "personal_number" not in answer.json()
    assert await owner.fetchval("SELECT count(*) FROM sealed_field") == 1


async def test_a_personal_number_stays_until_it_is_changed_or_forgotten(service, owner):
    body = BODIES["recipients"] | {"birth_date": None}

    async def put(ref, **more):
        return (await service.put("recipients", ref, body | more))["version"]

    async def digest():
        return await owner.fetchval("SELECT digest FROM sealed_field WHERE ref = 'B-001'")

    assert await put("B-001", personal_number=TOLVAN) == 1
    first = await digest()
    assert await put("B-001", personal_number="191212121212") == 1  # the same in another writing
    assert await put("B-001") == 1
    assert await digest() == first
    taken = body | {"personal_number": TOLVAN}
    assert await refused(service, "PUT", "/v1/recipients/B-002", taken, 409, "personal_number_taken") == []
    await refused(service, "GET", "/v1/recipients/B-002", None, 404, "unknown_ref")
    assert await put("B-001", personal_number="198803200016") == 2
    assert await digest() not in {first, None}
    raw = to_json(body | {"personal_number": None})
    answer = await service.client("system").put(
        "/v1/recipients/B-001", content=raw, headers={"Content-Type": "application/json"}
    )
    assert answer.json()["version"] == 3
    assert await digest() is None


async def test_ten_digits_take_their_century_from_the_day_of_birth(service, owner):
    async def put(ref, number, born, expect=201, **more):
        body = {"area": "URBAN", "birth_date": born, "personal_number": number} | more
        return (await service.ask("PUT", f"/v1/recipients/{ref}", body, expect=expect)).json()

    await put("B-1", "121212-1212", "1912-12-12")
    assert (await put("B-2", TOLVAN, None, expect=409))["code"] == "personal_number_taken"  # the same person
    await put("B-2", "121212-1212", None)  # who has a hyphen and tells no more is not yet a hundred
    for number, born in [(TOLVAN, "2012-12-12"), ("121212-1212", "1912-12-11"), ("121212+1212", "2012-12-12")]:
        refusal = await put("B-3", number, born, expect=422)
        assert (refusal["code"], [one["pointer"] for one in refusal["errors"]]) == (
            "birth_date_differs",
            ["/personal_number"],
        )
    assert await owner.fetchval("SELECT count(*) FROM sealed_field") == 2


async def test_a_day_of_birth_agrees_with_the_number_that_is_kept(service):
    body = {"area": "URBAN", "birth_date": "1912-12-12"}
    await service.put("recipients", "B-1", body | {"personal_number": TOLVAN})
    for born, expected in [("1912-12-12", 200), (None, 200)]:
        await service.ask("PUT", "/v1/recipients/B-1", body | {"birth_date": born}, expect=expected)
    other = body | {"birth_date": "1913-12-12"}
    found = await refused(service, "PUT", "/v1/recipients/B-1", other, 422, "birth_date_differs")
    assert found == [("/birth_date", "birth_date_differs")]


async def test_a_coordination_number_without_a_day_is_one(service):
    number = "19120060-123" + _check_digit("120060123")
    body = {"area": "URBAN", "birth_date": "1912-07-09", "personal_number": number}
    await service.ask("PUT", "/v1/recipients/B-1", body, expect=201)
    await refused(service, "PUT", f"/v1/recipients/{number}", {"area": "URBAN"}, 422, "ref_is_personal_number")


async def test_an_invalid_personal_number_is_not_said_back(service):
    body = BODIES["recipients"] | {"personal_number": "19121212-1213"}
    answer = await service.ask("PUT", "/v1/recipients/B-001", body, expect=422)
    assert answer.json()["code"] == "personal_number_invalid"
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/personal_number"]
    assert "1213" not in answer.text


# Roles


@pytest.mark.parametrize("role", ["controller", "inspector", "auditor", "staff"])
async def test_these_roles_write_nothing(filled, role):
    who = {"staff": "S-01"} if role == "staff" else {}
    for kind in KINDS:
        await refused(filled, "PUT", path(kind), {}, 403, "forbidden_role", role=role, **who)
        await refused(filled, "PUT", f"/v1/{kind}/missing", {}, 403, "forbidden_role", role=role, **who)
    await refused(filled, "DELETE", path("orders"), None, 403, "forbidden_role", role=role, **who)
    await refused(filled, "POST", "/v1/orders:batch", {}, 403, "forbidden_role", role=role, **who)
    for verb in ("mount", "state"):
        await refused(filled, "POST", f"{path('tags')}/{verb}", {}, 403, "forbidden_role", role=role, **who)


@pytest.mark.parametrize("role", ["inspector", "auditor", "staff"])
async def test_these_roles_read_nothing(filled, role):
    who = {"staff": "S-01"} if role == "staff" else {}
    for kind in KINDS:
        await refused(filled, "GET", path(kind), None, 403, "forbidden_role", role=role, **who)
        await refused(filled, "GET", f"/v1/{kind}", None, 403, "forbidden_role", role=role, **who)


async def test_nobody_unknown_gets_anything(filled):
    for kind in KINDS:
        for method, where in (("PUT", path(kind)), ("GET", path(kind)), ("GET", f"/v1/{kind}")):
            await refused(filled, method, where, None, 401, "unauthenticated", role=None)


async def test_a_planner_reads_what_is_its_providers(filled):
    await filled.put("providers", "P-stad", BODIES["providers"])
    await filled.put("recipients", "B-002", BODIES["recipients"] | {"household": "H-2"})
    await filled.mount("T-001", "B-001", "2026-01-01T08:00:00Z")
    for kind in KINDS:
        own = await filled.ask("GET", path(kind), role="planner", provider="P-norr", expect=200)
        assert own.json() == (await filled.ask("GET", path(kind))).json()
    assert [
        one["ref"]
        for one in (await filled.ask("GET", "/v1/recipients", role="planner", provider="P-norr")).json()["items"]
    ] == ["B-001"]
    for kind in ("recipients", "staff", "orders", "contracts", "tags"):
        await refused(filled, "GET", path(kind), None, 404, "unknown_ref", role="planner", provider="P-stad")
        listed = await filled.ask("GET", f"/v1/{kind}", role="planner", provider="P-stad")
        assert listed.json() == {"items": [], "next": None}
    for name, ref in (("provider", "P-norr"), ("recipient", "B-001")):
        await refused(
            filled, "GET", "/v1/orders", None, 404, "unknown_ref", role="planner", provider="P-stad", params={name: ref}
        )


async def test_a_planner_writes_its_own_staff_and_tags_alone(filled):
    await filled.put("providers", "P-stad", BODIES["providers"])
    planner = {"role": "planner", "provider": "P-norr"}
    await filled.ask("PUT", "/v1/staff/S-01", BODIES["staff"] | {"role": "trainee"}, expect=200, **planner)
    await filled.ask("PUT", "/v1/staff/S-02", BODIES["staff"], expect=201, **planner)
    elsewhere = BODIES["staff"] | {"provider": "P-stad"}
    for ref in ("S-01", "S-03"):
        await refused(filled, "PUT", f"/v1/staff/{ref}", elsewhere, 422, "unknown_ref", **planner)
    await filled.put("staff", "S-04", elsewhere)
    for body in (elsewhere, BODIES["staff"]):
        await refused(filled, "PUT", "/v1/staff/S-04", body, 404, "unknown_ref", **planner)
    assert (await filled.ask("GET", "/v1/staff/S-04")).json()["version"] == 1

    await filled.ask("PUT", "/v1/tags/T-002", {"kind": "static", "uid": "0A0B0C0D"}, expect=201, **planner)
    assert (await filled.ask("GET", "/v1/tags/T-002", expect=200, **planner)).json()["mounts"] == []
    at = {"at": "2026-01-01T08:00:00Z"}
    await filled.ask("POST", "/v1/tags/T-002/mount", {"household": "B-001", **at}, expect=200, **planner)
    await filled.ask("POST", "/v1/tags/T-002/state", {"state": "lost", "reason": "gone", **at}, expect=200, **planner)
    for kind in ("providers", "recipients", "interventions", "contracts", "orders"):
        await refused(filled, "PUT", path(kind), BODIES[kind], 403, "forbidden_role", **planner)


async def test_a_municipality_sees_its_own_alone(filled, owner):
    await owner.execute("INSERT INTO municipality (municipality_id, name, as_of) VALUES (180, 'Stockholm', now())")
    for kind in KINDS:
        await refused(filled, "GET", path(kind), None, 404, "unknown_ref", municipality=180)
        assert (await filled.ask("GET", f"/v1/{kind}", municipality=180)).json()["items"] == []
    await filled.put("tags", "T-001", BODIES["tags"], municipality=180)
    found = await refused(filled, "PUT", path("orders"), BODIES["orders"], 422, "unknown_ref", municipality=180)
    assert len(found) == 3
