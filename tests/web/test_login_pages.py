"""People log in with a real browser: by a link, by a passkey in its device, by an identity provider."""

import pytest
from axe_playwright_python.async_playwright import Axe
from people import MEMBER, ROLE, link_to, put_members
from playwright.async_api import expect
from wrong_provider import CLIENT, SECRET, providing

PATIENCE_MS = 60_000


@pytest.fixture
async def office(service):
    """The service by a name: passkeys belong to one."""
    await put_members(service, anna="admin", per="planner")
    service.by_name = service.url.replace("127.0.0.1", "localhost")
    return service


@pytest.fixture
async def page(browser):
    context = await browser.new_context(viewport={"width": 390, "height": 844}, locale="sv-SE")
    context.set_default_timeout(PATIENCE_MS)
    opened = await context.new_page()
    opened.said = []
    opened.on("console", lambda message: opened.said.append(message.text))
    opened.on("pageerror", lambda error: opened.said.append(str(error)))
    yield opened
    await context.close()


async def device_of(page):
    """A device with a screen lock, as Chromium's debugger has it; gives the way to it and its name."""
    way = await page.context.new_cdp_session(page)
    await way.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
               "isUserVerified": True, "automaticPresenceSimulation": True}  # fmt: skip
    made = await way.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return way, made["authenticatorId"]


async def enter(page, office, member):
    await page.goto(office.by_name + await link_to(office, member))
    await page.get_by_role("button", name="Logga in").click()
    await page.wait_for_url("**/account")


async def test_who_came_by_a_link_comes_back_by_a_passkey(office, page, owner):
    way, device = await device_of(page)
    await enter(page, office, "per")
    await expect(page.get_by_text("Norrtälje · Planerare, Norr")).to_be_visible()
    await page.get_by_role("button", name="Spara en nyckel här").click()
    await expect(page.get_by_text("Nyckel sparad")).to_be_visible()
    await page.get_by_role("button", name="Logga ut").click()
    await expect(page.get_by_role("heading", name="Du är utloggad")).to_be_visible()

    async def come_back():
        await page.goto(f"{office.by_name}/login")
        await page.get_by_role("button", name="Logga in med nyckel i enheten").click()

    await come_back()
    await page.wait_for_url("**/account")
    await expect(page.get_by_text("nyckel i enheten", exact=True)).to_be_visible()
    me = await page.evaluate("fetch('/v1/me').then(answer => answer.json())")
    assert (me["member"], me["login"]["method"]) == ("per", "passkey")
    # Whoever does not unlock the device is nobody, and so is a key that was removed.
    await page.get_by_role("button", name="Logga ut").click()
    await way.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
    await come_back()
    await expect(page.get_by_text("Det gick inte att logga in med nyckeln")).to_be_visible()
    await way.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": True})
    await come_back()
    await page.wait_for_url("**/account")
    await page.get_by_role("button", name="Ta bort").click()
    await expect(page.get_by_text("Nyckel sparad")).to_be_hidden()
    await page.get_by_role("button", name="Logga ut").click()
    await come_back()
    await expect(page.get_by_text("Det gick inte att logga in med nyckeln")).to_be_visible()
    facts = "SELECT count(*) FROM record r JOIN ledger_leaf l ON lpad(to_hex(r.seq), 32, '0')::uuid = l.fact"
    assert await owner.fetchval(f"{facts} WHERE r.kind = 'passkeys' AND l.kind = 'record'") >= 2


async def test_a_passkey_is_good_once_a_challenge_and_ends_with_the_membership(office, page):
    await device_of(page)
    await enter(page, office, "anna")
    await page.get_by_role("button", name="Spara en nyckel här").click()
    await expect(page.get_by_text("Nyckel sparad")).to_be_visible()
    await page.goto(f"{office.by_name}/login")
    cookies = {}

    async def watch(route):
        cookies["sent"] = (await route.request.all_headers())["cookie"]
        cookies["body"] = route.request.post_data
        await route.continue_()

    await page.route("**/login/188/passkey", watch)
    await page.get_by_role("button", name="Logga in med nyckel i enheten").click()
    await page.wait_for_url("**/account")
    headers = {"Cookie": cookies["sent"], "Origin": office.by_name, "Content-Type": "application/json",
               "Host": office.by_name.partition("//")[2]}  # fmt: skip
    for origin in (office.by_name, "https://evil.example"):
        again = await office.client().post(
            "/login/188/passkey", content=cookies["body"], headers=headers | {"Origin": origin}
        )
        assert again.status_code == 403, again.text
    await office.put("members", "anna", MEMBER | ROLE["admin"] | {"valid_to": "2026-02-01"}, role="admin")
    await page.goto(f"{office.by_name}/login")
    await page.get_by_role("button", name="Logga in med nyckel i enheten").click()
    await expect(page.get_by_text("Det gick inte att logga in med nyckeln")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_no_page_has_a_finding_of_axe_nor_is_wider_than_a_phone(office, page, scheme):
    """Every page there is, in both languages, on the smallest phone, with nothing in the console."""
    await page.emulate_media(color_scheme=scheme)
    await page.set_viewport_size({"width": 320, "height": 640})

    async def look():
        assert await page.evaluate("document.documentElement.scrollWidth") == 320, page.url
        found = (await Axe().run(page)).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == [], page.url

    async with providing() as idp:
        issuer = {"title": "Norrtälje kommun", "issuer": idp.url, "client_id": CLIENT, "client_secret": SECRET}
        await office.put("issuers", "kommun", issuer, role="admin")
        for ref, role in (("A", "controller"), ("B", "planner")):
            identity = {"issuer": "kommun", "subject": "anna"}
            await office.put("members", ref, MEMBER | ROLE[role] | identity, role="admin")
        link = await link_to(office, "anna")
        for language in ("sv", "en"):
            for path in (link, "/login/188"):
                await page.goto(f"{office.url}{path}?lang={language}")
                assert await page.evaluate("document.documentElement.lang") == language
                await look()
        await page.goto(f"{office.url}/login")
        await page.get_by_role("link", name="Logga in med Norrtälje kommun").click()
        await page.wait_for_url("**/login/choose")
        await look()
        await page.get_by_role("button", name="Controller").click()
        await page.wait_for_url("**/account")
        await expect(page.get_by_text("kan inte spara nycklar på den här adressen")).to_be_visible()
        await look()
        await page.get_by_role("button", name="Logga ut").click()
        await look()
    assert page.said == []
