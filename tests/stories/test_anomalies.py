"""The inbox of what asks for a person's eye, told through HTTP."""

import uuid

from service import day
from world import H1, H2, PAR, codes, contract, line, order

from app.domain.visits.repair import TEXTS
from app.domain.visits.visit import ANOMALIES


async def inbox(home, *, role="planner", expect=200, **filters):
    who = {"provider": "P-norr"} if role == "planner" else {}
    headers = {"Accept-Language": "en"}
    return (
        await home.ask("GET", "/v1/anomalies", role=role, params=filters, headers=headers, expect=expect, **who)
    ).json()


async def apply(home, anomaly, expect=201, body=None, **headers):
    path = f"/v1/anomalies/{anomaly['id']}/apply"
    return (
        await home.ask("POST", path, body, role="planner", provider="P-norr", headers=headers, expect=expect)
    ).json()


def counted(items):
    """The counts that belong to these anomalies: code, state, how many, and when the oldest is from."""
    found = {}
    for one in items:
        found.setdefault((one["code"], one["state"]), []).append(one["since"])
    return [(*key, len(since), min(since)) for key, since in sorted(found.items())]


def told(counts):
    return [(one["code"], one["state"], one["count"], one["oldest"]) for one in counts]


def test_every_anomaly_has_its_text_in_both_languages():
    assert TEXTS.keys() == ANOMALIES.keys()
    for code, words in TEXTS.items():
        assert [words.sv[-1], words.en[-1]] == [".", "."], code
        assert words.sv != words.en, code


async def test_every_anomaly_in_the_inbox_is_repaired_or_seen_by_one_call(home):
    await home.tap("S-1", H1, "in", day(-3, "08:00"))  # missing_out
    await home.tap("S-2", H1, "out", day(-2, "08:30"))  # missing_in
    await home.visit_by("S-1", H2, day(-2, "11:00"), day(-2, "11:30"), interventions=["inköp"])  # not_ordered
    await home.visit_by("S-3", H1, day(-2, "12:00"), day(-2, "12:30"), interventions=["insulin"])  # delegation_missing
    await home.tag_state("T-H-par", "tampered", day(-2))
    await home.tap("S-1", PAR, "in", day(-1, "08:00"), verdict="disputed")
    first = await inbox(home)
    found = [(one["code"], one["severity"], one["state"]) for one in first["items"]]
    assert {code for code, _, _ in found} == {
        "missing_out", "missing_in", "not_ordered", "delegation_missing", "tag_tampered",
    }  # fmt: skip
    assert {state for _, _, state in found} == {"open"}
    assert first["items"][0]["age_days"] == 3
    assert first["items"][0]["text"] == "The tap out is missing."
    assert told(first["counts"]) == counted(first["items"])
    for anomaly in first["items"]:
        visit = await home.visit(anomaly["visit"])
        if anomaly["code"] in codes(visit):
            assert anomaly["suggestion"] == next(
                one["suggestion"] for one in visit["anomalies"] if one["code"] == anomaly["code"]
            )
            repaired = await apply(home, anomaly)
            assert len(repaired["corrections"]) == len(visit["corrections"]) + 1
    assert (await inbox(home, state="open"))["items"] == []
    settled = (await inbox(home, state="acknowledged"))["items"]
    everything = await inbox(home)
    assert told(everything["counts"]) == counted(everything["items"])
    assert {one["code"] for one in settled} >= {"not_ordered", "delegation_missing"}
    await apply(home, settled[0], expect=409)
    await apply(home, first["items"][0], expect=404)


async def test_the_inbox_is_filtered_and_paged(home):
    for number in range(5):
        await home.tap("S-1", H1, "out", day(-2, f"{10 + number}:00"))
    await home.tap("S-south", H2, "out", day(-2, "09:00"))
    pages, cursor = [], {}
    while True:
        page = await inbox(home, limit=2, code="missing_in", **cursor)
        pages.append(page)
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert [len(page["items"]) for page in pages] == [2, 2, 1]
    assert [page["counts"] is None for page in pages] == [False, True, True]
    assert len({one["id"] for page in pages for one in page["items"]}) == 5
    assert len((await inbox(home, role="controller"))["items"]) == 6
    south = await inbox(home, role="controller", provider="P-syd")
    assert len(south["items"]) == 1
    assert told(south["counts"]) == counted(south["items"])
    assert (await inbox(home, code="overlap"))["items"] == []
    assert (await inbox(home, code="nothing", expect=422))["code"] == "invalid_parameter"
    assert (await inbox(home, cursor="x", expect=422))["code"] == "invalid_cursor"
    assert (await inbox(home, provider="P-syd", expect=404))["code"] == "unknown_ref"


async def test_a_repair_is_made_of_the_version_that_was_looked_at(home):
    await home.tap("S-1", H1, "out", day(-2, "10:00"))
    [anomaly] = (await inbox(home))["items"]
    assert (await apply(home, anomaly, 412, **{"If-Match": '"99"'}))["code"] == "version_conflict"
    told = await apply(home, anomaly, body={"note": "asked by telephone"}, **{"If-Match": '"1"'})
    assert (told["status"], codes(told)) == ("complete", set())
    assert told["corrections"][0]["note"] == "asked by telephone"


async def test_a_missing_report_is_never_taken_to_say_that_health_care_was_given(home):
    await home.put("contracts", "C-norr", contract(report_required=True))
    await home.visit_by("S-1", H1, day(-2, "08:00"), day(-2, "08:30"))
    await home.visit_by("S-1", H2, day(-1, "08:00"), day(-1, "08:30"))
    held, plain = (await inbox(home))["items"]
    assert held["suggestion"]["interventions"] == [{"intervention": "dusch"}]
    assert held["suggestion"]["ordered"] == [
        {"intervention": "dusch", "category": "CARE", "ticked": True},
        {"intervention": "insulin", "category": "DELEGATED_HSL", "ticked": False},
    ]
    refused = await apply(home, held, 422)
    assert (refused["code"], refused["errors"][0]["pointer"]) == ("answer_required", "/interventions")
    answered = await apply(home, held, body={"interventions": ["dusch", {"intervention": "insulin", "minutes": 5}]})
    assert (codes(answered), answered["payable"]) == (set(), True)
    assert [one["intervention"] for one in answered["shares"]] == ["dusch", "insulin"]
    assert plain["suggestion"]["interventions"] == [{"intervention": "lunch"}]
    assert "ordered" not in plain["suggestion"]
    assert (await apply(home, plain))["payable"]


async def test_where_health_care_alone_was_ordered_nothing_is_suggested_to_be_done(home):
    await home.put("contracts", "C-norr", contract(report_required=True))
    await home.put("orders", "O-1", order("B-1", line("1", "insulin")))
    await home.visit_by("S-1", H1, day(-2, "08:00"), day(-2, "08:30"))
    [held] = (await inbox(home))["items"]
    assert held["suggestion"]["interventions"] == []
    await apply(home, held, 422)
    assert (await apply(home, held, body={"interventions": ["insulin"]}))["payable"]


async def test_an_answer_is_refused_where_nothing_is_asked(home):
    await home.tap("S-1", H1, "in", day(-3, "08:00"))
    [anomaly] = (await inbox(home))["items"]
    assert (await apply(home, anomaly, 409, body={"interventions": ["dusch"]}))["code"] == "correction_not_applicable"


async def test_a_repair_that_is_sent_again_under_its_id_answers_the_same(home):
    await home.tap("S-1", H1, "in", day(-3, "08:00"))
    [anomaly] = (await inbox(home))["items"]
    body = {"id": uuid.uuid4(), "note": "asked by telephone"}
    first = await apply(home, anomaly, body=body)
    assert first["corrections"][0]["id"] == str(body["id"])
    assert await apply(home, anomaly, body=body) == first
    assert (await apply(home, anomaly, 409, body={"id": body["id"]}))["code"] == "id_conflict"


async def test_the_inbox_and_its_counts_follow_every_filter(home):
    await home.tap("S-1", H1, "in", day(-4, "08:00"))
    await home.tap("S-2", H1, "out", day(-3, "08:30"))
    await home.tap("S-1", H2, "in", day(-3, "11:00"))
    await home.visit_by("S-1", H2, day(-2, "11:00"), day(-2, "11:30"), interventions=["inköp"])
    await home.visit_by("S-2", H2, day(-2, "11:00"), day(-2, "11:30"), interventions=["lunch"])
    every = (await inbox(home))["items"]
    await home.correct(await home.visit(every[0]["visit"]), "acknowledge", anomaly=every[0]["code"])
    every = (await inbox(home))["items"]
    assert {one["severity"] for one in every} == {"fix"}
    await home.put("orders", "O-2", order("B-2", line("1", "lunch", window=["17:00", "18:00"])))
    await home.visit_by("S-2", H2, day(-1, "11:00"), day(-1, "11:30"))
    every = (await inbox(home))["items"]
    on = {number: f"{day(number):%Y-%m-%d}" for number in range(-4, 0)}
    for asked, fits in [
        ({"severity": "fix"}, lambda one: one["severity"] == "fix"),
        ({"severity": "acknowledge"}, lambda one: one["severity"] == "acknowledge"),
        ({"code": "missing_out,missing_in"}, lambda one: one["code"] in {"missing_out", "missing_in"}),
        ({"code": "missing_out", "severity": "acknowledge"}, lambda _: False),
        ({"staff": "S-2"}, lambda one: one["staff"] == "S-2"),
        ({"recipient": "B-2"}, lambda one: one["recipient"] == "B-2"),
        ({"from": on[-3]}, lambda one: one["local_date"] >= on[-3]),
        ({"to": on[-3]}, lambda one: one["local_date"] <= on[-3]),
        ({"from": on[-3], "to": on[-2]}, lambda one: on[-3] <= one["local_date"] <= on[-2]),
        ({"from": on[-3], "state": "open", "staff": "S-1"}, lambda one: one["staff"] == "S-1" and one != every[0]),
        ({"state": "acknowledged"}, lambda one: one["state"] == "acknowledged"),
    ]:
        found = await inbox(home, **asked)
        assert found["items"] == [one for one in every if fits(one)], asked
        assert told(found["counts"]) == counted(found["items"]), asked
    pages = await home.pages("/v1/anomalies", **{"from": on[-3], "limit": 1})
    assert [one["id"] for one in pages] == [one["id"] for one in every if one["local_date"] >= on[-3]]
    assert (await inbox(home, code="missing_out,nothing", expect=422))["code"] == "invalid_parameter"
    assert (await inbox(home, staff="S-none", expect=404))["code"] == "unknown_ref"
    assert (await inbox(home, staff="S-south", expect=404))["code"] == "unknown_ref", "another provider's"


async def together(home, verb, items, expect=200, **who):
    who = who or {"role": "planner", "provider": "P-norr"}
    answer = await home.ask("POST", f"/v1/anomalies:{verb}", {"anomalies": items}, expect=expect, **who)
    return answer.json()


async def test_many_are_repaired_at_once_and_none_stops_the_others(home):
    await home.put("contracts", "C-norr", contract(report_required=True))
    await home.tap("S-1", H1, "in", day(-4, "08:00"))
    await home.tap("S-2", H2, "out", day(-3, "08:30"))
    await home.visit_by("S-1", H1, day(-2, "08:00"), day(-2, "08:30"))
    await home.visit_by("S-1", H1, day(-1, "08:00"), day(-1, "08:30"))
    await home.tap("S-south", H2, "out", day(-2, "09:00"))
    out, missing_in, unsaid, said = [one["id"] for one in (await inbox(home))["items"]]
    [foreign] = [one["id"] for one in (await inbox(home, role="controller", provider="P-syd"))["items"]]
    items = [
        {"anomaly": out},
        {"anomaly": foreign},
        {"anomaly": f"{uuid.uuid4()}:missing_out"},
        {"anomaly": "none"},
        {"anomaly": unsaid},
        {"anomaly": said, "interventions": ["dusch"], "note": "Enligt S-1"},
        {"anomaly": missing_in, "wrong": 1},
        {"anomaly": missing_in},
        {"anomaly": missing_in},
    ]
    items = [{"id": str(uuid.uuid4())} | one for one in items]
    first = await together(home, "apply", items)
    assert [(one["id"], one["code"]) for one in first["results"]] == list(
        zip(
            [one["id"] for one in items],
            [None, "not_found", "not_found", "not_found", "answer_required", None, "malformed", None, "not_found"],
            strict=True,
        )
    )
    assert first["results"][4]["errors"][0]["pointer"] == "/anomalies/4/interventions"
    for one in first["results"]:
        assert (one["verdict"] == "accepted") == (one["visit"] is not None)
        if one["visit"]:
            assert one["id"] in {made["id"] for made in one["visit"]["corrections"]}
            read = await home.visit(one["visit"]["id"], role="planner", provider="P-norr")
            assert read == one["visit"], "with the carer's words, for whoever may read them"
    assert await together(home, "apply", items) == first, "a repeat answers the same"
    other = await together(home, "apply", [items[5] | {"interventions": ["insulin"]}])
    assert other["results"][0]["code"] == "id_conflict"
    await together(home, "apply", items, 403, role="controller")


async def test_many_are_acknowledged_at_once(home):
    for number in range(4):
        await home.tap("S-1", H1, "out", day(-2, f"{10 + number}:00"))
    found = [one["id"] for one in (await inbox(home))["items"]]
    items = [{"id": uuid.uuid4(), "anomaly": one} for one in found]
    items[1] |= {"reason": "other"}
    items[2] |= {"reason": "emergency"}
    items[3] |= {"note": "Jourbesök"}
    first = await together(home, "acknowledge", items)
    assert [one["code"] for one in first["results"]] == [None, "note_required", None, None]
    made = [one["visit"]["corrections"][0] for one in first["results"] if one["visit"]]
    assert [(one["kind"], one["reason"], one["note"]) for one in made] == [
        ("acknowledge", "other", "Sett"),
        ("acknowledge", "emergency", None),
        ("acknowledge", "other", "Jourbesök"),
    ]
    assert await together(home, "acknowledge", items) == first
    anew = await together(home, "acknowledge", [{"id": uuid.uuid4(), "anomaly": found[0]}])
    assert anew["results"][0]["code"] == "correction_not_applicable"


async def test_at_most_five_hundred_at_once(home):
    items = [{"id": uuid.uuid4(), "anomaly": f"{uuid.uuid4()}:overlap"} for _ in range(501)]
    assert (await together(home, "apply", items, 413))["code"] == "too_many_items"
    found = await together(home, "acknowledge", items[1:])
    assert {one["code"] for one in found["results"]} == {"not_found"}
    assert (await together(home, "apply", [], 422))["code"] == "invalid_envelope"
