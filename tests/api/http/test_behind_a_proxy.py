"""Who is kept waiting for failed guesses: whom the named proxies say, and whoever asks where none is named."""

import pytest
from joserfc.jwk import ECKey
from service import serving

from app.settings import Settings, UnsafeSettingsError

KEY = ECKey.generate_key("P-256").as_dict(private=False)
SOMEBODY, SOMEBODY_ELSE = "192.0.2.7", "192.0.2.8"


@pytest.fixture(params=["127.0.0.1", "::"])
def listening(request):
    """Where the service listens: whoever comes by IPv4 to `::` does so from an address like `::ffff:127.0.0.1`."""
    return request.param


@pytest.fixture
async def behind(database_url, owner, request, listening):
    """The service with such trusted proxies; what asks it comes from 127.0.0.1."""
    await owner.execute("INSERT INTO municipality VALUES (188, 'Norrtälje', now())")
    trusted = Settings.from_environment({"TAGGAD_TRUSTED_PROXIES": request.param}).trusted_proxies
    async with serving(database_url, at=listening, trusted_proxies=trusted) as served:
        yield served


async def guess(service, *forwarded):
    """The status of a wrong guess that came by `X-Forwarded-For`, a line each."""
    headers = [("X-Forwarded-For", line) for line in forwarded]
    body = {"code": "0000-0000-0000", "public_key": KEY}
    return (await service.client().post("/v1/devices/enrol", json=body, headers=headers)).status_code


async def kept_waiting(service, *forwarded):
    """Whether so many wrong guesses end in having to wait."""
    return [await guess(service, *forwarded) for _ in range(11)] == [403] * 10 + [429]


@pytest.mark.parametrize("behind", ["127.0.0.0/8, 10.1.2.3, fd00::/8"], indirect=True)
async def test_one_bad_caller_keeps_nobody_else_waiting_and_escapes_by_no_header(behind):
    assert await kept_waiting(behind, SOMEBODY)
    # What it wrote itself stands before what the proxies wrote, in a line of its own or in theirs.
    for forged in (
        [f"{SOMEBODY_ELSE}, {SOMEBODY}"],
        [SOMEBODY_ELSE, SOMEBODY],
        [f"{SOMEBODY_ELSE}, {SOMEBODY}, 10.1.2.3, fd00::1"],
        [f"10.1.2.3, {SOMEBODY}:5123"],
    ):
        assert await guess(behind, *forged) == 429
    assert await guess(behind, SOMEBODY_ELSE) == 403
    assert await kept_waiting(behind, "2001:db8::1, 10.1.2.3")
    assert await guess(behind, "[2001:db8::2]:80") == 429
    assert await guess(behind) == 403


@pytest.mark.parametrize("behind", ["127.0.0.1"], indirect=True)
async def test_an_address_of_ipv4_is_the_same_written_as_one_of_ipv6(behind):
    """A proxy that listens at both writes it so, and the IPv6 network of all of them is one."""
    assert await kept_waiting(behind, f"::ffff:{SOMEBODY}")
    assert await guess(behind, SOMEBODY) == 429
    assert await guess(behind, f"::ffff:{SOMEBODY_ELSE}") == 403


@pytest.mark.parametrize("behind", ["", "10.0.0.0/8"], indirect=True)
async def test_nobody_else_is_believed(behind, monkeypatch):
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    statuses = [await guess(behind, f"192.0.2.{n}") for n in range(11)]
    assert statuses == [403] * 10 + [429]


@pytest.mark.parametrize("wrong", ["*", "proxy", "10.0.0.1/8", "10.0.0.0/8,,"])
def test_a_proxy_is_named_by_its_address(wrong):
    with pytest.raises(UnsafeSettingsError, match="TAGGAD_TRUSTED_PROXIES"):
        Settings.from_environment({"TAGGAD_TRUSTED_PROXIES": wrong})
