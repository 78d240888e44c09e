"""A full disk is nobody's fault who calls: they are told to come back, and the service says that it cannot write."""

import datetime as dt
import uuid

import pytest
from service import day, serving, tap_item

# Of this database alone: other tests share the server.
END_CONNECTIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = 'taggad' AND datname = current_database()
"""


@pytest.fixture
async def small(database_url, owner):
    """A service whose database finds no room on its disk: a server cannot be made to fill one everywhere."""
    await owner.execute("INSERT INTO municipality (municipality_id, name, as_of) VALUES (188, 'Norrtälje', now())")
    database = await owner.fetchval("SELECT current_database()")
    await owner.execute(f'ALTER DATABASE "{database}" SET temp_file_limit = 0')
    async with serving(database_url) as served:
        await served.put("providers", "P-norr", {"name": "Norr", "form": "external"})
        await served.put("recipients", "B-1", {"area": "URBAN", "household": "H-1"})
        staff = {"provider": "P-norr", "role": "care_assistant", "valid_from": "2020-01-01"}
        await served.put("staff", "S-1", staff)
        yield served


def _raising(code):
    return (
        "CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION USING ERRCODE = '{code}', MESSAGE = 'as the server says it'; END $$;"
        "CREATE TRIGGER fails BEFORE INSERT ON tap FOR EACH ROW EXECUTE FUNCTION fails()"
    )


async def test_taps_wait_for_room_and_the_service_is_not_ready_until_there_is_some(small, owner):
    await owner.execute(_raising("53100"))
    item = tap_item("H-1", "in", day(-1, "08:00"))
    body = {"sent_at": dt.datetime.now(dt.UTC), "taps": [item]}
    await small.ask("GET", "/health/ready", role=None, expect=200)
    refused = await small.ask("POST", "/v1/taps", body, role="staff", staff="S-1", expect=503)
    assert int(refused.headers["Retry-After"]) > 0
    assert refused.json()["code"] == "busy"
    not_ready = await small.ask("GET", "/health/ready", role=None, expect=503)
    assert int(not_ready.headers["Retry-After"]) > 0
    await small.ask("GET", "/health/live", role=None, expect=200)
    assert await small.visits() == [], "what there is can still be read"
    await owner.execute("DROP TRIGGER fails ON tap")
    database = await owner.fetchval("SELECT current_database()")
    await owner.execute(f'ALTER DATABASE "{database}" RESET temp_file_limit')
    await owner.execute(END_CONNECTIONS)
    await _until_ready(small)
    [result] = await small.taps("S-1", [item])
    assert (result["verdict"], result["duplicate"]) == ("accepted", False)


async def _until_ready(service):
    for _ in range(20):  # a pooled connection that has just been ended is met once, and answered by 503 too
        answer = await service.client().get("/health/ready")
        if answer.status_code == 200:
            return
    raise AssertionError("never ready")


@pytest.mark.parametrize("code", ["53100", "53200", "53300", "58030", "57P01", "25006", "55P03", "57014", "40001"])
async def test_what_is_not_the_callers_fault_is_503(small, owner, code):
    await owner.execute(_raising(code))
    body = {"sent_at": dt.datetime.now(dt.UTC), "taps": [tap_item("H-1", "in", day(-1, "08:00"), id=uuid.uuid4())]}
    refused = await small.ask("POST", "/v1/taps", body, role="staff", staff="S-1", expect=503)
    assert int(refused.headers["Retry-After"]) > 0
    await owner.execute("DROP TRIGGER fails ON tap")


async def test_a_database_that_takes_no_writes_is_not_ready(service, owner):
    """As a standby is that has not been promoted."""
    database = await owner.fetchval("SELECT current_database()")
    await owner.execute(f'ALTER DATABASE "{database}" SET default_transaction_read_only = on')
    await owner.execute(END_CONNECTIONS)
    for _ in range(3):
        await service.ask("GET", "/health/ready", role=None, expect=503)
    await owner.execute(f'ALTER DATABASE "{database}" RESET default_transaction_read_only')
    await owner.execute(END_CONNECTIONS)
    await _until_ready(service)
