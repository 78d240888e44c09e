"""A planner reads its own provider's alone, also by somebody else's cursor and in every format of an export."""

import io

import pyarrow.parquet
import pytest
from openpyxl import load_workbook
from service import day
from test_who_may import close_months, town  # noqa: F401 - a fixture

from app.api.http import formats

MONTH = f"{day(-1):%Y-%m}"
OWN = {"role": "planner", "provider": "P-own"}
PAGED = {
    "/v1/visits": {},
    "/v1/anomalies": {},
    "/v1/disputes": {},
    "/v1/delegations": {},
    "/v1/delegations/missing": {"month": MONTH},
    "/v1/recipients": {},
    "/v1/staff": {},
    "/v1/orders": {},
    "/v1/contracts": {},
    "/v1/declines": {},
    "/v1/devices": {},
    "/v1/tags": {},
    "/v1/tag-moves": {},
}
EXPORTED = {
    "/v1/executed-time": {"month": MONTH, "by": "provider,recipient,staff"},
    "/v1/compensation": {"month": MONTH},
    "/v1/anomalies": {},
    "/v1/periods": {},
    "/v1/reports/half-year": {"from": MONTH},
    "/v1/measures/declined": {"month": MONTH},
    "/v1/measures/evidence": {"month": MONTH},
    "/v1/measures/executed-share": {"month": MONTH},
    "/v1/measures/indices": {"month": MONTH},
    "/v1/measures/licensed": {"month": MONTH},
    "/v1/measures/alarms": {"month": MONTH},
}


@pytest.fixture
async def lived(town):  # noqa: F811 - the fixture
    """Two visits of each side: one that is declined, and one in which something is done without a delegation."""
    await town.put("interventions", "insulin", {"title": "Insulin", "category": "DELEGATED_HSL", "standard_minutes": 9})
    for side in ("own", "other"):
        door, staff = f"B-{side}", f"S-{side}"
        await town.visit_by(staff, door, day(-1, "05:00"), day(-1, "05:30"), interventions=["dusch", "insulin"])
        await town.visit_by(staff, door, day(-1, "06:00"), day(-1, "06:10"), outcome="declined")
    await close_months(town)
    return town


async def test_a_cursor_of_somebody_who_sees_more_leads_to_ones_own_alone(lived):
    followed = 0
    for path, asked in PAGED.items():
        page = {"next": None}
        while True:
            params = asked | {"limit": 1} | ({"cursor": page["next"]} if page["next"] else {})
            page = (await lived.ask("GET", path, role="admin", params=params, expect=200)).json()
            if page["next"] is None:
                break
            params = asked | {"cursor": page["next"]}
            answer = await lived.ask("GET", path, params=params, expect=200, **OWN)
            assert "-other" not in answer.text, (path, params)
            followed += 1
    everything = (await lived.ask("GET", "/v1/changes", role="admin", params={"limit": 3})).json()
    answer = await lived.ask("GET", "/v1/changes", params={"after": everything["next"]}, expect=200, **OWN)
    assert "-own" in answer.text
    assert "-other" not in answer.text
    assert followed > len(PAGED)


def text_of(accept, answer):
    """The cells of an export as one text."""
    if accept == formats.PARQUET:
        return str(pyarrow.parquet.read_table(io.BytesIO(answer.content)).to_pylist())
    if accept == formats.XLSX:
        [sheet] = load_workbook(io.BytesIO(answer.content)).worksheets
        return str([[cell.value for cell in row] for row in sheet.iter_rows()])
    return answer.text


async def test_no_format_of_an_export_holds_what_another_provider_has(lived):
    named = 0
    for path, params in EXPORTED.items():
        for accept in formats.MEDIA_TYPES:
            headers = {"Accept": accept}
            answer = await lived.ask("GET", path, params=params, headers=headers, expect=200, **OWN)
            text = text_of(accept, answer)
            assert "-other" not in text, (path, accept)
            named += "-own" in text
            whole = await lived.ask("GET", path, params=params, headers=headers, role="admin", expect=200)
            if "provider" in text and "-own" in text:
                assert "-other" in text_of(accept, whole), (path, accept)
    assert named >= 5 * len(formats.MEDIA_TYPES)
