"""A person with a browser that knows nothing of pages: it keeps cookies, says where it comes from, sends forms."""

import re
from urllib.parse import urlsplit

import httpx
from service import NO_TLS

MEMBER = {"valid_from": "2026-01-01"}
ROLE = {
    "admin": {"role": "admin"},
    "controller": {"role": "controller"},
    "planner": {"role": "planner", "provider": "P-norr"},
}


class Person:
    """One browser. `origin` is what it says of where it is; None: nothing."""

    def __init__(self, service, *, origin=True):
        headers = {"Origin": service.url} if origin is True else {"Origin": origin} if origin else {}
        self.service = service
        self.client = httpx.AsyncClient(
            base_url=service.url,
            timeout=60,
            trust_env=False,
            verify=NO_TLS,
            headers=headers | {"Accept-Language": "en"},
        )

    @property
    def secret(self):
        """The secret of the session in the cookie, None without one."""
        return self.client.cookies.get("taggad")

    def take_cookie(self, secret):
        """Go on with a cookie that somebody else has had."""
        self.client.cookies.set("taggad", secret, domain="127.0.0.1")

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.client.aclose()

    async def get(self, path, expect=200):
        answer = await self.client.get(path)
        assert answer.status_code == expect, (path, answer.status_code, answer.text)
        return answer

    async def post(self, path, expect=303, **form):
        answer = await self.client.post(path, data=form)
        assert answer.status_code == expect, (path, answer.status_code, answer.text)
        return answer

    async def enter(self, member):
        """Log in by a link for a membership; gives the address that it leads to."""
        return (await self.post(await link_to(self.service, member))).headers["location"]

    async def token(self):
        """The token in the forms of a page."""
        return re.search('name="token" value="([0-9a-f]{64})"', (await self.client.get("/account")).text)[1]


async def link_to(service, member):
    """The path of a new login link."""
    answer = await service.ask("POST", f"/v1/members/{member}/link", expect=201)
    return urlsplit(answer.json()["address"]).path


async def put_members(service, **roles):
    """Memberships by ref, each of a role."""
    await service.put("providers", "P-norr", {"name": "Norr", "form": "external"})
    for ref, role in roles.items():
        await service.put("members", ref, MEMBER | ROLE[role], role="admin")
