"""What the documentation begins with works as it stands there: the five calls, made as a shell would make them."""

import json
import re
import shlex

import httpx
import pytest
from service import day
from world import H1

from app.api.http.access import ROLES
from app.web import calls

OPTIONS = {"-s": 0, "-i": 0, "-H": 1, "-d": 1, "-u": 1}


def read(shell):
    """A curl command as a request: address, headers and body."""
    words = iter(shlex.split(shell.replace("\\\n", " "))[1:])
    address, headers, body = None, {}, None
    for word in words:
        if word not in OPTIONS:
            assert address is None
            address = word
        elif word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(words)
        elif word == "-u":
            next(words)
    return address, headers, body


@pytest.fixture
async def told(home):
    """The page, and what its variables stand for here."""
    await home.tap("S-1", H1, "in", day(-1, "08:00"))
    [visit] = await home.visits()
    variables = {"TAGGAD": home.url, "VISIT": visit["id"], "TOKEN": home.token("planner", provider="P-norr")}
    page = (await home.client().get("/docs")).text
    return page, variables


async def test_the_five_calls_are_answered_as_they_stand_on_the_page(told):
    page, variables = told
    shown = [call.shell for call in calls.CALLS]
    assert len(shown) == page.count('class="call"') == 5
    answers = []
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        for shell in shown:
            filled = re.sub(r"\$([A-Z]+)", lambda name: variables[name[1]], shell)
            filled = filled.replace("2026-10-24T09:01:02Z", day(-1, "08:30").isoformat())
            address, headers, body = read(filled)
            answers.append(await client.request("POST" if body else "GET", address, headers=headers, content=body))
    assert [answer.status_code for answer in answers] == [200, 200, 201, 200, 200], [one.text for one in answers]
    listed, read_, corrected, executed, changes = answers
    assert json.loads(listed.text)["items"] == []  # of October 2026
    assert read_.headers["etag"] in shown[2]
    assert corrected.json()["status"] == "complete"
    assert executed.headers["content-type"].startswith("text/csv")
    assert changes.json()["items"][-1]["visit"] == corrected.json()


def test_every_role_is_told_of_at_the_beginning():
    assert tuple(calls.ROLES) == ROLES
