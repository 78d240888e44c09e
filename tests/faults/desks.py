"""Who works with visits while things break: whoever pulls changes, an auditor, planners, and who closes months."""

import asyncio
import datetime as dt
import random

from beginning import CATALOGUE
from driver import utc
from place import PROVIDER, Corrected, minted

LOOK_SECONDS = 0.02
HEAD_SECONDS = 0.1
OWN = {"role": "planner", "provider": PROVIDER}


class Follower:
    """A system of the municipality that pulls the changes, now from one server, now from the other, page by page."""

    def __init__(self, town, seed):
        self.town = town
        self.chance = random.Random(f"{seed}/follower")
        self.after, self.life = "0", town.life
        self.visits = {}
        self.began_again = 0
        self.stopping = False

    async def work(self):
        while not self.stopping:
            await self.pull()
            await asyncio.sleep(LOOK_SECONDS)

    async def pull(self):
        """One page. Tells whether there may be more."""
        params = {"after": self.after, "limit": self.chance.choice([1, 3, 10, 100])}
        answer = await self.town.ask("GET", "/v1/changes", role="system", params=params)
        if answer is None:
            return True
        if answer.status_code == 410:
            self._begin_again()
            return True
        page = answer.json()
        for item in page["items"]:
            id_ = item["visit"]["id"] if "visit" in item else item["withdrawn"]
            self.visits.pop(id_, None)
            if "visit" in item:
                self.visits[id_] = item["visit"]
        more = page["next"] != self.after
        self.after = page["next"]
        return more

    def _begin_again(self):
        if self.began_again == self.town.life:
            self.town.findings.append("changes: a cursor was refused though nothing was restored")
        self.began_again = self.town.life
        self.after, self.visits = "0", {}

    async def to_the_end(self):
        async with asyncio.timeout(60):
            while await self.pull():
                pass


class Auditor:
    """Keeps every head that it saw, and receipts."""

    def __init__(self, town, seed):
        self.town = town
        self.chance = random.Random(f"{seed}/auditor")
        self.heads = {}  # root by size
        self.receipts = {}  # by fact
        self.stopping = False
        self._last = 0

    async def work(self):
        while not self.stopping:
            await self._look()
            await asyncio.sleep(HEAD_SECONDS)

    async def _look(self):
        answer = await self.town.ask("GET", "/v1/ledger/head", role="auditor")
        if answer is not None and answer.status_code == 200:
            head = answer.json()
            if head["size"] < self._last:
                self.town.findings.append(f"ledger: the head went from {self._last} back to {head['size']}")
            if self.heads.setdefault(head["size"], head["root"]) != head["root"]:
                self.town.findings.append(f"ledger: two roots of the tree of {head['size']}")
            self._last = head["size"]
        sure = [id_ for id_, sent in self.town.taps.items() if any(one.verdict != "refused" for one in _last(sent))]
        if sure:
            id_ = self.chance.choice(sure)
            who = {"role": "staff", "staff": self.town.taps[id_].staff}
            answer = await self.town.ask("GET", "/v1/ledger/receipt", params={"fact": str(id_), "kind": "tap"}, **who)
            if answer is not None and answer.status_code == 200:
                self.receipts[id_] = answer.json()

    def begin_again(self):
        """After a restore the ledger is a shorter one."""
        self.heads, self.receipts, self._last = {}, {}, 0


def _last(sent):
    return [told[-1] for told in sent.answers.values() if told]


class Planner:
    """Corrects what the follower has heard of; often the very visits that others correct, too."""

    def __init__(self, town, follower, seed):
        self.town, self.follower = town, follower
        self.chance = random.Random(f"{seed}/planner")
        self.stopping = False

    async def work(self):
        while not self.stopping:
            mine = [id_ for id_, one in self.follower.visits.items() if one["provider"] == PROVIDER]
            if mine:
                await self.correct(mine[0] if self.chance.random() < 0.7 else self.chance.choice(mine))
            await asyncio.sleep(0.02)

    async def correct(self, id_):
        """One correction, of the visit as it is read now, until it is answered."""
        answer = await self.town.ask("GET", f"/v1/visits/{id_}", **OWN)
        if answer is None or answer.status_code != 200 or answer.json()["started_at"] is None:
            return
        visit = answer.json()
        body = {"id": minted(self.chance), "reason": "other", "note": "Sagt"} | self._said(visit)
        sent = self.town.corrections[body["id"]] = Corrected(id_, visit["version"], body)
        path, headers = f"/v1/visits/{id_}/corrections", {"If-Match": f'"{visit["version"]}"'}

        async def attempt(server):
            answer = await self.town.ask("POST", path, server=server, body=body, headers=headers, **OWN)
            if answer is not None and answer.status_code == 201:
                sent.answered, sent.life = answer.json()["version"], self.town.life
            return answer is not None

        while not await self.town.network.hedged(attempt, at_once=self.chance.random() < 0.3):  # noqa: ASYNC110 - as above
            await asyncio.sleep(self.chance.uniform(0.02, 0.2))

    def _said(self, visit):
        if self.chance.random() < 0.6:
            minutes = dt.timedelta(seconds=self.chance.randrange(60, 1800))
            return {"kind": "set_end", "ended_at": utc(visit["started_at"]) + minutes}
        done = self.chance.sample(sorted(CATALOGUE), 2)
        told = [{"intervention": one, "minutes": self.chance.choice([None, 5, 20])} for one in done]
        return {"kind": "set_interventions", "interventions": told}


async def close(town, month):
    """Close a month of the provider, whatever is open in it."""
    path = f"/v1/periods/{PROVIDER}/{month}/close"
    answer = await town.surely("POST", path, role="controller", body={"accept_open": True})
    if answer.status_code not in {200, 201, 202}:
        town.findings.append(f"close: {month} answered {answer.status_code} {answer.text[:200]}")
        return
    town.closes[month] = answer.json()
