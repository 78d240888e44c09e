"""Executed time and the first measures over HTTP: formats, filters, and who may ask for what."""

import calendar
import csv
import io
import json

import pytest
from service import day, serving, tap_item

from app.store.exports import PIECE_ROWS

URL = "/v1/executed-time"
SINCE = "2020-01-01"
UID = "04A1B2C3D4E5F6"
LEVELS = [
    "manual_visits", "system_down_visits", "off_site_visits", "static_visits", "sun_late_visits", "sun_online_visits",
]  # fmt: skip
FIGURES = ["executed_seconds", "payable_seconds", "granted_seconds", "visits", *LEVELS]


def shown(manual=0, static=0, late=0, online=0):
    return dict(zip(LEVELS, (manual, 0, 0, static, late, online), strict=True))


def month():
    return f"{day(-1):%Y-%m}"


def days_in_month():
    return calendar.monthrange(day(-1).year, day(-1).month)[1]


async def put_world(service):
    """Two providers, three recipients with an order each, and somebody employed by each provider."""
    for provider in ("P-1", "P-2"):
        await service.put("providers", provider, {"name": provider, "form": "external"})
    await service.put("interventions", "dusch", {"title": "Dusch", "category": "CARE", "standard_minutes": 20})
    await service.put("interventions", "städ", {"title": "Städ", "category": "SERVICE", "standard_minutes": 40})
    line = {"intervention": "dusch", "frequency": 1, "period": 1, "period_unit": "d"}
    for number, provider in enumerate(("P-1", "P-2", "P-1"), 1):
        recipient = {"area": "URBAN", "protected": False, "birth_date": "1940-01-01"}
        await service.put("recipients", f"B-{number}", recipient)
        lines = [{"ref": "1", **line}, {"ref": "2", **line, "intervention": "städ"}]
        order = {"recipient": f"B-{number}", "provider": provider, "valid_from": SINCE, "lines": lines, "pauses": []}
        await service.put("orders", f"O-{number}", order)
    for number in (1, 2):
        staff = {"provider": f"P-{number}", "role": "care_assistant", "valid_from": SINCE, "delegations": []}
        await service.put("staff", f"S-{number}", staff)
    await service.put("tags", "T-1", {"kind": "static", "uid": UID})
    await service.mount("T-1", "B-1", day(-30))


@pytest.fixture
async def story(service):
    """Yesterday: one visit by tag for B-1, one by hand for B-2, by different providers; B-3 is only granted time."""
    await put_world(service)
    await service.visit_by("S-1", UID, day(-1, "08:00"), day(-1, "08:30"), interventions=["dusch", "städ"])
    await service.taps("S-2", [tap_item("B-2", "in", day(-1, "09:00")), tap_item("B-2", "out", day(-1, "09:10"))])
    return service


async def test_a_row_for_whatever_has_executed_or_granted_time(story):
    rows = await story.executed("recipient,category")
    granted = {"CARE": 20 * 60 * days_in_month(), "SERVICE": 40 * 60 * days_in_month()}
    told = {
        ("B-1", "CARE"): (600, 600, 1, 0),
        ("B-1", "SERVICE"): (1200, 1200, 1, 0),
        ("B-2", "CARE"): (200, 200, 1, 1),
        ("B-2", "SERVICE"): (400, 400, 1, 1),
        ("B-3", "CARE"): (0, 0, 0, 0),
        ("B-3", "SERVICE"): (0, 0, 0, 0),
    }
    assert rows == [
        {
            "recipient": recipient,
            "category": category,
            "executed_seconds": executed,
            "payable_seconds": payable,
            "granted_seconds": granted[category],
            "visits": visits,
            **shown(manual, visits - manual),
        }
        for (recipient, category), (executed, payable, visits, manual) in told.items()
    ]


async def test_recipient_and_category_unless_something_else_is_asked_and_nothing_for_totals(story):
    answer = (await story.ask("GET", URL, params={"month": month()})).json()
    assert answer == {"month": month(), "rows": await story.executed("recipient,category")}
    [total] = await story.executed("")
    assert total == {
        "executed_seconds": 2400,
        "payable_seconds": 2400,
        "granted_seconds": 3 * 60 * 60 * days_in_month(),
        "visits": 2,
        **shown(manual=1, static=1),
    }


async def test_by_staff_or_day_nothing_is_granted(story):
    rows = await story.executed("local_date,staff,order_line")
    yesterday = day(-1).date().isoformat()
    assert [(row["local_date"], row["staff"], row["order_line"], row["granted_seconds"]) for row in rows] == [
        (yesterday, "S-1", "O-1/1", None),
        (yesterday, "S-1", "O-1/2", None),
        (yesterday, "S-2", "O-2/1", None),
        (yesterday, "S-2", "O-2/2", None),
    ]
    assert await story.executed("category", staff="S-2") == [
        {"category": category, "executed_seconds": seconds, "payable_seconds": seconds, "granted_seconds": None,
         "visits": 1, **shown(manual=1)}
        for category, seconds in (("CARE", 200), ("SERVICE", 400))
    ]  # fmt: skip


async def test_a_span_of_days_says_which(story):
    first, last = day(-2).date().isoformat(), day(-1).date().isoformat()
    answer = (await story.ask("GET", URL, params={"from": first, "to": last, "by": "provider"})).json()
    assert {name: answer[name] for name in answer if name != "rows"} == {"from": first, "to": last}
    assert [(row["provider"], row["executed_seconds"], row["granted_seconds"]) for row in answer["rows"]] == [
        ("P-1", 1800, 2 * 2 * 3600),
        ("P-2", 600, 2 * 3600),
    ]
    assert await story.executed("provider", from_="2019-01-01", to="2019-12-31") == []


async def test_the_same_rows_as_csv_and_as_lines_of_json(story):
    rows = await story.executed("recipient,category")
    query = {"month": month(), "by": "recipient,category"}
    sheet = await story.ask("GET", URL, params=query, headers={"Accept": "text/csv"})
    assert sheet.headers["content-type"] == "text/csv; charset=utf-8"
    assert sheet.headers["content-disposition"] == f'attachment; filename="executed-time-{month()}.csv"'
    assert sheet.content.startswith(b"\xef\xbb\xbfrecipient;category;" + ";".join(FIGURES).encode() + b"\r\n")
    read = list(csv.DictReader(io.StringIO(sheet.content.decode("utf-8-sig")), delimiter=";"))
    assert read == [{name: str(value) for name, value in row.items()} for row in rows]
    plain = await story.ask("GET", URL, params=query, headers={"Accept": "text/csv; header=present; dialect=plain"})
    assert plain.headers["content-type"] == "text/csv; dialect=plain; charset=utf-8"
    assert plain.headers["content-disposition"] == sheet.headers["content-disposition"]
    assert list(csv.DictReader(io.StringIO(plain.text))) == read
    lines = await story.ask("GET", URL, params=query, headers={"Accept": "application/x-ndjson"})
    assert lines.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line) for line in lines.text.splitlines()] == rows


async def test_an_empty_answer_in_every_format(service):
    query = {"month": "2020-02"}
    assert (await service.ask("GET", URL, params=query)).json() == {"month": "2020-02", "rows": []}
    sheet = await service.ask("GET", URL, params=query, headers={"Accept": "text/csv"})
    assert sheet.text.count("\n") == 1
    lines = await service.ask("GET", URL, params=query, headers={"Accept": "application/x-ndjson"})
    assert lines.content == b""


async def test_a_big_answer_is_whole(story, owner):
    count = 3 * PIECE_ROWS + 7
    await owner.execute(
        "INSERT INTO month_sum SELECT 188, '2020-02-01', 'B-' || n, 'P-1', 'CARE', 'dusch', '', n, n, 1, 1, 1, 1, 0, 0,"
        " 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM generate_series(1, $1::int) AS n",
        count,
    )
    query = {"month": "2020-02", "by": "recipient", "category": "CARE"}
    answer = await story.ask("GET", URL, params=query)
    assert int(answer.headers["content-length"]) == len(answer.content)
    rows = answer.json()["rows"]
    assert len(rows) == count
    assert sum(row["executed_seconds"] for row in rows) == count * (count + 1) // 2
    lines = await story.ask("GET", URL, params=query, headers={"Accept": "application/x-ndjson"})
    assert [json.loads(line) for line in lines.text.splitlines()] == rows


REFUSED = [
    ({}, 422, "invalid_parameter"),
    ({"month": "2026-13"}, 422, "invalid_parameter"),
    ({"month": "2026-1"}, 422, "invalid_parameter"),
    ({"month": "2026-10", "from": "2026-10-01"}, 422, "invalid_parameter"),
    ({"from": "2026-10-01"}, 422, "invalid_parameter"),
    ({"to": "2026-10-01"}, 422, "invalid_parameter"),
    ({"from": "2026-10-02", "to": "2026-10-01"}, 422, "invalid_parameter"),
    ({"from": "1990-01-01", "to": "2026-10-01"}, 422, "invalid_parameter"),
    ({"month": "2026-10", "by": "person"}, 422, "invalid_parameter"),
    ({"month": "2026-10", "by": "recipient,recipient"}, 422, "invalid_parameter"),
    ({"month": "2026-10", "category": "FIKA"}, 422, "invalid_parameter"),
    ({"month": "2026-10", "colour": "red"}, 422, "unknown_parameter"),
    ({"month": "2026-10", "recipient": "B-9"}, 404, "unknown_ref"),
    ({"month": "2026-10", "provider": "P-9"}, 404, "unknown_ref"),
    ({"month": "2026-10", "staff": "S-9"}, 404, "unknown_ref"),
    ({"month": "2026-10", "recipient": "B-1\0"}, 404, "unknown_ref"),
]


async def test_what_cannot_be_asked(service):
    for params, status, code in REFUSED:
        answer = await service.ask("GET", URL, params=params, expect=status)
        assert answer.json()["code"] == code, params
        assert "FIKA" not in answer.text


@pytest.mark.parametrize("days", [{"from": "2026-10-01"}, {"to": "2026-10-01"}])
async def test_a_month_and_days_are_not_asked_for_together(service, days):
    answer = await service.ask("GET", URL, params={"month": "2026-10"} | days, expect=422)
    [error] = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == ("/query/month", "not_together")


async def test_a_format_not_offered_is_406(service):
    answer = await service.ask("GET", URL, params={"month": month()}, headers={"Accept": "application/pdf"}, expect=406)
    assert answer.json()["code"] == "not_acceptable"


@pytest.mark.parametrize(
    ("path", "params"),
    [
        (URL, {"month": "2026-10"}),
        ("/v1/measures/continuity", {"from": "2026-10-01"}),
        ("/v1/measures/executed-share", {"month": "2026-10"}),
        ("/v1/measures/evidence", {"month": "2026-10"}),
        ("/v1/measures/declined", {"month": "2026-10"}),
        ("/v1/measures/indices", {"month": "2026-10"}),
    ],
)
async def test_who_may_ask(service, path, params):
    for role in ("system", "controller", "admin", "planner"):
        await service.ask("GET", path, params=params, role=role, provider="P-1", expect=200)
    for role in ("staff", "inspector", "auditor"):
        answer = await service.ask("GET", path, params=params, role=role, staff="S-1", expect=403)
        assert answer.json()["code"] == "forbidden_role"
    await service.ask("GET", path, params=params, role=None, expect=401)


async def test_a_planner_sees_its_own_provider_alone(story):
    async def planners(**filters):
        return await story.executed("provider,recipient", role="planner", who={"provider": "P-1"}, **filters)

    assert {(row["provider"], row["recipient"]) for row in await planners()} == {("P-1", "B-1"), ("P-1", "B-3")}
    assert await planners(provider="P-1") == await planners()
    assert await planners(staff="S-1", recipient="B-1")
    for filters in ({"provider": "P-2"}, {"staff": "S-2"}, {"recipient": "B-2"}):
        for path, params in (
            (URL, {"month": month()}),
            ("/v1/measures/continuity", {"from": "2026-10-01"}),
            ("/v1/measures/executed-share", {"month": month()}),
            ("/v1/measures/evidence", {"month": month()}),
            ("/v1/measures/declined", {"month": month()}),
            ("/v1/measures/indices", {"month": month()}),
        ):
            if path == URL or "staff" not in filters:
                answer = await story.ask(
                    "GET", path, params=params | filters, role="planner", provider="P-1", expect=404
                )
                assert answer.json()["code"] == "unknown_ref"


async def test_executed_share_of_providers_and_of_all(story):
    answer = (await story.ask("GET", "/v1/measures/executed-share", params={"month": month()})).json()
    hour = 3600 * days_in_month()
    assert answer == {
        "month": month(),
        "target": 0.85,
        "rows": [
            {"provider": "P-1", "executed_seconds": 1800, "granted_seconds": 2 * hour, "share": 1800 / (2 * hour),
             "meets_target": False},
            {"provider": "P-2", "executed_seconds": 600, "granted_seconds": hour, "share": 600 / hour,
             "meets_target": False},
        ],
        "total": {"executed_seconds": 2400, "granted_seconds": 3 * hour, "share": 2400 / (3 * hour),
                  "meets_target": False},
    }  # fmt: skip
    nothing = (await story.ask("GET", "/v1/measures/executed-share", params={"month": "2019-02"})).json()
    assert nothing["rows"] == []
    assert (nothing["total"]["share"], nothing["total"]["meets_target"]) == (None, None)


async def test_evidence_of_providers_and_of_all_follows_a_correction(story):
    async def measured():
        return (await story.ask("GET", "/v1/measures/evidence", params={"month": month()})).json()

    def row(static, manual):
        performed = static + manual
        levels = {"sun_online": 0, "sun_late": 0, "static": static, "off_site": 0, "system_down": 0, "manual": manual}
        return {"performed": performed, "manual_share": manual / performed, "evidence": levels}

    p_1, p_2 = {"provider": "P-1"}, {"provider": "P-2"}
    by_hand = p_2 | row(0, 1)
    assert await measured() == {"month": month(), "rows": [p_1 | row(1, 0), by_hand], "total": row(1, 1)}
    [visit] = await story.visits(recipient="B-1")
    await story.correct(visit, "set_end", "forgot_out", ended_at=day(-1, "08:20"), provider="P-1")
    assert await measured() == {"month": month(), "rows": [p_1 | row(0, 1), by_hand], "total": row(0, 2)}
    nothing = (await story.ask("GET", "/v1/measures/evidence", params={"month": "2019-02"})).json()
    assert (nothing["rows"], nothing["total"]["performed"], nothing["total"]["manual_share"]) == ([], 0, None)


async def test_continuity_of_a_fortnight(database_url, owner):
    await owner.execute("INSERT INTO municipality (municipality_id, name, as_of) VALUES (188, 'Norrtälje', now())")
    # Somebody tells of two weeks at once, which is late, so this service takes late taps as they are.
    async with serving(database_url, late_tap_days=60) as service:
        await put_world(service)
        role = {"provider": "P-1", "role": "assistant_nurse", "valid_from": SINCE, "delegations": []}
        await service.put("staff", "S-3", role)
        for staff, clock, end in (("S-1", "10:00", "10:20"), ("S-3", "17:00", "17:20")):
            days = [day(offset) for offset in range(-16, -2)]
            taps = [(direction, on.replace(hour=int(at[:2]), minute=int(at[3:])))
                    for on in days for direction, at in (("in", clock), ("out", end))]  # fmt: skip
            await service.taps(staff, [tap_item("B-3", direction, at) for direction, at in taps])
        first, last = day(-16).date().isoformat(), day(-3).date().isoformat()
        left_out = {"age_unknown": 0, "too_young": 0, "paused": 0, "order_not_in_force": 0, "too_few_visits": 2}
        expected = {
            "profile": "kolada-classic", "from": first, "to": last, "suppressed": False, "eligible": 1,
            "excluded": left_out, "mean": 2.0, "median": 2.0, "min": 2, "max": 2, "above": 20, "share_above": 0.0,
        }  # fmt: skip

        async def ask(**filters):
            answer = await service.ask("GET", "/v1/measures/continuity", params={"from": first} | filters)
            return answer.json()

        assert await ask() == expected
        assert await ask(provider="P-1") == expected | {"excluded": left_out | {"too_few_visits": 1}}
        assert (await ask(provider="P-2"))["eligible"] == 0
        only = await ask(recipient="B-1", profile="kolada-classic")
        assert (only["eligible"], only["excluded"]["too_few_visits"], only["mean"]) == (0, 1, None)
        hidden = await ask(published="true")
        assert hidden["suppressed"] is True
        assert {hidden[name] for name in ("mean", "median", "min", "max", "share_above", "eligible", "excluded")} == {
            None
        }


@pytest.mark.parametrize("params", [{}, {"from": "2026-10-1"}, {"from": "2026-10-01", "profile": "kolada-2030"}])
async def test_continuity_that_cannot_be_asked(service, params):
    answer = await service.ask("GET", "/v1/measures/continuity", params=params, expect=422)
    assert answer.json()["code"] == "invalid_parameter"
