"""Tokens of the command line: each leaves a trace, says when it ends, and can be taken back."""

import asyncio
import datetime as dt
import json

import httpx
import pytest
from service import SECRETS
from typer.testing import CliRunner

from app.api.http import access
from app.cli.main import application

TAPS = {"sent_at": "2026-01-01T08:00:00Z", "taps": []}


@pytest.fixture
def taggad(service, database_url):
    """Run a verb beside the service; gives what it printed."""
    environment = {f"TAGGAD_{name.upper()}": value for name, value in SECRETS.items()}
    environment |= {"TAGGAD_DATABASE_URL": database_url}

    async def run(*arguments, code=0):
        done = await asyncio.to_thread(CliRunner().invoke, application, arguments, env=environment)
        assert done.exit_code == code, done.output
        return done.output.strip()

    return run


async def status(service, token, method="GET", path="/v1/visits", body=None):
    async with httpx.AsyncClient(base_url=service.url, trust_env=False) as client:
        answer = await client.request(method, path, json=body, headers={"Authorization": f"Bearer {token}"})
    return answer.status_code


async def test_a_token_of_an_operator_is_a_fact_and_can_be_taken_back(service, taggad, owner, monkeypatch):
    monkeypatch.setattr(access, "REVOCATIONS_FRESH_SECONDS", 0)
    await service.put("providers", "P-1", {"name": "Ett", "form": "external"})
    made = ("token", "--municipality", "188", "--role", "planner", "--provider", "P-1")
    token, other = await taggad(*made, "--long-lived", "--ttl", "300d"), await taggad(*made)
    [_, listed] = (await taggad("tokens", "list", "--municipality", "188")).splitlines()
    ref, until, whose = listed.split("  ")
    ends = dt.datetime.fromisoformat(until.removeprefix("until ")) - dt.datetime.now(dt.UTC)
    assert (ends.days, whose) == (299, "planner P-1")
    kept = await owner.fetch("SELECT body::text, recorded_by FROM record WHERE kind = 'tokens'")
    assert {(json.loads(one["body"])["provider"], one["recorded_by"]) for one in kept} == {("P-1", "operator")}
    assert not any(token.split(".")[2] in one["body"] for one in kept)
    assert await owner.fetchval("SELECT count(*) FROM ledger_leaf WHERE kind = 'record'") == 3
    assert await status(service, token) == 200
    await taggad("tokens", "revoke", "--municipality", "188", ref)
    assert [await status(service, token), await status(service, other)] == [401, 200]
    await taggad("tokens", "revoke", "--municipality", "188", ref)
    assert ref not in await taggad("tokens", "list", "--municipality", "188")
    await service.put("providers", "P-2", {"name": "Två", "form": "external"})  # the served memory goes on from there


async def test_a_token_that_was_taken_back_sends_no_taps(service, taggad, monkeypatch):
    monkeypatch.setattr(access, "REVOCATIONS_FRESH_SECONDS", 0)
    token = await taggad("token", "--municipality", "188", "--role", "staff", "--staff", "S-1")
    assert await status(service, token, "POST", "/v1/taps", TAPS) != 401
    ref = (await taggad("tokens", "list", "--municipality", "188")).split()[0]
    await taggad("tokens", "revoke", "--municipality", "188", ref)
    assert await status(service, token, "POST", "/v1/taps", TAPS) == 401


async def test_the_scopes_of_a_token_are_kept_with_it_and_shown(service, taggad, monkeypatch):
    monkeypatch.setattr(access, "REVOCATIONS_FRESH_SECONDS", 0)
    made = ("token", "--municipality", "188", "--role", "system")
    token = await taggad(*made, "--scope", "pay:read", "--scope", "records:read")
    assert [await status(service, token), await status(service, token, path="/v1/orders")] == [403, 200]
    [listed] = (await taggad("tokens", "list", "--municipality", "188")).splitlines()
    ref, until, *whose = listed.split("  ")
    assert whose == ["system", "pay:read records:read"]
    assert "  ".join([ref, until, *whose]) in await taggad("tokens", "revoke", "--municipality", "188", ref)
    for unknown in ("everything", "", "pay:read records:read"):
        assert "a scope must be one of taps, visits:read" in " ".join(
            (await taggad(*made, "--scope", unknown, code=2)).replace("│", " ").split()
        )
    assert await taggad("tokens", "list", "--municipality", "188") == ""


async def test_nothing_is_made_or_taken_back_that_is_not_there(taggad):
    assert "no municipality 7" in await taggad("token", "--municipality", "7", "--role", "admin", code=1)
    assert "no token" in await taggad("tokens", "revoke", "--municipality", "188", "x", code=1)
