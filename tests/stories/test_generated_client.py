"""A client in Python that a generator makes of the description, and what its user does with it: correct a visit."""

import json
import sys
from importlib import import_module

import openapi_python_client as generator
import pytest
from openapi_python_client.config import Config, ConfigFile, MetaType
from service import day
from world import H1

PACKAGE = "taggad_client"
NO_JSON = {"invoice.xml", "credit-note.xml", "specification.xlsx", "specification.pdf"}


@pytest.fixture
def made(home, tmp_path, monkeypatch):
    """A function that imports a module of the client, which is generated and typed from the served description."""
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(home.app.openapi()))
    config = Config.from_sources(
        ConfigFile(post_hooks=[]), MetaType.NONE, document, "utf-8", overwrite=True, output_path=tmp_path / PACKAGE
    )
    warnings = [warning.header for warning in generator.generate(config=config)]
    assert {header.split()[3].rpartition("/")[2] for header in warnings} == NO_JSON, warnings
    monkeypatch.syspath_prepend(str(tmp_path))
    yield lambda name: import_module(f"{PACKAGE}.{name}")
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


async def test_a_visit_is_corrected_by_a_client_that_nobody_wrote(home, made):
    await home.tap("S-1", H1, "in", day(-1, "08:00"))
    models, list_visits = made("models"), made("api.visits.list_visits")
    get_visit, correct_visit = made("api.visits.get_visit"), made("api.visits.correct_visit")
    client = made("client").AuthenticatedClient(home.url, home.token("planner", provider="P-norr"), timeout=60)
    async with client:
        [listed] = (await list_visits.asyncio(client=client, recipient="B-1")).items
        read = await get_visit.asyncio_detailed(listed.id, client=client)
        assert read.parsed.status == models.VisitOutStatus.INCOMPLETE
        assert read.headers["ETag"] == f'"{read.parsed.version}"'

        said = models.SetEnd(
            id=listed.id, kind="set_end", reason=models.SetEndReason.FORGOT_OUT, ended_at=day(-1, "08:30")
        )
        seen = read.headers["ETag"]
        corrected = await correct_visit.asyncio_detailed(listed.id, client=client, body=said, if_match=seen)
        assert corrected.status_code == 201
        assert corrected.parsed.status == models.VisitOutStatus.COMPLETE
        assert corrected.parsed.ended_at == day(-1, "08:30")
        assert [one.kind for one in corrected.parsed.corrections] == [models.CorrectionOutKind.SET_END]

        said.id = listed.group
        late = await correct_visit.asyncio_detailed(listed.id, client=client, body=said, if_match=seen)
        assert late.status_code == 412
        assert late.parsed.code == models.ProblemCode.VERSION_CONFLICT
        assert late.headers["ETag"] == corrected.headers["ETag"]
        again = await get_visit.asyncio(listed.id, client=client)
    assert (again.version, again.seconds) == (corrected.parsed.version, 1800)
