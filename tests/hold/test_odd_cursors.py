"""A cursor is ours, but whoever sends it can write anything into it: it is refused or taken, and breaks nothing."""

from itertools import product

from app.api.http.paging import cursor_of

AT = ["2026-10-24T08:31:02+00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
WORDS = ["B-1", "00000000-0000-0000-0000-000000000000", "overlap", "B-1\0"]
CURSORS = {
    *(cursor_of(word) for word in [*AT, *WORDS]),
    *(cursor_of(*words) for words in product(AT, WORDS)),
    *(cursor_of(*words) for words in product(AT, WORDS, WORDS)),
}
WHO = {"role": "planner", "provider": "P-norr"}
REST = {"/v1/delegations/missing": {"month": "2026-10"}}


def paged(app):
    return {
        path
        for path, methods in app.openapi()["paths"].items()
        if "cursor" in {one["name"] for one in methods.get("get", {}).get("parameters", ())}
    }


async def test_no_cursor_breaks_a_list(home):
    device, _ = await home.enrol("S-1")
    paths = paged(home.app) - {"/v1/clients"}
    assert len(paths) > 10
    for path in paths:
        barred = (await home.ask("GET", path, expect=(200, 403, 404, 422), **WHO)).status_code == 403
        who = {"role": "admin"} if barred else WHO
        for cursor in CURSORS:
            params = {"cursor": cursor} | REST.get(path, {})
            answer = await home.ask("GET", path.replace("{ref}", device), params=params, expect=(200, 422), **who)
            if answer.status_code != 200:
                assert answer.json()["code"] in {"invalid_cursor", "invalid_parameter"}, (path, cursor)
