"""A municipality of an experiment: the model's small one, put over HTTP, and everything that was ever sent of it."""

import asyncio
import datetime as dt
import json
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import quote
from urllib.request import ProxyHandler, Request, build_opener
from uuid import UUID

from beginning import BEGAN_AT, CATALOGUE, settle
from product import token
from service import written

PROVIDER = "P-norr"
ORE_AN_HOUR = 36_000  # ten öre a second: nothing is ever rounded
CONTRACT = {
    "provider": PROVIDER,
    "valid_from": "2025-01-01",
    "split_policy": "proportional",
    "compensation": {
        "rules": [
            {
                "ref": "all",
                "basis": "executed",
                "categories": sorted({category for category, _ in CATALOGUE.values()}),
                "rates": [{"ore": ORE_AN_HOUR}],
            }
        ]
    },
}


class Told(NamedTuple):
    """One answer to an item: `life` is the database's since the last restore."""

    life: int
    verdict: str
    code: str | None
    duplicate: bool
    at: str | None


@dataclass
class Sent:
    """An item by its id, in all the bodies it was sent with, and what was answered to each."""

    staff: str
    bodies: list
    truth: dt.datetime | None = None
    """When a tap really was, whatever its phone's clock said."""
    phone: object = None
    """What keeps it, and sends it again after a restore."""
    answers: dict = field(default_factory=dict)
    """By the number of the body."""

    def acknowledged(self):
        """The bodies with the last answer to each."""
        return [(self.bodies[number], told[-1]) for number, told in self.answers.items() if told]


@dataclass
class Corrected:
    """A correction that was sent: of which version of a visit, and the version it was answered with."""

    visit: str
    version: int
    body: dict
    answered: int | None = None
    life: int = 0


class Town:
    """One municipality. `life` counts restores."""

    def __init__(self, network, code, days):
        self.network = network
        self.code = code
        self.days = days
        self.life = 0
        self.taps = {}
        self.reports = {}
        self.corrections = {}
        self.closes = {}  # by month, as answered
        self.findings = []  # what was seen to be wrong while it went on

    async def ask(self, method, path, *, role, **more):
        return await self.network.ask(method, path, town=self.code, role=role, **more)

    async def surely(self, method, path, *, role, **more):
        """The same, asked until there is an answer."""
        async with asyncio.timeout(60):
            while (answer := await self.ask(method, path, role=role, **more)) is None:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.1)
        return answer

    async def settle(self, postgres):
        """Make it, in a quiet moment."""
        owner = await postgres.owner()
        await owner.execute("INSERT INTO municipality VALUES ($1, 'Norrtälje', now())", self.code)
        await owner.close()
        await asyncio.to_thread(settle, _Putting(self.network.servers[0].base, self.code))
        answer = await self.surely("PUT", f"/v1/contracts/C-{PROVIDER}", role="system", body=CONTRACT)
        assert answer.status_code == 201, answer.text

    def note(self, kind, numbers, answer):
        """Keep what was answered to items, each named by (id, number of its body). Tells whether all were answered."""
        known = self.taps if kind == "taps" else self.reports
        body = answer.json()
        if answer.status_code != 200 or len(body["results"]) != len(numbers):
            self.findings.append(f"answers: {kind} answered {answer.status_code} {answer.text[:200]}")
            return False
        for (id_, number), result in zip(numbers, body["results"], strict=True):
            if result["id"] != str(id_):
                self.findings.append(f"answers: {id_} got the answer to {result['id']}")
                continue
            told = Told(self.life, result["verdict"], result["code"], result["duplicate"], result.get("at"))
            known[id_].answers.setdefault(number, []).append(told)
        return True


class _Putting:
    """What the model's beginning is put with."""

    def __init__(self, base, code):
        self._base, self._code = base, code
        self._opener = build_opener(ProxyHandler({}))

    def settle(self, now, put):
        assert now == BEGAN_AT
        put(self._code)

    def ask(self, _, method, path, body, *, role="system", **who):
        headers = {"Authorization": f"Bearer {token(self._code, role, **who)}", "Content-Type": "application/json"}
        content = json.dumps(written(body)).encode()
        request = Request(f"{self._base}{quote(path, safe='/%')}", content, headers, method=method)  # noqa: S310 - our own
        with self._opener.open(request, timeout=30) as answer:
            assert answer.status in {200, 201}


def minted(chance):
    """An id as a phone mints it, the same again with the same seed."""
    return UUID(int=chance.getrandbits(128), version=4)
