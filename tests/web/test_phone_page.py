"""The page a tag opens, in a real browser against the service: enrol, tap in, lose coverage, tap out."""

import asyncio
import datetime as dt

import pytest
from playwright.async_api import expect
from shared_phone import NORR, PIN_OF, set_pin

from app.assets import PAGES

PATIENCE_MS = 60_000
UID = "04000000000001"
TAG = f"/t/plain#uid={UID}"
# What a worker sends passes no route of a test.
NO_WORKER = "Object.defineProperty(Navigator.prototype, 'serviceWorker', { value: undefined })"


@pytest.fixture
async def phone(browser):
    """A phone of its own: nothing kept, Swedish."""
    context = await browser.new_context(locale="sv-SE", timezone_id="Europe/Stockholm")
    context.set_default_timeout(PATIENCE_MS)
    yield context
    await context.close()


@pytest.fixture
async def town(service):
    """A staff ref, a recipient at H-1 with a tag at the door, and an order."""
    await service.put("providers", "P-norr", {"name": "norr", "form": "external"})
    await service.put("interventions", "dusch", {"title": "Dusch", "category": "CARE", "standard_minutes": 20})
    await service.put("staff", "S-1", {"provider": "P-norr", "role": "care_assistant", "valid_from": "2020-01-01"})
    await service.put("recipients", "B-1", {"area": "URBAN", "household": "H-1"})
    line = {"ref": "1", "intervention": "dusch", "frequency": 1, "period": 1, "period_unit": "d"}
    order = {"recipient": "B-1", "provider": "P-norr", "valid_from": "2020-01-01", "lines": [line]}
    await service.put("orders", "O-1", order)
    await service.put("tags", "T-1", {"kind": "static", "uid": UID})
    await service.mount("T-1", "H-1", dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
    return service


def says(page, text):
    return expect(page.locator("#said")).to_contain_text(text, timeout=PATIENCE_MS)


async def queued(page):
    """How many taps the phone keeps."""
    return await page.evaluate(
        """() => new Promise((resolve) => {
            const opening = indexedDB.open("taggad", 1);
            opening.onsuccess = () => {
                const count = opening.result.transaction("taps").objectStore("taps").count();
                count.onsuccess = () => { opening.result.close(); resolve(count.result); };
            };
        })"""
    )


async def enrolled(town, phone):
    """A page of a phone that was enrolled by the address of its QR code, with its worker in place."""
    offer = await town.ask("POST", "/v1/devices", {"staff": "S-1"}, role="planner", provider="P-norr")
    page = await phone.new_page()
    await page.goto(offer.json()["address"])
    await says(page, "Anslut den här telefonen")
    assert offer.json()["code"] not in page.url
    await page.click("#connect")
    await says(page, "Telefonen är ansluten för S-1.")
    await page.evaluate("() => navigator.serviceWorker?.ready.then(() => null)")
    return page


async def test_a_whole_visit_with_the_coverage_lost_in_between(town, phone, owner):
    async def stored():
        return await owner.fetchval("SELECT count(*) FROM tap")

    page = await enrolled(town, phone)
    await page.goto(town.url + TAG)
    await says(page, "Kom du eller gick du?")
    assert page.url == f"{town.url}/t/plain"
    assert (await queued(page), await stored()) == (1, 0)
    await page.click("#came")
    await says(page, "Du är inloggad sedan")
    assert (await queued(page), await stored()) == (0, 1)

    await page.reload()
    await says(page, "Du är inloggad sedan")
    assert await stored() == 1

    await asyncio.sleep(1)  # within one second nobody comes and goes: taps are told apart by whole seconds
    await phone.set_offline(True)
    other = await phone.new_page()  # as the next tag opens it
    await other.goto(f"{town.url}/t/another?uid={UID}")
    await other.click("#left")
    await says(other, "Taggningen är sparad och skickas av sig själv.")
    assert (await queued(other), await stored()) == (1, 1)
    await phone.set_offline(False)
    await says(other, "Du är utloggad")
    assert (await queued(other), await stored()) == (0, 2)
    told = [(one["status"], one["staff"], one["recipient"], one["evidence"]) for one in await town.visits()]
    assert told == [("complete", "S-1", "B-1", {"in": "static", "out": "static"})]


async def test_a_shared_phone_is_chosen_by_pin_and_sends_what_waits_as_whose_it_was(town, phone):
    await town.put("staff", "S-2", {"provider": "P-norr", "role": "care_assistant", "valid_from": "2020-01-01"})
    await set_pin(town, "S-2", PIN_OF["S-2"])
    code = (await town.ask("POST", "/v1/staff/S-1/pin-code", expect=201, **NORR)).json()["code"]
    offer = (await town.ask("POST", "/v1/devices", {"shared": True, "provider": "P-norr"}, **NORR)).json()
    page = await phone.new_page()
    await page.goto(offer["address"])
    await page.click("#connect")
    await says(page, "Telefonen är ansluten och delas av flera.")
    await page.evaluate("() => navigator.serviceWorker?.ready.then(() => null)")

    async def choose(page, staff, pin, code=""):
        for field, value in (("Din beteckning", staff), ("PIN-kod", pin), ("Kod från planeraren", code)):
            await page.get_by_label(field, exact=field == "PIN-kod").fill(value)
        await page.get_by_role("button", name="Börja arbetspass").click()

    # A tap is somebody's: nothing is kept of one that nobody stands for.
    await page.goto(town.url + TAG)
    await says(page, "Välj först vem du är.")
    assert await queued(page) == 0
    for pin, refusal in (("111999", "svår att gissa"), (PIN_OF["S-1"], "Koden gäller inte längre.")):
        await choose(page, "S-1", pin, "AAAA")
        await says(page, refusal)
    await choose(page, "S-1", PIN_OF["S-1"], code)
    await says(page, "Läs en tagg med telefonen.")
    await page.goto(f"{town.url}/t/another?uid={UID}")
    await page.click("#came")
    await says(page, "Du är inloggad sedan")

    await asyncio.sleep(1)
    await phone.set_offline(True)
    other = await phone.new_page()
    await other.goto(f"{town.url}/t/third?uid={UID}")
    await other.click("#left")
    await says(other, "Taggningen är sparad och skickas av sig själv.")
    await other.get_by_role("button", name="Lämna telefonen (S-1)").click()
    await phone.set_offline(False)
    await choose(other, "S-2", "000111")
    await says(other, "Beteckningen eller PIN-koden stämmer inte.")
    await choose(other, "S-2", PIN_OF["S-2"])
    await says(other, "Läs en tagg med telefonen.")  # and nothing of what S-1 did
    await expect(other.get_by_role("button", name="Lämna telefonen (S-2)")).to_be_visible()
    assert await queued(other) == 0
    told = [(one["status"], one["staff"], one["recipient"]) for one in await town.visits()]
    assert told == [("complete", "S-1", "B-1")]


async def sent(owner):
    """The directions of the taps that have reached the service, as soon as there are any."""
    for _ in range(PATIENCE_MS // 100):
        if found := await owner.fetch("SELECT direction FROM tap ORDER BY at"):
            return [row["direction"] for row in found]
        await asyncio.sleep(0.1)
    return []


async def test_a_tag_that_was_read_is_sent_though_its_page_is_closed_at_once(town, phone, owner):
    page = await enrolled(town, phone)
    await page.goto(town.url + TAG)
    await says(page, "Kom du eller gick du?")
    await page.close()
    assert await sent(owner) == ["auto"]
    page = await phone.new_page()
    await page.goto(f"{town.url}/t/plain")
    await says(page, "Du är inloggad sedan")
    assert await queued(page) == 0


async def test_a_page_that_is_loaded_again_goes_on_asking(town, phone, owner):
    page = await enrolled(town, phone)
    await page.goto(town.url + TAG)
    await says(page, "Kom du eller gick du?")
    await page.reload()
    await says(page, "Kom du eller gick du?")
    assert await queued(page) == 1
    other = await phone.new_page()
    await other.goto(f"{town.url}/enrol")
    await says(other, "Kom du eller gick du?")
    await other.click("#came")
    await says(other, "Du är inloggad sedan")
    await says(page, "Du är inloggad sedan")  # which did not send it
    await expect(page.locator("#choice")).to_be_hidden()
    assert await sent(owner) == ["in"]


async def test_what_the_service_may_have_been_told_is_not_told_otherwise(town, phone):
    """An answer that is lost: the tap is sent again as it was, or its id would be refused as another's."""
    await phone.add_init_script(NO_WORKER)
    page = await enrolled(town, phone)
    bodies = []

    async def lose(route):
        bodies.append(route.request.post_data_json["taps"])
        if len(bodies) == 1:
            await route.fetch()
            await route.fulfill(status=503, json={}, headers={"Retry-After": "1"})
        else:
            await route.continue_()

    await phone.route("**/v1/taps", lose)
    await page.goto(town.url + TAG)
    await page.click("#came")
    await says(page, "Du är inloggad sedan")
    assert bodies[0] == bodies[1]


async def test_without_coverage_the_state_is_told_after_loading_again(town, phone):
    page = await enrolled(town, phone)
    await phone.set_offline(True)
    await page.goto(town.url + TAG)
    await page.click("#came")
    await says(page, "Taggningen är sparad och skickas av sig själv.")
    await page.reload()
    await says(page, "Taggningen är sparad och skickas av sig själv.")
    await page.close()
    await phone.set_offline(False)
    page = await phone.new_page()
    await page.goto(f"{town.url}/enrol")
    await says(page, "Du är inloggad sedan")


async def test_the_wrong_door_and_a_visit_left_open_elsewhere_are_named(town, phone):
    await town.put("recipients", "B-2", {"area": "URBAN", "household": "H-2"})
    await town.put("tags", "T-2", {"kind": "static", "uid": "04000000000002"})
    await town.mount("T-2", "H-2", dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
    await town.tap("S-1", UID, "in", dt.datetime.now(dt.UTC) - dt.timedelta(hours=1))
    page = await enrolled(town, phone)
    for choice, sentence in [("#left", "Fel dörr. Du är fortfarande inloggad."), ("#came", "Du är inloggad sedan")]:
        await page.goto("about:blank")
        await page.goto(f"{town.url}/t/plain#uid=04000000000002")
        await page.click(choice)
        await says(page, sentence)
        more = page.locator("#more")
        await expect(more).to_contain_text("Du läste taggen hos H-2, men är sedan tidigare inloggad hos H-1.")
        await expect(more).to_have_class("alert")


async def test_the_queue_outlives_refusals_of_a_batch_and_drops_what_has_a_verdict(town, phone):
    await phone.add_init_script(NO_WORKER)
    page = await phone.new_page()
    await page.goto(town.url + TAG)
    await page.click("#came")
    await says(page, "Telefonen är inte ansluten. Taggningen är sparad")
    await page.goto("about:blank")
    await page.goto(f"{town.url}/t/k1#e={'AB' * 16}&c={'CD' * 8}")
    await page.click("#left")
    await says(page, "Taggningen är sparad")
    assert await queued(page) == 2
    await page.goto("about:blank")

    sent, tags, drained = [], {}, asyncio.Event()
    answers = [503, 429, 401, 413]  # then the service itself

    async def in_between(route):
        items = route.request.post_data_json["taps"]
        sent.append(len(items))
        tags.update({item["direction"]: item["tag"] for item in items})
        if answers:
            await route.fulfill(status=answers.pop(0), json={}, headers={"Retry-After": "1"})
        else:
            await route.continue_()
        if sent.count(1) == 2:
            drained.set()

    await phone.route("**/v1/taps", in_between)
    page = await enrolled(town, phone)
    await asyncio.wait_for(drained.wait(), PATIENCE_MS / 1000)
    await expect(page.locator("#waiting")).to_be_empty(timeout=PATIENCE_MS)
    assert await queued(page) == 0
    assert sent == [2, 2, 2, 2, 1, 1]
    assert tags == {"in": {"uid": UID}, "out": {"keyset": "k1", "e": "AB" * 16, "c": "CD" * 8}}
    [visit] = await town.visits()
    assert visit["status"] == "open"


async def test_the_page_speaks_english_to_who_reads_it_and_can_be_read_by_machine(town, browser):
    context = await browser.new_context(locale="en-GB")
    page = await context.new_page()
    await page.goto(town.url + TAG)
    await says(page, "Did you come or leave?")
    assert await page.get_attribute("html", "lang") == "en"
    await expect(page.get_by_role("status")).to_contain_text("The tag was read")
    await expect(page.get_by_role("button", name="Came")).to_be_visible()
    await context.close()


async def test_the_shell_is_the_same_for_every_tag_and_changes_nothing(town, owner):
    client = town.client()
    answers = [await client.get(path) for path in ("/t/k1", "/t/k2?e=00&c=00", f"/t/plain?uid={UID}", "/enrol")]
    assert len({answer.content for answer in answers}) == 1
    for answer in answers:
        assert answer.headers["cache-control"] == "public, max-age=300"
        assert "unsafe" not in answer.headers["content-security-policy"]
    assert await owner.fetchval("SELECT count(*) FROM tap") + await owner.fetchval("SELECT count(*) FROM attempt") == 0
    worker = (await client.get("/worker.js")).text
    assert "taggad-VERSION" not in worker
    assert '"/static/' not in worker.replace(f'"{PAGES.url}/', "")
    for path in ("/enrol", *(f"{PAGES.url}/{name}.js" for name in ("phone", "queue", "device", "texts"))):
        assert f'"{path}"' in worker
        assert (await client.get(path)).status_code == 200


async def test_a_tap_of_whom_nobody_employs_is_kept_until_somebody_does(town, phone):
    page = await enrolled(town, phone)
    staff = {"provider": "P-norr", "role": "care_assistant", "delegations": []}
    await town.put("staff", "S-1", staff | {"valid_from": "2026-01-01", "valid_to": "2026-02-01"})
    await page.goto(town.url + TAG)
    await page.click("#came")
    await says(page, "Taggningen är sparad; prata med din planerare.")
    assert await queued(page) == 1
    await town.put("staff", "S-1", staff | {"valid_from": "2026-01-01"})
    await page.reload()
    await says(page, "Du är inloggad sedan")
    assert await queued(page) == 0
