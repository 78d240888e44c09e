"""A phone's identity: a key of its own, enrolled once by a code, and short tokens that it gets by signing."""

import time
import uuid
from collections.abc import Mapping
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

from firmware_sim.wire import Answer, Wire

CURVE, ALGORITHM = "P-256", "ES256"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION_SECONDS = 120
EARLY_SECONDS = 60
"""A token is renewed so many seconds before it ends, because a request may be under way for a while."""
CREATED, UNAUTHORIZED = 201, 401
Enrolled = Mapping[str, "Device"]
"""The phone of each staff ref."""


class Device:
    """An enrolled phone of one staff ref. It gets a token when it has none."""

    def __init__(self, wire: Wire, ref: str, key: ECKey) -> None:
        self.ref = ref
        self._wire = wire
        self._key = key
        self._token = ""
        self._until = 0.0

    async def send(self, path: str, body: Any) -> Answer:
        """Send one request of this phone. If it gets no token, the answer is the one to the request for a token."""
        if time.monotonic() >= self._until:
            asked = await self._renew()
            if not self._token:
                return asked
        answer = await self._wire.send("POST", path, token=self._token, body=body)
        if answer.status == UNAUTHORIZED:
            self._until = 0.0
        return answer

    async def _renew(self) -> Answer:
        now = time.time()
        claims = {
            "iss": self.ref,
            "sub": self.ref,
            "aud": "taggad",
            "exp": int(now) + ASSERTION_SECONDS,
            "jti": str(uuid.uuid4()),
        }
        assertion = jwt.encode({"alg": ALGORITHM}, claims, self._key, algorithms=[ALGORITHM])
        answer = await self._wire.send("POST", "/oauth/token", form={"grant_type": GRANT, "assertion": assertion})
        granted = answer.body if isinstance(answer.body, dict) else {}
        self._token = granted.get("access_token", "")
        self._until = time.monotonic() + granted.get("expires_in", 0) - EARLY_SECONDS if self._token else 0.0
        return answer


async def enrol(wire: Wire, token: str, staff: str) -> Device:
    """Enrol a new phone of a staff ref: the holder of the token asks for a code, the phone sends it with its key.

    Raises ServiceRefusedError when the service refuses either.
    """
    key = ECKey.generate_key(CURVE)
    offer = await wire.insist("POST", "/v1/devices", token=token, body={"staff": staff})
    said = {"code": offer.body["code"], "public_key": key.as_dict(private=False)}
    enrolled = await wire.insist("POST", "/v1/devices/enrol", body=said)
    return Device(wire, enrolled.body["device"], key)
