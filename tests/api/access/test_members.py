"""Identity providers and memberships as master data: versions, what is refused, and secrets that nobody reads."""

import pytest

from app.actions.access.rewrap import rewrap
from app.store.access import issuer_secrets
from app.store.access.field_encryption import FieldEncryption

ISSUER = {"issuer": "https://login.example/t", "client_id": "taggad"}
PLANNER = {"role": "planner", "provider": "P-norr", "hsa_id": "SE2321000016-1A2B", "valid_from": "2026-01-01"}
ADMIN = {"role": "admin", "email": "anna@norr.example", "valid_from": "2026-01-01"}


@pytest.fixture
async def town(service):
    for name in ("norr", "syd"):
        await service.put("providers", f"P-{name}", {"name": name, "form": "external"})
        staff = {"provider": f"P-{name}", "role": "care_assistant", "valid_from": "2026-01-01"}
        await service.put("staff", f"S-{name}", staff)
    return service


async def secret_of(service, issuer):
    async with service.app.state.database.write(188) as writing:
        return await issuer_secrets.get(writing, issuer, service.app.state.encryption)


async def test_a_secret_is_kept_changed_and_deleted_and_never_shown(town, owner):
    for version, given, kept in [
        (1, {"client_secret": "first secret"}, "first secret"),
        (1, {}, "first secret"),  # left out: nothing changes
        (2, {"client_secret": "second secret"}, "second secret"),
        (3, {"client_secret": None}, None),
        (4, {"client_secret": "third secret"}, "third secret"),
        (5, {"private_key_jwt": True}, None),
    ]:
        answer = await town.client("admin").put("/v1/issuers/entra", json=ISSUER | given)
        assert (answer.json()["version"], answer.headers["etag"]) == (version, f'"{version}"')
        assert answer.json()["has_secret"] is (kept is not None)
        assert await secret_of(town, "entra") == kept
        for told in (answer, await town.ask("GET", "/v1/issuers/entra"), await town.ask("GET", "/v1/issuers")):
            assert "secret" not in told.text.replace("has_secret", "")
    assert await owner.fetchval("SELECT count(*) FROM record WHERE body::text LIKE '% secret%'") == 0
    leaves = "SELECT count(*) FROM record r JOIN ledger_leaf l ON l.kind = 'record' AND r.kind = 'issuers'"
    assert await owner.fetchval(f"{leaves} AND lpad(to_hex(r.seq), 32, '0')::uuid = l.fact") == 5


async def test_secrets_are_encrypted_anew_with_a_new_key(town):
    await town.put("issuers", "entra", ISSUER | {"client_secret": "only they know"}, role="admin")
    keys = dict(town.app.state.settings.field_keys)
    newer = FieldEncryption({"newer": bytes(range(32)), **keys}, town.app.state.settings.lookup_key)
    await rewrap(town.app.state.database, 188, newer)
    newest = FieldEncryption({"newer": bytes(range(32))}, town.app.state.settings.lookup_key)
    async with town.app.state.database.write(188) as writing:
        assert await issuer_secrets.get(writing, "entra", newest) == "only they know"


REFUSED = [
    ("issuers", ISSUER | {"issuer": "http://login.example"}, ("invalid_envelope", "/issuer")),
    ("issuers", ISSUER | {"client_secret": "x", "private_key_jwt": True}, ("invalid_envelope", "")),
    ("issuers", ISSUER | {"provider": "P-öst"}, ("unknown_ref", "/provider")),
    ("issuers", ISSUER | {"acr": {"king": ["loa3"]}}, ("invalid_envelope", "/acr/king")),
    ("members", PLANNER | {"email": "anna@norr.example"}, ("invalid_envelope", "")),
    ("members", PLANNER | {"provider": None}, ("invalid_envelope", "")),
    ("members", ADMIN | {"provider": "P-norr"}, ("invalid_envelope", "")),
    ("members", PLANNER | {"role": "staff"}, ("invalid_envelope", "")),
    ("members", {"role": "admin", "subject": "anna", "valid_from": "2026-01-01"}, ("invalid_envelope", "")),
    ("members", PLANNER | {"hsa_id": "191212121212"}, ("ref_is_personal_number", "/hsa_id")),
    ("members", ADMIN | {"email": "191212121212@norr.example"}, ("ref_is_personal_number", "/email")),
    ("members", PLANNER | {"issuer": "entra"}, ("unknown_ref", "/issuer")),
    ("members", PLANNER | {"issuer": "of-syd"}, ("unknown_ref", "/issuer")),
    ("members", PLANNER | {"staff": "S-syd"}, ("unknown_ref", "/staff")),
    ("members", PLANNER | {"valid_to": "2025-12-31"}, ("invalid_envelope", "/valid_to")),
]


async def test_what_cannot_be_put_says_why(town):
    await town.put("issuers", "of-syd", ISSUER | {"provider": "P-syd"}, role="admin")
    for kind, body, told in REFUSED:
        problem = (await town.ask("PUT", f"/v1/{kind}/x", body, expect=422)).json()
        assert (problem["code"], problem["errors"][0]["pointer"]) == told, body


async def test_a_planner_gives_out_the_roles_of_its_own_provider_alone(town):
    who = {"role": "planner", "provider": "P-norr"}
    await town.ask("PUT", "/v1/members/M-1", PLANNER, **who, expect=201)
    again = await town.ask("PUT", "/v1/members/M-1", PLANNER, **who, expect=200)
    assert again.headers["etag"] == '"1"'
    stale = await town.ask("PUT", "/v1/members/M-1", PLANNER, **who, headers={"If-Match": '"7"'}, expect=412)
    assert stale.json()["version"] == 1
    staff = {"role": "staff", "provider": "P-norr", "staff": "S-norr", "valid_from": "2026-01-01"}
    await town.ask("PUT", "/v1/members/M-2", staff, **who, expect=201)
    refused = await town.ask("PUT", "/v1/members/M-3", ADMIN, **who, expect=403)
    assert refused.json()["code"] == "forbidden_role"
    other = await town.ask("PUT", "/v1/members/M-3", PLANNER | {"provider": "P-syd"}, **who, expect=422)
    assert other.json()["errors"][0]["pointer"] == "/provider"
    await town.ask("PUT", "/v1/members/M-1", ADMIN, expect=200)  # the municipality's from now on
    await town.ask("GET", "/v1/members/M-1", **who, expect=404)
    await town.ask("PUT", "/v1/members/M-1", PLANNER, **who, expect=404)
