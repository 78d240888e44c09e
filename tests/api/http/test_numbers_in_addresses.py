"""No address holds a personal number: machines that are not ours write addresses down."""

import uuid

import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from service import day

from app.api.http.access import allowed_by
from app.api.http.declared import COUNTED, declared_by

NUMBER = "19121212-1212"


async def test_every_route_refuses_a_number_in_its_address(service):
    asked = 0
    for route in (one.original_route for one in iter_route_contexts(service.app.routes)):
        if not isinstance(route, APIRoute) or not route.include_in_schema:
            continue
        allowed = allowed_by(route)
        role = min(allowed.roles) if allowed else None
        who = {"staff": {"staff": "S-1"}, "planner": {"provider": "P-1"}}.get(role, {})
        path = route.path.format_map(dict.fromkeys(route.param_convertors, "x"))
        addresses = [(path, {name: f"B-{NUMBER}"}) for name in declared_by(route) if name not in COUNTED]
        if route.param_convertors:
            addresses.append((path.replace("/x", f"/x.{NUMBER}"), {}))
        for address, params in addresses:
            answer = await service.ask(min(route.methods), address, role=role, params=params, expect=422, **who)
            assert answer.json()["code"] == "ref_is_personal_number", address
            assert NUMBER not in answer.text
            asked += 1
    assert asked > 100


async def test_a_caller_without_the_right_learns_nothing_of_the_address(service):
    problem = await service.ask("GET", f"/v1/recipients/{NUMBER}", role="staff", staff="S-1", expect=403)
    assert problem.json()["code"] == "forbidden_role"


async def test_what_is_no_ref_may_look_like_a_number(service):
    odd = f"{uuid.uuid4()}"[:-12] + "191212121212"
    assert (await service.ask("GET", f"/v1/visits/{odd}", expect=404)).json()["code"] == "not_found"


@pytest.mark.parametrize("name", ["recipient", "staff"])
async def test_a_visit_by_hand_names_nobody_by_number(service, name):
    visit = {"id": uuid.uuid4(), "recipient": "B-1", "staff": "S-1", "started_at": day(-1, "08:00")}
    visit |= {"ended_at": day(-1, "09:00"), "interventions": ["dusch"], "reason": "other", "note": "x", name: NUMBER}
    one = await service.ask("POST", "/v1/visits", visit, expect=422)
    batch = await service.ask("POST", "/v1/visits:batch", {"visits": [visit]}, expect=200)
    assert one.json()["code"] == "ref_is_personal_number"
    [result] = batch.json()["results"]
    assert [(fault["pointer"], fault["code"]) for fault in result["errors"]] == [
        (f"/visits/0/{name}", "ref_is_personal_number")
    ]
    assert NUMBER not in one.text + batch.text
