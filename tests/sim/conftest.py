"""A small HTTP server on loopback that answers what a test says, and remembers what it was asked."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey


@dataclass
class Asked:
    method: str
    path: str
    token: str
    body: Any


@dataclass
class Clerk:
    """Answers like a service: `answer(asked)` gives status, body and perhaps headers; without one, all is well."""

    answer: Any = None
    asked: list[Asked] = field(default_factory=list)
    items: dict[str, Any] = field(default_factory=dict)
    known_uids: set[str] = field(default_factory=set)
    base_url: str = ""
    keys: dict[str, Any] = field(default_factory=dict)
    assertions: list[str] = field(default_factory=list)
    token_seconds: int = 900

    def usual(self, asked):
        if asked.method == "PUT" and asked.path.startswith("/v1/tags/"):
            self.known_uids.add(asked.body["uid"])
        if asked.path == "/v1/devices":
            return 201, {"code": asked.body["staff"]}
        if asked.path == "/v1/devices/enrol":
            self.keys[f"D-{asked.body['code']}"] = ECKey.import_key(asked.body["public_key"])
            return 201, {"device": f"D-{asked.body['code']}"}
        if asked.path == "/oauth/token":
            return 200, {"access_token": self.token_for(asked.body["assertion"]), "expires_in": self.token_seconds}
        for kind in ("taps", "reports"):
            if asked.path == f"/v1/{kind}":
                return 200, {"results": [self.verdict(asked.token, item) for item in asked.body[kind]]}
        return 201 if asked.method == "PUT" else 200, {}

    def token_for(self, assertion):
        """A token for whoever signed."""
        named = json.loads(jws.extract_compact(assertion.encode()).payload)["iss"]
        claims = jwt.decode(assertion, self.keys[named], algorithms=["ES256"]).claims
        assert claims["sub"] == named
        assert claims["jti"] not in self.assertions
        self.assertions.append(claims["jti"])
        return f"token-of-{named.removeprefix('D-')}"

    def verdict(self, token, item):
        first = self.items.setdefault(item["id"], (token, item))
        if first != (token, item):
            return {"id": item["id"], "verdict": "refused", "code": "id_conflict"}
        uid = item.get("tag", {}).get("uid")
        if uid is not None and uid not in self.known_uids:
            return {"id": item["id"], "verdict": "refused", "code": "tag_unknown"}
        return {"id": item["id"], "verdict": "accepted", "code": None}

    async def serve(self, reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                request, *lines = head.decode().strip().split("\r\n")
                headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
                raw = await reader.readexactly(int(headers.get("content-length", "0")))
                method, path, _ = request.split(" ")
                token = headers.get("authorization", "").removeprefix("Bearer ")
                if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
                    body = dict(parse_qsl(raw.decode()))
                else:
                    body = json.loads(raw) if raw else None
                asked = Asked(method, path, token, body)
                self.asked.append(asked)
                status, body, *more = (self.answer or self.usual)(asked)
                content = json.dumps(body).encode()
                extra = "".join(f"{k}: {v}\r\n" for one in more for k, v in one.items())
                writer.write(f"HTTP/1.1 {status} X\r\n{extra}Content-Length: {len(content)}\r\n\r\n".encode() + content)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def clerk():
    one = Clerk()
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield one
    server.close()
