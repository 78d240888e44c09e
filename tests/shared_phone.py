"""A phone that several share, as a test uses it: enrolled for a provider, chosen by PIN, asking with its own key."""

import uuid

from joserfc import jwt
from joserfc.jwk import ECKey
from service import written

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
NORR = {"role": "planner", "provider": "P-norr"}
PIN_OF = {"S-1": "472916", "S-2": "803571"}


class SharedPhone:
    """A phone at the office: its key, and by staff ref the work shifts that it knows of."""

    def __init__(self, service, ref, key):
        self.service, self.ref, self.key = service, ref, key
        self.shifts, self.tokens = {}, {}

    def assertion(self):
        claims = {"iss": self.ref, "sub": self.ref, "aud": "taggad", "exp": self.now() + 60, "jti": str(uuid.uuid4())}
        return jwt.encode({"alg": "ES256"}, claims, self.key, algorithms=["ES256"])

    def now(self):
        return int(self.service.app.state.clock.now().timestamp())

    async def choose(self, staff, pin=None, expect=201):
        body = {"assertion": self.assertion(), "staff": staff, "pin": pin or PIN_OF.get(staff, "000123")}
        answer = (await self.service.ask("POST", "/v1/work-shifts", body, role=None, expect=expect)).json()
        if expect == 201:
            self.shifts[staff], self.tokens[staff] = answer["id"], answer["access_token"]
        return answer

    async def renew(self, staff, expect=200):
        form = {"grant_type": JWT_BEARER, "assertion": self.assertion(), "work_shift": self.shifts[staff]}
        answer = await self.service.client().post("/oauth/token", data=form)
        assert answer.status_code == expect, answer.text
        if expect == 200:
            self.tokens[staff] = answer.json()["access_token"]
        return answer.json()

    async def ask(self, staff, method, path, body=None):
        headers = {"Authorization": f"Bearer {self.tokens[staff]}"}
        return await self.service.client().request(method, path, json=written(body), headers=headers)

    async def send(self, staff, *items):
        body = {"sent_at": self.service.app.state.clock.now(), "taps": list(items)}
        answer = await self.ask(staff, "POST", "/v1/taps", body)
        assert answer.status_code == 200, answer.text
        return [(one["verdict"], one["code"], len(one["visits"])) for one in answer.json()["results"]]


async def shared_phone(service, provider="P-norr"):
    """A phone that is enrolled for all of a provider's staff."""
    offer = {"shared": True, "provider": provider}
    code = (await service.ask("POST", "/v1/devices", offer, role="planner", provider=provider, expect=201)).json()
    assert (code["staff"], code["provider"]) == (None, provider)
    key = ECKey.generate_key("P-256")
    body = {"code": code["code"], "public_key": key.as_dict(private=False)}
    enrolled = (await service.ask("POST", "/v1/devices/enrol", body, role=None, expect=201)).json()
    assert (enrolled["staff"], enrolled["shared"], enrolled["provider"]) == (None, True, provider)
    return SharedPhone(service, enrolled["device"], key)


async def set_pin(service, staff, pin, expect=201, **planner):
    """A planner gives a code, and the person chooses a PIN with it."""
    code = (await service.ask("POST", f"/v1/staff/{staff}/pin-code", expect=201, **planner or NORR)).json()["code"]
    return (await service.ask("POST", "/v1/pins", {"code": code, "pin": pin}, role=None, expect=expect)).json()
