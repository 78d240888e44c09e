"""The least that somebody can tap at."""

import pytest


@pytest.fixture
async def home(service):
    """The service with one recipient at H-1 and two carers, S-1 and S-2."""
    await service.put("providers", "P-norr", {"name": "Norr", "form": "external"})
    await service.put("recipients", "B-1", {"area": "URBAN", "household": "H-1"})
    staff = {"provider": "P-norr", "role": "care_assistant", "valid_from": "2020-01-01"}
    for ref in ("S-1", "S-2"):
        await service.put("staff", ref, staff)
    return service
