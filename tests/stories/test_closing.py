"""Closed months: what blocks a close, what it freezes, and how what comes later is settled once and only once."""

import asyncio
import datetime as dt
import json
import uuid
from hashlib import sha256

import pytest
from postgres import connect
from service import STOCKHOLM, SetClock, day, tap_item
from world import H1, H2, line, on, order

from app.actions.check import check
from app.api.money import periods

CARE = {"ref": "care", "basis": "executed", "categories": ["CARE"], "rates": [{"ore": 36_000}]}  # 10 öre a second
CONTRACT = {"provider": "P-norr", "valid_from": "2026-01-01", "compensation": {"rules": [CARE]}}


@pytest.fixture
async def paid(home_of_old):
    await home_of_old.put("contracts", "K-1", CONTRACT)
    return home_of_old


async def visit(service, date, minutes, *, staff="S-1", place=H2):
    return await service.visit_by(staff, place, on(date, "12:00"), on(date, f"12:{minutes:02}"))


async def close(service, month, body=None, *, provider="P-norr", expect=(200, 201), role="controller"):
    return await service.ask("POST", f"/v1/periods/{provider}/{month}/close", body, role=role, expect=expect)


async def month_of(service, month, provider="P-norr"):
    params = {"month": month, "provider": provider}
    return (await service.ask("GET", "/v1/compensation", role="system", params=params)).json()


def amounts(answer):
    return [(one["month"], one["adjusts"], one["amount_ore"]) for one in answer["lines"]]


async def test_a_closed_month_never_changes_and_later_facts_are_settled_once(paid):
    await visit(paid, "2026-08-03", 30)
    closed = (await close(paid, "2026-08")).json()
    assert (closed["total_ore"], closed["lines"], closed["accepted"]) == (18_000, 1, [])
    frozen = await month_of(paid, "2026-08")
    text = "\n".join(
        json.dumps(one, sort_keys=True, ensure_ascii=False, separators=(",", ":")) for one in frozen["lines"]
    )
    assert closed["lines_hash"] == sha256(text.encode()).hexdigest()
    # A phone that was away tells of ten minutes of August in September.
    await visit(paid, "2026-08-04", 10)
    await visit(paid, "2026-09-01", 5)
    assert await month_of(paid, "2026-08") == frozen
    september = await month_of(paid, "2026-09")
    assert amounts(september) == [("2026-09", None, 3_000), ("2026-09", "2026-08", 6_000)]
    assert september["lines"][1]["line"] == frozen["lines"][0]["line"]
    assert september["lines"][1]["quantity"] == pytest.approx(1 / 6)
    assert (await month_of(paid, "2026-10"))["lines"] == []
    await close(paid, "2026-09")
    assert amounts(await month_of(paid, "2026-09")) == amounts(september)
    assert amounts(await month_of(paid, "2026-10")) == []
    # The order is taken back: nothing of it was to be paid. The difference goes to October, referring to each month.
    await paid.withdraw("O-2")
    assert sorted(amounts(await month_of(paid, "2026-10"))) == [
        ("2026-10", "2026-08", -24_000),
        ("2026-10", "2026-09", -3_000),
    ]
    await close(paid, "2026-10", {"accept_open": True})
    # And put again: the sum over all closed months is what the facts give.
    await paid.put("orders", "O-2", order("B-2", {"ref": "1", "intervention": "lunch", "frequency": 7, "period": 1,
                                                "period_unit": "wk"}))  # fmt: skip
    totals = [(await month_of(paid, month))["total_ore"] for month in ("2026-08", "2026-09", "2026-10", "2026-11")]
    assert totals == [18_000, 9_000, -27_000, 27_000]
    listed = (await paid.ask("GET", "/v1/periods", role="system")).json()["items"]
    assert [(one["month"], one["total_ore"]) for one in listed] == [
        ("2026-08", 18_000),
        ("2026-09", 9_000),
        ("2026-10", -27_000),
    ]


async def test_caps_are_settled_for_the_whole_month(paid):
    capped = CARE | {"caps": {"month_hours": "0.5"}}
    await paid.put("contracts", "K-1", CONTRACT | {"compensation": {"rules": [capped]}})
    await visit(paid, "2026-08-03", 25)
    await close(paid, "2026-08")
    await visit(paid, "2026-08-04", 25)  # of which only five minutes fit under the cap
    assert sum(one["amount_ore"] for one in (await month_of(paid, "2026-09"))["lines"]) == 3_000


async def test_what_was_paid_is_what_a_simulation_compares_with(paid):
    await visit(paid, "2026-08-03", 30)
    await close(paid, "2026-08")
    await paid.put("contracts", "K-1", CONTRACT | {"compensation": {"preset": "executed"}})
    body = {"from": "2026-08-01", "to": "2026-08-31", "compensation": {"preset": "executed"}}
    answer = (await paid.ask("POST", "/v1/compensation/simulate", body, role="controller", expect=200)).json()
    assert (answer["paid_ore"], answer["simulated_ore"]) == (18_000, 20_000)
    # The document is in force by now: what it pays more waits for the next close.
    assert (answer["waiting_ore"], answer["difference_ore"]) == (2_000, 0)
    answer = await simulated(paid, "2026-08", {"rules": [CARE]})
    assert (answer["paid_ore"], answer["simulated_ore"], answer["difference_ore"]) == (18_000, 18_000, -2_000)


async def simulated(service, month, document):
    body = {"from": f"{month}-01", "to": f"{month}-31", "compensation": document}
    return (await service.ask("POST", "/v1/compensation/simulate", body, role="controller", expect=200)).json()


async def half_year(service, month, recipient="B-2"):
    """What the report says of a recipient's month: income, what of it waits, executed time, whether it is over."""
    params = {"from": month, "recipient": recipient}
    rows = (await service.ask("GET", "/v1/reports/half-year", role="controller", params=params)).json()["rows"]
    [row] = [row for row in rows if row["month"] == month]
    return row["income_ore"], row["waiting_ore"], row["executed_seconds"], row["expected"]


async def test_the_document_in_force_differs_by_nothing_while_an_adjustment_waits(paid):
    """A visit without an order is accepted and the month closed; then the order comes."""
    lunch = order("B-2", line("1", "lunch", 30), valid_from="2026-01-01")
    await paid.withdraw("O-2")
    await visit(paid, "2026-08-03", 20)
    await close(paid, "2026-08", {"accept_open": True})
    await paid.put("orders", "O-2", lunch)
    answer = await simulated(paid, "2026-08", {"rules": [CARE]})
    told = [answer[name] for name in ("paid_ore", "waiting_ore", "simulated_ore", "difference_ore")]
    assert told == [0, 12_000, 12_000, 0]
    assert [row["difference_ore"] for row in answer["rows"]] == [0]
    assert await half_year(paid, "2026-08") == (12_000, 12_000, 1_200, False)
    # The next close settles it, and it belongs to August still.
    await close(paid, "2026-09")
    answer = await simulated(paid, "2026-08", {"rules": [CARE]})
    assert [answer[name] for name in ("paid_ore", "waiting_ore", "difference_ore")] == [12_000, 0, 0]
    assert await half_year(paid, "2026-08") == (12_000, 0, 1_200, False)


async def test_a_month_that_is_not_over_is_told_as_it_stands(paid):
    today = day(0).date()
    await paid.visit_by("S-1", H2, day(0, "00:00"), day(0, "00:00") + dt.timedelta(seconds=1))
    assert await half_year(paid, f"{today:%Y-%m}") == (10, 0, 1, True)


async def test_anomalies_to_repair_block_until_they_are_accepted_by_name(paid):
    forgotten = await paid.tap("S-1", H1, "in", on("2026-08-03", "08:00"))
    [visit_id] = [one["id"] for one in forgotten["visits"]]
    for refused in (None, {"accept_open": False}, {"accept_open": []}, {"accept_open": [f"{visit_id}:missing_in"]}):
        answer = (await close(paid, "2026-08", refused, expect=409)).json()
        assert answer["code"] == "anomalies_open"
        assert [error["pointer"] for error in answer["errors"]] == [f"/accept_open/{visit_id}:missing_out"]
    closed = (await close(paid, "2026-08", {"accept_open": [f"{visit_id}:missing_out"]}, expect=201)).json()
    assert (closed["accepted"], closed["total_ore"]) == ([f"{visit_id}:missing_out"], 0)
    await close(paid, "2026-07", expect=201)  # another month has none
    await close(paid, "2026-08", provider="P-syd", expect=201)  # nor has another provider


async def test_an_anomaly_that_somebody_has_settled_blocks_no_more(paid):
    forgotten = await paid.tap("S-1", H1, "in", on("2026-08-03", "08:00"))
    [visit_id] = [one["id"] for one in forgotten["visits"]]
    await close(paid, "2026-08", expect=409)
    version = (await paid.visit(visit_id))["version"]
    correction = {"id": uuid.uuid4(), "kind": "set_end", "ended_at": on("2026-08-03", "08:20"), "reason": "forgot_out"}
    path, headers = f"/v1/visits/{visit_id}/corrections", {"If-Match": f'"{version}"'}
    await paid.ask("POST", path, correction, role="admin", headers=headers, expect=201)
    # Twenty minutes, of which the order's shower is two thirds; the rest was insulin.
    assert (await close(paid, "2026-08", expect=201)).json()["total_ore"] == 8_000


async def test_closing_again_answers_the_first_close(paid):
    first = (await close(paid, "2026-08", expect=201)).json()
    await visit(paid, "2026-08-03", 30)
    assert (await close(paid, "2026-08", expect=200)).json() == first


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("P-nobody/2026-08", 404, "unknown_ref"),
        ("P-norr/2026-13", 422, "invalid_parameter"),
        ("P-norr/2026-8", 422, "invalid_parameter"),
        ("P-norr/2190-01", 409, "month_not_over"),
    ],
)
async def test_what_cannot_be_closed(paid, path, status, code):
    answer = await paid.ask("POST", f"/v1/periods/{path}/close", {}, role="controller", expect=status)
    assert answer.json()["code"] == code


async def test_a_month_is_closed_from_the_first_of_the_next_on(paid):
    """By the Swedish calendar: in UTC the last day has two hours left."""
    await visit(paid, "2026-08-31", 30)
    paid.app.state.clock = clock = SetClock(on("2026-08-01", "00:00"))
    for clock.at in (on("2026-08-01", "00:00"), on("2026-08-31", "23:59")):
        assert (await close(paid, "2026-08", {"accept_open": True}, expect=409)).json()["code"] == "month_not_over"
    assert (await month_of(paid, "2026-08"))["providers"][0]["closed"] is False
    clock.at = on("2026-09-01", "00:00")
    assert (await close(paid, "2026-08", expect=201)).json()["total_ore"] == 18_000


async def test_a_close_answers_when_it_is_sealed_or_says_where_its_proof_will_be(paid, monkeypatch):
    first = await close(paid, "2026-07", expect=201)
    proof = {"fact": first.json()["id"]}
    await paid.ask("GET", "/v1/ledger/proof", params=proof, role="controller", expect=200)
    # Another sealer holds the head, for longer than a close waits.
    monkeypatch.setattr(periods, "SEALED_WITHIN_SECONDS", 0.2)
    superuser = await connect(paid.app.state.database.engine.url.render_as_string(hide_password=False))
    async with superuser.transaction():
        await superuser.execute("SELECT FROM ledger_head FOR UPDATE")
        accepted = await close(paid, "2026-08", expect=202)
        where = accepted.headers["location"]
        waiting = await paid.ask("GET", where, role="controller", expect=409)
        params = {"month": "2026-08", "provider": "P-norr"}
        no_invoice = await paid.ask("GET", "/v1/compensation/invoice.xml", role="controller", params=params, expect=409)
        for answer in (waiting, no_invoice):
            assert (answer.json()["code"], answer.headers["retry-after"]) == ("not_sealed", "2")
        again = await close(paid, "2026-08", expect=202)
        assert (again.json(), again.headers["location"]) == (accepted.json(), where)
    await superuser.close()
    assert (await close(paid, "2026-08", expect=200)).json() == accepted.json()
    found = (await paid.ask("GET", where, role="controller", expect=200)).json()
    assert found["index"] == accepted.json()["position"]
    # In a tree that was too small for it, it will never be: nothing is gained by asking again.
    small = await paid.ask("GET", where + "&size=1", role="controller", expect=409)
    assert (small.json()["code"], "retry-after" in small.headers) == ("not_sealed", False)


async def test_a_name_that_could_be_none_is_refused(paid):
    answer = await close(paid, "2026-08", {"accept_open": ["all"]}, expect=422)
    assert answer.json()["code"] == "invalid_envelope"


async def test_when_the_contract_wants_a_month_closed(paid):
    closing = {"rules": [CARE], "closing": {"workday": 3, "at": "12:00"}}
    await paid.put("contracts", "K-1", CONTRACT | {"compensation": closing})
    assert (await close(paid, "2026-03")).json()["due_at"] == "2026-04-07T10:00:00Z"
    [listed] = (await paid.ask("GET", "/v1/periods", role="planner", provider="P-norr")).json()["items"]
    # 1 and 2 April are workdays, then comes Easter: the third is Tuesday the 7th.
    assert listed["due_at"] == "2026-04-07T10:00:00Z"
    assert (await paid.ask("GET", "/v1/periods", role="planner", provider="P-syd")).json()["items"] == []


async def test_last_month_is_due_until_it_is_closed(paid):
    closing = {"rules": [CARE], "closing": {"workday": 1, "at": "08:00"}}
    await paid.put("contracts", "K-1", CONTRACT | {"compensation": closing})
    last = f"{day(-dt.datetime.now(STOCKHOLM).day):%Y-%m}"
    due = (await paid.ask("GET", "/v1/periods", role="controller")).json()["due"]
    assert [(one["provider"], one["month"]) for one in due] == [("P-norr", last)]
    assert last < due[0]["due_at"][:7]
    await close(paid, last)
    assert (await paid.ask("GET", "/v1/periods", role="controller")).json()["due"] == []


async def test_a_close_tells_its_place_in_the_ledger(paid):
    """The leaf at its position is its own, and those before it are the facts that it saw."""
    await visit(paid, "2026-08-03", 30)
    closed = (await close(paid, "2026-08")).json()
    await visit(paid, "2026-08-04", 10)
    await paid.seal()
    proof = await paid.ask("GET", "/v1/ledger/proof", params={"fact": closed["id"]}, role="auditor")
    assert proof.json()["index"] == closed["position"] > 0
    [listed] = (await paid.ask("GET", "/v1/periods", role="system")).json()["items"]
    assert listed == closed


async def test_facts_that_arrive_while_a_month_is_closed_are_in_it_or_in_an_adjustment(paid):
    """Taps, orders and the close race; whoever comes first under the lock, every second is settled exactly once."""
    await paid.put("orders", "O-2", order("B-2", {"ref": "1", "intervention": "lunch", "frequency": 7, "period": 1,
                                                "period_unit": "wk"}))  # fmt: skip

    async def told(number):
        date = f"2026-08-{number + 1:02}"
        start, end = on(date, "12:00"), on(date, f"12:{10 + number:02}")
        batch = [tap_item(H2, "in", start), tap_item(H2, "out", end)]
        await asyncio.sleep(0.01 * number)
        await paid.taps("S-1", batch)

    async def closed():
        await asyncio.sleep(0.1)
        return (await close(paid, "2026-08")).json()

    first, again, *_ = await asyncio.gather(closed(), closed(), *(told(number) for number in range(20)))
    assert first == again
    whole = sum(10 + number for number in range(20)) * 600
    rest = await month_of(paid, "2026-09")
    assert first["total_ore"] == (await month_of(paid, "2026-08"))["total_ore"]
    assert first["total_ore"] + rest["total_ore"] == whole
    closed_again = (await close(paid, "2026-09")).json()
    assert closed_again["total_ore"] == rest["total_ore"]
    assert (await month_of(paid, "2026-10"))["total_ore"] == 0


@pytest.mark.parametrize("rewritten", ['{"reason": "for nothing"}', '{"from": "the first"}', '{"notes": null}'])
async def test_a_line_that_is_rewritten_under_its_close_is_found(paid, rewritten):
    await visit(paid, "2026-08-03", 30)
    await close(paid, "2026-08")
    database = paid.app.state.database
    superuser = await connect(database.engine.url.render_as_string(hide_password=False))
    await superuser.execute("SET session_replication_role = replica")
    [body] = [row["body"] for row in await superuser.fetch("SELECT body FROM period_line")]
    await superuser.execute("UPDATE period_line SET body = body || $1", rewritten)
    found = await check(database, 188)
    assert found == ["not so: the lines of a closed month are those that were closed (1: P-norr 2026-08)"]
    await superuser.execute("UPDATE period_line SET body = $1", body)
    await superuser.close()
