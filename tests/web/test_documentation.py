"""The documentation in a real browser: light and dark, without a mouse or a script, and free of axe's findings."""

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from app.web.documentation import slug

PATIENCE_MS = 60_000


@pytest.fixture(params=["light", "dark"])
async def page(browser, request):
    context = await browser.new_context(color_scheme=request.param, viewport={"width": 390, "height": 844})
    context.set_default_timeout(PATIENCE_MS)
    opened = await context.new_page()
    opened.scheme = request.param
    yield opened
    await context.close()


def _addresses(service):
    return ["/docs", *(f"/docs/{slug(tag['name'])}" for tag in service.app.openapi()["tags"]), "/problems/not_found"]


async def _open(page, service, path):
    answer = await page.goto(f"{service.url}{path}")
    assert answer.status == 200, path


async def test_no_page_has_a_finding_of_axe_nor_is_wider_than_a_phone(service, page):
    told = []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    for path in _addresses(service):
        await _open(page, service, path)
        await page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        found = (await Axe().run(page)).response["violations"]
        assert [(one["id"], len(one["nodes"]), one["nodes"][0]["html"][:200]) for one in found] == [], path
        assert await page.evaluate("document.documentElement.scrollWidth") == 390, path
    assert told == []
    assert {url.startswith(f"{service.url}/") for url in asked} == {True}
    assert not [url for url in asked if url.endswith(".js")]


async def test_the_page_is_as_dark_as_the_rest(service, page):
    await _open(page, service, "/docs")
    ground, ink = await page.evaluate(
        "(s => [s.backgroundColor, s.color].map(c => Math.max(...c.match(/[0-9]+/g))))(getComputedStyle(document.body))"
    )
    assert (ground < ink) is (page.scheme == "dark")


async def test_the_keyboard_is_enough(service, page):
    """Past the head with the first key, to an operation by its link, into an answer that is folded."""
    await _open(page, service, "/docs")
    await page.keyboard.press("Tab")
    await expect(page.locator(":focus")).to_have_text("To the content")
    await page.keyboard.press("Enter")
    for _ in range(60):
        await page.keyboard.press("Tab")
        if await page.locator(":focus").inner_text() == "Get a visit":
            break
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/docs/visits#get_visit")
    while await page.evaluate("document.activeElement.tagName") != "SUMMARY":
        await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.closest('article').id") == "get_visit"
    assert not await page.evaluate("document.activeElement.parentElement.open")
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.parentElement.open")
    # A region that scrolls could not be read to its end by whoever cannot reach it.
    scrolled = "[...document.querySelectorAll('main *')].filter(one => one.scrollWidth > one.clientWidth + 1 && "
    scrolled += "getComputedStyle(one).overflowX !== 'visible').length"
    assert await page.evaluate(scrolled) == 0


async def test_every_operation_and_every_shape_stands_where_it_is_looked_for(service):
    document, client = service.app.openapi(), service.client()
    start = (await client.get("/docs")).text
    for path, methods in document["paths"].items():
        for operation in methods.values():
            address = f"/docs/{slug(operation['tags'][0])}"
            assert f'href="{address}#{operation["operationId"]}"' in start, path
    for address in _addresses(service)[1:-1]:
        text = (await client.get(address)).text
        ids = {part.partition('"')[0] for part in text.split(' id="')[1:]}
        targets = {part.partition('"')[0] for part in text.split('href="#')[1:]}
        assert targets <= ids, address
        assert len(text) < 200_000
    assert (await client.get("/docs/nothing")).json()["code"] == "not_found"
