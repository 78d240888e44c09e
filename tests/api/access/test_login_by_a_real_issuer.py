"""Logging in by Canaille, which other people have written: registration, discovery, consent, code, PKCE, ID token."""

import asyncio
import os
import socket
import sys
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
from people import MEMBER, ROLE, Person, put_members
from service import NO_TLS

TESTS = Path(__file__).parents[2]


@pytest.fixture
async def canaille():
    """The address of a Canaille that runs as long as the test."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(TESTS / "real_provider.py"),
        str(port),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={"AUTHLIB_INSECURE_TRANSPORT": "1", "PYTHONPATH": os.environ.get("PYTHONPATH", "")},
    )
    try:
        assert await process.stdout.readline() == b"serving\n"
        yield f"http://localhost:{port}"
    finally:
        process.stdin.close()
        await process.wait()


async def consent(browser, address):
    """Go on as Anna, who agrees to what the page asks; gives the address that it leads back to."""
    answer = await browser.get(address)
    while answer.is_redirect and "/callback" not in answer.headers["location"]:
        address = urljoin(address, answer.headers["location"])
        answer = await browser.get(address)
    if not answer.is_redirect:
        answer = await browser.post(address, data={"answer": "accept"})
    return answer.headers["location"]


async def test_a_person_logs_in_by_an_identity_provider_that_others_have_written(service, canaille):
    async with httpx.AsyncClient(timeout=60, trust_env=False, verify=NO_TLS) as browser:
        metadata = (await browser.get(f"{canaille}/.well-known/openid-configuration")).json()
        wanted = {
            "client_name": "Taggad",
            "redirect_uris": [f"{service.url}/login/188/canaille/callback"],
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "client_secret_basic",
            "scope": "openid profile email",
        }
        client = (await browser.post(metadata["registration_endpoint"], json=wanted)).json()
        await put_members(service)
        issuer = {"issuer": metadata["issuer"], "client_id": client["client_id"],
                  "client_secret": client["client_secret"]}  # fmt: skip
        await service.put("issuers", "canaille", issuer, role="admin")
        identity = {"issuer": "canaille", "subject": "anna"}
        await service.put("members", "anna", MEMBER | ROLE["controller"] | identity, role="admin")
        async with Person(service) as anna:
            sent = await anna.get("/login/188/canaille", expect=303)
            back = await consent(browser, sent.headers["location"])
            await anna.get(back, expect=303)
            assert (await anna.get("/v1/me")).json()["member"] == "anna"
        # The same code once more, as the answer to another attempt: Canaille itself refuses it.
        async with Person(service) as thief:
            again = await thief.get("/login/188/canaille", expect=303)
            state = httpx.URL(again.headers["location"]).params["state"]
            await thief.get(str(httpx.URL(back).copy_set_param("state", state)), expect=400)
            assert thief.secret is None
