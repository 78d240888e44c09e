"""A municipality that is not there answers 404 whatever is asked of it, and is made like any other afterwards."""

from fastapi.routing import APIRoute, iter_route_contexts

from app.actions.add_municipality import add_municipality
from app.api.http.access import allowed_by

NOWHERE = {"municipality": 999}


def asked(app):
    """Every route that asks who calls, with a role that it lets in."""
    for route in (one.original_route for one in iter_route_contexts(app.routes)):
        allowed = allowed_by(route) if isinstance(route, APIRoute) else None
        if allowed:
            yield next(iter(route.methods)), route.path_format, min(allowed.roles)


async def test_nothing_is_read_or_written_there(service):
    routes = list(asked(service.app))
    assert {method for method, *_ in routes} == {"GET", "POST", "PUT", "DELETE"}
    assert len(routes) > 80
    for method, path, role in routes:
        who = NOWHERE | {"staff": {"staff": "S-1"}, "planner": {"provider": "P-1"}}.get(role, {})
        answer = await service.client(role, **who).request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_municipality"), (method, path, role)


async def test_a_client_of_one_is_as_any_other_that_does_not_exist(service):
    for name in ("999.ekonomi", "188.ekonomi"):
        form = {"grant_type": "client_credentials", "client_id": name, "client_secret": "x"}
        answer = await service.client().post("/oauth/token", data=form)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_it_is_there_once_it_is_made(service):
    await service.ask("GET", "/v1/visits", role="controller", expect=404, **NOWHERE)
    assert await add_municipality(service.app.state.database, 999, "Nyby")
    answer = await service.ask("GET", "/v1/visits", role="controller", expect=200, **NOWHERE)
    assert answer.json()["items"] == []
