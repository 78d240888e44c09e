"""Bodies that cost more than they should, that no two readers read alike, or that are none."""

import gzip
import json
import time
import zlib

from attacks import as_json, settle, untold
from service import day, tap_item

GOOD = {"area": "URBAN", "household": "H-9"}
JSON = {"Content-Type": "application/json"}
DEEP = 100_000
BODIES = {
    "nothing": b"",
    "a space": b" ",
    "null": b"null",
    "a number": b"1",
    "a text": b'"area"',
    "a list": b"[]",
    "a list of one": b'[{"area": "URBAN"}]',
    "true": b"true",
    "half an object": b'{"area": "URB',
    "an object and more": b'{"area": "URBAN"} {"area": "RURAL"}',
    "a comma too many": b'{"area": "URBAN",}',
    "a comment": b'{"area": "URBAN" /* x */}',
    "single quotes": b"{'area': 'URBAN'}",
    "a key without quotes": b'{area: "URBAN"}',
    "the same key twice": b'{"area": "URBAN", "area": "RURAL"}',
    "the same key, once escaped": b'{"area": "URBAN", "\\u0061rea": "RURAL"}',
    "NaN": b'{"area": NaN}',
    "infinity": b'{"area": Infinity}',
    "a number without end": b'{"area": ' + b"9" * 5000 + b"}",
    "an exponent without end": b'{"area": 1e999999}',
    "deep lists": b'{"area": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "deep objects": b'{"area":' * 20_000 + b"1" + b"}" * 20_000,
    "lists that never close": b"[" * DEEP,
    "many keys": json.dumps({f"k{number}": number for number in range(20_000)}).encode(),
    "a very long key": json.dumps({"k" * 100_000: 1}).encode(),
    "a very long text": json.dumps({"area": "x" * 1_000_000}).encode(),
    "a NUL in a text": b'{"area": "URBAN\\u0000"}',
    "half a surrogate": b'{"area": "\\ud800"}',
    "bytes that are no UTF-8": b'{"area": "\xff\xfe"}',
    "overlong UTF-8": b'{"area": "\xc0\xaf"}',
    "UTF-16": json.dumps(GOOD).encode("utf-16"),
    "UTF-32": json.dumps(GOOD).encode("utf-32"),
    "a byte order mark": b"\xef\xbb\xbf" + json.dumps(GOOD).encode(),
    "Latin-1": '{"area": "ÅÄÖ"}'.encode("latin-1"),
    "XML": b"<area>URBAN</area>",
    "a form": b"area=URBAN&household=H-9",
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "a pickle": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00",
    "a YAML that calls": b"!!python/object/apply:os.system ['id']",
}
TYPES = (
    "text/plain", "text/html", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data",
    "application/x-yaml", "application/octet-stream", "application/jsonp", "", "application/json; charset=utf-16",
    "application/x-pickle", "image/svg+xml",
)  # fmt: skip
BOMB = b"0" * 50_000_000
SQUEEZED = {"gzip": gzip.compress(BOMB), "deflate": zlib.compress(BOMB), "br": b"\x0b\x02\x80", "zstd": b"(\xb5/\xfd"}
ITEMS = (
    "null",
    "1",
    '"x"',
    "[]",
    "[[]]",
    "true",
    "{}",
    '{"id": 1}',
    '{"id": null}',
    '{"id": {}}',
    '{"id": []}',
    '{"id": "x"}',
)
SOON_SECONDS = 5
TRIED = [*BODIES, *BODIES, *TYPES, *SQUEEZED, *ITEMS]


async def test_a_body_that_is_none_is_refused(service):
    """Soon, with an error that tells nothing of the body, and the record is not there."""
    await settle(service)
    for path, client in (
        ("/v1/recipients/B-9", service.client("system")),
        ("/v1/taps", service.client("staff", staff="S-1")),
    ):
        for name, body in BODIES.items():
            began = time.monotonic()
            method = "POST" if path == "/v1/taps" else "PUT"
            answer = await client.request(method, path, content=body, headers=JSON)
            assert answer.status_code in {400, 413, 422}, (path, name, answer.status_code, answer.text[:200])
            assert answer.headers["content-type"] == "application/problem+json", (path, name)
            assert untold(answer.text) == [], (path, name)
            assert len(answer.content) < 10_000, (path, name)
            assert time.monotonic() - began < SOON_SECONDS, (path, name)
    assert (await service.client("system").get("/v1/recipients/B-9")).status_code == 404
    assert len(await service.visits()) == 2


async def test_json_under_another_name_is_refused(service):
    for kind in TYPES:
        answer = await service.client("system").put(
            "/v1/recipients/B-9", content=as_json(GOOD), headers={"Content-Type": kind}
        )
        assert answer.status_code in {400, 415, 422}, (kind, answer.text)


async def test_nothing_is_unpacked(service):
    """Fifty megabytes in fifty kilobytes stay fifty kilobytes."""
    for name, body in SQUEEZED.items():
        answer = await service.client("system").put(
            "/v1/recipients/B-9", content=body, headers=JSON | {"Content-Encoding": name}
        )
        assert answer.status_code in {400, 413, 415, 422}, (name, answer.text)


async def test_an_item_that_is_none_costs_no_other_its_place(service):
    await settle(service)
    good = tap_item("04A1B2C3D4E5F6", "auto", day(-2, "12:00"))
    for item in ITEMS:
        body = b'{"sent_at": "%s", "taps": [%s, %s]}' % (
            day(-1, "12:00").isoformat().encode(),
            item.encode(),
            as_json(good),
        )
        answer = await service.client("staff", staff="S-1").post("/v1/taps", content=body, headers=JSON)
        assert answer.status_code == 200, (item, answer.text)
        assert [one["verdict"] for one in answer.json()["results"]] == ["refused", "accepted"], item
