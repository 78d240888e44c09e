"""An identity provider that does what a test asks of it, wrong things among them: OpenID Connect, code flow, PKCE.

A real one refuses to be wrong, so it stands beside this one (`tests/real_provider.py`).
"""

import asyncio
import hashlib
import secrets
import time
from base64 import b64decode, urlsafe_b64encode
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Route

from app.server import listen

CLIENT, SECRET = "taggad", "only they know"


class Provider:
    """`claims`, `returned`, `metadata` and `userinfo` change what it answers; None leaves a value out."""

    def __init__(self, url):
        self.url = url
        self.key = RSAKey.generate_key(2048, {"kid": secrets.token_hex(4)})
        self.signs_with = self.key
        self.algorithm = "RS256"
        self.claims, self.returned, self.metadata, self.userinfo = {}, {}, {}, {}
        self.asked, self.proved = {}, {}
        self._codes = {}
        routes = [Route("/.well-known/openid-configuration", self._discover), Route("/jwks", self._jwks)]
        routes += [Route("/authorize", self._authorize), Route("/userinfo", self._userinfo)]
        routes.append(Route("/token", self._token, methods=["POST"]))
        self.app = Starlette(routes=routes)

    async def _discover(self, _):
        told = {"issuer": self.url, "jwks_uri": f"{self.url}/jwks", "userinfo_endpoint": f"{self.url}/userinfo"}
        told |= {f"{name}_endpoint": f"{self.url}/{path}" for name, path in
                 (("authorization", "authorize"), ("token", "token"))}  # fmt: skip
        return JSONResponse(_without(told | self.metadata))

    async def _jwks(self, _):
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def _userinfo(self, _):
        return JSONResponse(_without({"sub": "anna"} | self.userinfo))

    async def _authorize(self, request):
        self.asked = asked = dict(request.query_params)
        code = secrets.token_urlsafe()
        self._codes[code] = asked
        answer = _without({"code": code, "state": asked["state"]} | self.returned)
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(answer)}", 302)

    async def _token(self, request):
        form = dict(parse_qsl((await request.body()).decode()))
        self.proved = form | {"authorization": request.headers.get("authorization", "")}
        asked = self._codes.pop(form.get("code"), None)
        challenge = urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).decode()
        basic = b64decode(self.proved["authorization"].removeprefix("Basic ")).decode() == f"{CLIENT}:{SECRET}"
        proved = basic or "client_assertion" in form
        if asked is None or not proved or asked["code_challenge"] != challenge.rstrip("="):
            return JSONResponse({"error": "invalid_grant"}, 400)
        if (asked["code_challenge_method"], asked["redirect_uri"]) != ("S256", form["redirect_uri"]):
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "sub": "anna", "nonce": asked["nonce"], "iat": now, "exp": now + 300}
        claims |= {"auth_time": now} | self.claims
        key, header = self.signs_with, {"alg": self.algorithm, "kid": self.key.kid, "own": "header"}
        token = jwt.encode(
            header, _without(claims), key, registry=JWSRegistry(algorithms=[self.algorithm], strict_check_header=False)
        )
        return JSONResponse({"access_token": "x", "token_type": "Bearer", "id_token": token})


def _without(told):
    return {name: value for name, value in told.items() if value is not None}


@asynccontextmanager
async def providing():
    """The provider on a free port of this machine."""
    door = listen("127.0.0.1", 0)
    provider = Provider(f"http://127.0.0.1:{door.getsockname()[1]}")
    server = uvicorn.Server(uvicorn.Config(provider.app, log_config=None, lifespan="off"))
    server.install_signal_handlers = lambda: None
    running = asyncio.create_task(server._serve([door]))
    while not server.started:  # noqa: ASYNC110 - it sets without an event
        await asyncio.sleep(0.001)
    try:
        yield provider
    finally:
        server.should_exit = server.force_exit = True
        await running
