"""The inbox of what asks for a person's eye, told through HTTP."""

from service import day
from world import H1, H2, PAR, codes

from app.domain.repair import TEXTS
from app.domain.visit import ANOMALIES


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
