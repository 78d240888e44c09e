"""What a page of somebody else's can make a browser do: read an answer, frame a page, guess a kind, send a form."""

from attacks import settle

ORIGINS = (
    "https://evil.example",
    "null",
    "http://localhost:3000",
    "https://taggad.example.evil.example",
    "file://",
    "*",
)
ASKED = ("/v1/visits", "/v1/recipients", "/openapi.json", "/", "/docs", "/v1/ledger/key?municipality=188")
PAGES = ("/", "/docs", "/enrol", "/t/plain", "/problems/busy")
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain")
TRIED = [*(origin + path for origin in ORIGINS for path in ASKED), *PAGES, *FORMS]


async def test_no_other_origin_reads_an_answer(service):
    await settle(service)
    for origin in ORIGINS:
        for path in ASKED:
            answer = await service.client("controller").get(path, headers={"Origin": origin})
            assert not [name for name in answer.headers if name.startswith("access-control")], (origin, path)
        asked = {
            "Origin": origin,
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": "authorization",
        }
        answer = await service.client().options("/v1/visits", headers=asked)
        assert answer.status_code in {401, 404, 405}, origin
        assert not [name for name in answer.headers if name.startswith("access-control")], origin


async def test_every_page_says_what_it_may_load_and_who_may_frame_it(service):
    for path in PAGES:
        answer = await service.client().get(path, headers={"Accept": "text/html"})
        policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";"))
        assert policy["frame-ancestors"] == "'none'", path
        assert policy["base-uri"] == "'none'", path
        assert policy["default-src"] in {"'none'", "'self'"}, path
        assert "unsafe" not in answer.headers["content-security-policy"], path
        assert answer.headers["x-content-type-options"] == "nosniff", path
        assert "server" not in answer.headers, path
        assert "set-cookie" not in answer.headers, path


async def test_a_form_of_another_page_writes_nothing(service):
    """A browser sends these kinds without asking, and no cookie of ours goes with them."""
    for kind in FORMS:
        answer = await service.client().post("/v1/taps", content=b'{"taps": []}', headers={"Content-Type": kind})
        assert answer.status_code == 401, kind
