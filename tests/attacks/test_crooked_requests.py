"""Requests that two servers may read differently, and addresses beside those that there are."""

from attacks import raw, settle, untold

HOST = b"Host: taggad.example\r\n"
PATHS = (
    "//v1/visits", "/v1//visits", "/v1/./visits", "/v1/../v1/visits", "/%76%31/visits/", "/v1/visits/",
    "/V1/visits", "/v1/visits%00", "/v1/visits%0a", "/v1/visits%20", "/v1/visits;jsessionid=1", "/v1/visits.json",
    "/v1/visits/..;/recipients", "/v1/visits%2f..%2frecipients", "/v1/visits/%2e%2e/recipients", "/v1/visits#x",
    "/.git/config", "/.env", "/server-status", "/actuator/env", "/debug/pprof", "/wp-login.php", "/backup.sql",
    "/phpinfo.php", "/etc/passwd", "/metrics/../v1/visits", "/v2/visits", "/v0/visits", "/v1/internal", "/graphql",
    "/swagger.json", "/redoc", "/openapi.yaml", "/robots.txt~", "/config.json",
)  # fmt: skip
FILES = (
    "../main.py", "../../pyproject.toml", "..%2fmain.py", "%2e%2e/main.py", "%252e%252e/main.py", "....//main.py",
    "/etc/passwd", "//etc/passwd", "..\\main.py", "phone.js%00.png", ".", "", "phone.js/../../main.py",
    "0123456789abcdef/../../main.py", "0123456789abcdef/..%2f..%2fmain.py",
)  # fmt: skip
METHODS = ("TRACE", "TRACK", "CONNECT", "DEBUG", "PROPFIND", "MOVE", "COPY", "LOCK", "PATCH", "FOO", "get", "PURGE")
OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")
ADDRESSES = ("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Path", "X-Forwarded-Prefix", "X-Forwarded-Uri")
HOSTS = ("evil.example", "evil.example:80", "127.0.0.1@evil.example", "evil.example/a", "a\tb", "", "[::1]", "x" * 300)
FRAMES = {
    "a length and chunks": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    b"GET /v1/visits HTTP/1.1\r\nHost: a\r\n\r\n",
    "two lengths": b"Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}" + b"A" * 38,
    "two lengths in one": b"Content-Length: 2, 40\r\n\r\n{}" + b"A" * 38,
    "a length with a sign": b"Content-Length: +2\r\n\r\n{}",
    "a negative length": b"Content-Length: -1\r\n\r\n{}",
    "a length in hex": b"Content-Length: 0x2\r\n\r\n{}",
    "a length beyond all": b"Content-Length: 99999999999999999999\r\n\r\n{}",
    "chunks by another name": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunks after a tab": b"Transfer-Encoding:\tchunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "chunks twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "a chunk that is no number": b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a chunk that never comes": b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n{}",
    "a space before the colon": b"Content-Length : 2\r\n\r\n{}",
    "a folded header": b"X-A: b\r\n Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "a header without a name": b": 2\r\nContent-Length: 2\r\n\r\n{}",
    "a header with a NUL": b"X-A: a\x00b\r\nContent-Length: 2\r\n\r\n{}",
    "lone line feeds": b"Content-Length: 2\n\n{}",
    "a lone carriage return": b"X-A: a\rContent-Length: 9\r\nContent-Length: 2\r\n\r\n{}",
    "ten thousand headers": b"X-A: b\r\n" * 10_000 + b"Content-Length: 2\r\n\r\n{}",
}
TRIED = [*PATHS, *FILES, *METHODS, *OVERRIDES, *ADDRESSES, *HOSTS, *FRAMES]


async def test_an_address_is_read_in_one_way(service):
    """Beside what there is, nothing: no other spelling, no file, no page of ours."""
    await settle(service)
    known = (await service.client("controller").get("/v1/visits")).json()
    token = service.token("controller").encode()
    for path in PATHS:
        sent = b"GET %s HTTP/1.1\r\n%sAuthorization: Bearer %s\r\nConnection: close\r\n\r\n" % (
            path.encode(),
            HOST,
            token,
        )
        [status], text = await raw(service, sent)
        # A server may drop a fragment; any other spelling names nothing.
        assert status in {400, 404, 405, 422} or (path in {"/v1/visits#x", "/%76%31/visits/"} and status == 200), (
            path,
            text,
        )
        assert known["items"][0]["id"] not in text or status == 200, path
        assert untold(text) == [], path


async def test_no_file_is_served_but_the_pages_own(service):
    for path in FILES:
        sent = b"GET /static/%s HTTP/1.1\r\n%sConnection: close\r\n\r\n" % (path.encode(), HOST)
        [status], text = await raw(service, sent)
        assert status in {400, 404, 405}, (path, text[:300])
        assert "import " not in text, path
        assert "root:" not in text, path


async def test_only_the_methods_of_a_route(service):
    for method in METHODS:
        sent = b"%s /v1/visits HTTP/1.1\r\n%sX-Secret: s3cr3t\r\nConnection: close\r\n\r\n" % (method.encode(), HOST)
        [status], text = await raw(service, sent)
        assert status in {400, 404, 405, 501}, (method, text)
        assert "s3cr3t" not in text, method


async def test_no_header_changes_method_address_or_host(service):
    """The service behind a proxy believes nothing that a caller can write, and writes no address that it was told."""
    await settle(service)
    reader = service.client("controller")
    plain = await reader.get("/v1/recipients")
    for header in OVERRIDES:
        assert (await reader.get("/v1/recipients", headers={header: "DELETE"})).json() == plain.json(), header
    for header in ADDRESSES:
        answer = await reader.get("/v1/recipients", headers={header: "/v1/clients"})
        assert answer.json() == plain.json(), header
    for host in HOSTS:
        sent = (
            f"GET /v1/recipients HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Host: {host}\r\n"
            f"Authorization: Bearer {service.token('controller')}\r\nConnection: close\r\n\r\n"
        )
        [status], text = await raw(service, sent.encode())
        assert status in {200, 400}, (host, text)
        assert "evil" not in text, host


async def test_a_request_ends_where_it_says(service):
    """What two servers could part differently is refused whole: nothing behind it is taken for a request."""
    for name, rest in FRAMES.items():
        sent = b"POST /oauth/token HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n" + rest
        statuses, text = await raw(service, sent, ends=True)
        assert 200 not in statuses, (name, text)
        assert len(statuses) <= 1 or statuses[1:] == [400], (name, statuses)
        assert 500 not in statuses, (name, text)
    assert (await service.client().get("/health/live")).status_code == 200
