"""Other people's things are not there by id, filter, batch item or cursor, nor another municipality by any header."""

import uuid

from attacks import OTHERS, UID, settle
from service import day, tap_item, written

MUNICIPALITY = (
    "X-Municipality",
    "X-Tenant",
    "X-Tenant-Id",
    "Municipality",
    "X-Taggad-Municipality",
    "X-Role",
    "X-User",
    "X-Staff",
)
LISTS = (
    "/v1/visits",
    "/v1/anomalies",
    "/v1/disputes",
    "/v1/changes",
    "/v1/recipients",
    "/v1/staff",
    "/v1/orders",
    "/v1/tags",
    "/v1/devices",
)
WIDER = ({"provider": "P-sol"}, {"recipient": "B-2"}, {"staff": "S-2"})
WRITES = {
    "its staff": ("PUT", "/v1/staff/S-2", {"provider": "P-norr", "role": "care_assistant", "valid_from": "2020-01-01"}),
    "its tag": ("PUT", "/v1/tags/T-2", {"kind": "static", "uid": "04D1B2C3D4E5F6"}),
    "its tag's door": ("POST", "/v1/tags/T-2/mount", {"household": "H-1", "at": "2026-01-01T08:00:00Z"}),
    "its tag's state": (
        "POST",
        "/v1/tags/T-2/state",
        {"state": "lost", "at": "2026-01-01T08:00:00Z", "reason": "other"},
    ),
    "a phone of its staff": ("POST", "/v1/devices", {"staff": "S-2"}),
}
BATCHES = ("/v1/visits:batch", "/v1/anomalies:apply", "/v1/anomalies:acknowledge")
CURSORS = ("MQ", "AAAA", "e30", "LTE", "MA==", "JTAw", "x" * 500, "..", "' OR 1=1", "188", "0", "-1", "null", "[]")
OF_OTHERS = ("tap of another", "report of another's tap", "reminders", "visits", "receipt", "phone of another")
TRIED = [*MUNICIPALITY, *(path + str(one) for path in LISTS for one in WIDER), *WRITES, *BATCHES, *CURSORS, *OF_OTHERS]


def norr(service):
    return service.client("planner", provider="P-norr")


async def test_no_header_chooses_the_municipality_or_the_role(service):
    await settle(service)
    plain = (await norr(service).get("/v1/visits")).json()
    for header in MUNICIPALITY:
        for value in ("180", "admin", "S-2"):
            assert (await norr(service).get("/v1/visits", headers={header: value})).json() == plain, header
        assert (await norr(service).get("/v1/clients", headers={header: "admin"})).status_code == 403, header


async def test_a_filter_never_widens_what_is_seen(service):
    await settle(service)
    for path in LISTS:
        for wider in WIDER:
            answer = await norr(service).get(path, params=wider)
            assert answer.status_code in {200, 404, 422}, (path, wider, answer.text)
            text = str(answer.json().get("items", []))
            assert not any(ref in text for ref in ("P-sol", "B-2", "S-2", "H-2", OTHERS)), (path, wider)


async def test_nothing_of_another_provider_is_written(service):
    await settle(service)
    before = {path: (await service.client("system").get(path)).json() for path in ("/v1/staff/S-2", "/v1/tags/T-2")}
    for name, (method, path, body) in WRITES.items():
        answer = await norr(service).request(method, path, json=body)
        assert answer.json()["code"] == "unknown_ref", (name, answer.text)
    assert {path: (await service.client("system").get(path)).json() for path in before} == before


async def test_an_item_of_a_batch_reaches_no_further_than_a_request(service):
    await settle(service)
    [theirs] = await service.visits(provider="P-sol")
    bodies = {
        "/v1/visits:batch": {
            "visits": [
                {
                    "id": uuid.uuid4(), "staff": "S-2", "recipient": "B-2", "started_at": day(-2, "08:00"),
                    "ended_at": day(-2, "08:30"), "interventions": [], "reason": "tag_missing",
                }
            ]
        },
        "/v1/anomalies:apply": {"items": [{"id": f"{theirs['id']}:not_ordered"}]},
        "/v1/anomalies:acknowledge": {"ids": [f"{theirs['id']}:not_ordered"]},
    }  # fmt: skip
    for path in BATCHES:
        answer = await norr(service).post(path, json=written(bodies[path]))
        assert answer.status_code in {200, 404, 422}, (path, answer.text)
        assert "P-sol" not in answer.text, path
    assert await service.visits(provider="P-sol") == [theirs]


async def test_a_cursor_is_what_we_gave_or_nothing(service):
    await settle(service)
    foreign = (await service.client("system").get("/v1/staff", params={"limit": 1})).json()["next"]
    for cursor in (*CURSORS, foreign):
        for path in ("/v1/visits", "/v1/recipients", "/v1/changes"):
            answer = await norr(service).get(path, params={"cursor": cursor})
            assert answer.status_code in {200, 400, 410, 422}, (cursor, path, answer.text)
            assert "S-2" not in answer.text, (cursor, path)
            assert "B-2" not in answer.text, (cursor, path)


async def test_a_carer_is_nobody_else(service):
    """Whoever a tap or a report claims to be of, it is of the token's person."""
    await settle(service)
    carer = service.client("staff", staff="S-1")
    [result] = await service.taps("S-1", [tap_item(UID, "in", day(-2, "08:00"))])
    theirs = (await service.visits(provider="P-sol"))[0]
    report = {
        "id": uuid.uuid4(),
        "tap": theirs["taps"]["in"],
        "reported_at": day(-1, "09:00"),
        "outcome": "performed",
        "interventions": [],
    }
    [said] = (await carer.post("/v1/reports", json=written({"reports": [report]}))).json()["results"]
    assert (said["verdict"], said["code"]) == ("refused", "not_own_presence")
    assert (await carer.get(f"/v1/visits/{theirs['id']}")).status_code == 404
    assert theirs["id"] not in (await carer.get("/v1/visits")).text
    assert "H-2" not in (await carer.get("/v1/reminders")).text
    assert (await carer.get("/v1/ledger/receipt", params={"fact": theirs["taps"]["in"]})).status_code == 404
    assert (await carer.post("/v1/devices", json={"staff": "S-2"})).status_code == 403
    assert result["verdict"] == "accepted"
    assert {one["staff"] for one in await service.visits(provider="P-norr")} == {"S-1"}
