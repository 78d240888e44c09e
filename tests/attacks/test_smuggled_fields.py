"""What only the service decides is refused in a body, wherever it stands, and nothing is stored of that item."""

import uuid

from attacks import settle, untold
from service import day, tap_item, written

OURS = (
    "municipality", "municipality_id", "tenant", "id_hash", "body_hash", "received_at", "recorded_by", "recorded_at",
    "seq", "version", "mac", "leaf_index", "verdict", "evidence", "payable", "code", "is_admin", "__proto__",
    "constructor", "$where", "role_override", "created_at",
)  # fmt: skip
RECORDS = {
    "/v1/recipients/B-9": {"area": "URBAN", "household": "H-9"},
    "/v1/staff/S-9": {"provider": "P-norr", "role": "care_assistant", "valid_from": "2020-01-01"},
    "/v1/providers/P-9": {"name": "Nio", "form": "external"},
    "/v1/interventions/nio": {"title": "Nio", "category": "CARE", "standard_minutes": 5},
    "/v1/tags/T-9": {"kind": "static", "uid": "04C1B2C3D4E5F6"},
}
TAP_FIELDS = ("staff", "device", "at", "verdict", "evidence", "flags", "counter", "tag_ref", "received_at", "payable")
REPORT_FIELDS = ("staff", "payable", "seconds", "received_at", "person", "code")
ESCALATING = ("provider", "role", "scope", "municipality", "device", "staff", "exp")
TRIED = [*OURS * len(RECORDS), *TAP_FIELDS, *REPORT_FIELDS, *ESCALATING]


async def test_no_record_takes_a_field_that_is_ours(service):
    await settle(service)
    for path, good in RECORDS.items():
        for field in OURS:
            answer = await service.client("system").put(path, json=good | {field: "1"})
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid_envelope"), (path, field)
            assert untold(answer.text) == [], (path, field)
        assert (await service.client("system").get(path)).status_code == 404


async def test_no_tap_and_no_report_takes_them_either(service):
    """A batch is answered item by item: what is refused is that item, and the next is stored."""
    await settle(service)
    for field in TAP_FIELDS:
        bad = tap_item("04A1B2C3D4E5F6", "in", day(-2, "10:00")) | {field: "S-2"}
        good = tap_item("04A1B2C3D4E5F6", "auto", day(-2, "12:00"))
        [first, second] = await service.taps("S-1", [bad, good])
        assert (first["verdict"], second["verdict"]) == ("refused", "accepted"), field
    for field in REPORT_FIELDS:
        item = {
            "id": uuid.uuid4(),
            "tap": uuid.uuid4(),
            "reported_at": day(-1, "09:00"),
            "outcome": "performed",
            "interventions": [],
            field: "1",
        }
        answer = await service.client("staff", staff="S-1").post("/v1/reports", json=written({"reports": [item]}))
        assert [one["verdict"] for one in answer.json()["results"]] == ["refused"], field
    assert len(await service.visits(from_=day(-1).date(), to=day(-1).date())) == 2


async def test_a_token_request_takes_no_more_than_it_should(service):
    made = await service.ask("POST", "/v1/clients", {"ref": "ekonomi", "role": "system"}, expect=201)
    secret = made.json()
    for field in ESCALATING:
        form = {
            "grant_type": "client_credentials",
            "client_id": secret["client_id"],
            "client_secret": secret["client_secret"],
        }
        answer = await service.client().post("/oauth/token", data=form | {field: "admin"})
        if answer.status_code == 200:
            told = service.app.state.tokens.caller(answer.json()["access_token"])
            assert (told.role, told.municipality_id, told.provider, told.staff, told.device) == (
                "system",
                188,
                None,
                None,
                None,
            )
        else:
            assert answer.status_code == 400, field
