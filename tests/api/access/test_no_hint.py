"""What is out of reach and what is missing look alike: as many questions to the database, and the same time."""

import random
import time
from operator import sub
from statistics import median

import httpx
import pytest
from test_who_may import about_others, as_missing, close_months, identity, logged_in, town  # noqa: F401 - a fixture

from app.store.connection import Reading, Writing

UNGUESSED = ("/v1/disputes/", "/v1/sessions/", "/v1/ledger/receipt")
"""Whatever is named by a random UUID there may cost what it does: nobody names one that they were not shown."""
ASKS = ("fetch", "fetchrow", "fetchval", "composed", "execute")


@pytest.fixture
def questions(monkeypatch):
    """The questions that were put to the database."""
    asked = []
    for kind in (Reading, Writing):
        for name in ASKS:
            if (real := vars(kind).get(name)) is not None:

                async def counted(self, *given, real=real):
                    asked.append(given[0])
                    return await real(self, *given)

                monkeypatch.setattr(kind, name, counted)
    return asked


def missing_of(town, request):  # noqa: F811
    *named, headers = request
    return (*(as_missing(town, one) for one in named), headers)


async def told(town, request, role):  # noqa: F811
    method, url, body, query, headers = request
    return await town.ask(method, url, body, role=role, expect=tuple(range(200, 500)), params=query,
                          headers=headers, **identity(role))  # fmt: skip


@pytest.mark.parametrize("role", ["planner", "staff"])
async def test_both_cost_as_many_questions_to_the_database(town, questions, role):  # noqa: F811
    await close_months(town)
    town.session = await logged_in(town, "other")
    different = []
    for request in list(about_others(town, role)):
        least = []
        for asked in (request, missing_of(town, request)):
            counts = []
            for _ in range(3):  # the sealer asks beside
                before = len(questions)
                await told(town, asked, role)
                counts.append(len(questions) - before)
            least.append(min(counts))
        if least[0] != least[1] and not request[1].startswith(UNGUESSED):
            different.append((request[:2], request[3], least))
    assert different == []


async def test_a_thousand_tries_tell_nothing_by_their_time(town):  # noqa: F811
    """Asked side by side in random order, one takes no longer than the other that a caller over a network could tell.

    The database finds a row of the one and none of the other, which is some microseconds. Load slows both alike.
    """
    chance, tries = random.Random(188), 250
    transport = httpx.ASGITransport(town.app)
    headers = {"Authorization": f"Bearer {town.token('planner', provider='P-own')}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        for foreign, missing in (
            ("/v1/recipients/B-other", "/v1/recipients/B-nobody"),
            ("/v1/orders/O-other", "/v1/orders/O-nobody"),
            ("/v1/tags/T-other", "/v1/tags/T-nobody"),
            (f"/v1/visits/{town.visit_ids['other']}", "/v1/visits/019a0f60-77aa-7b02-8a7b-5d8b7a0c1f22"),
        ):
            seconds = {foreign: [], missing: []}
            for _ in range(tries):
                for path in chance.sample((foreign, missing), 2):
                    began = time.perf_counter()
                    assert (await client.get(path)).status_code == 404
                    seconds[path].append(time.perf_counter() - began)
            longer = median(map(sub, seconds[foreign], seconds[missing]))
            assert abs(longer) < median(seconds[missing]) / 8, foreign
