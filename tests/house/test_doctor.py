"""Each finding of `taggad doctor`: well where all is well, and named where one thing is not."""

import base64
import datetime as dt
import os
import shutil
from types import SimpleNamespace

import pytest
from service import SECRETS

from app.actions.access.fit_keys import remember_lookup_key
from app.cli import doctor
from app.cli.doctor import examine
from app.settings import Settings
from app.store.access.field_encryption import FieldEncryption
from app.store.database import Database

GIB = 1024**3
BACKUP = "the newest backup is"


@pytest.fixture
async def fit(database_url, owner, tmp_path, monkeypatch):
    """An installation with nothing to complain of: its database and its settings."""
    await owner.execute("INSERT INTO municipality (municipality_id, name, as_of) VALUES (188, 'Norrtälje', now())")
    settings = Settings.model_validate({"data_dir": tmp_path} | SECRETS)
    encryption = FieldEncryption(settings.field_keys, settings.lookup_key)
    database = Database(database_url, pool_size=4, ledger_keys=settings.ledger_key, encryption=encryption)
    await remember_lookup_key(database, 188, encryption)
    monkeypatch.setattr(doctor, "made_at", lambda _: database.clock.now() - dt.timedelta(hours=25))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=20 * GIB, total=100 * GIB))
    yield SimpleNamespace(database=database, settings=settings)
    await database.close()


async def wrong(fit):
    """The findings that need attention."""
    return [finding.text for finding in await examine(fit.database, fit.settings) if finding.well is False]


async def test_a_fit_installation_needs_nothing(fit):
    assert await wrong(fit) == []
    said = " ".join(finding.text for finding in await examine(fit.database, fit.settings))
    for word in ("PostgreSQL 18", "row-level security", "clock", "keys", "GiB free", f"{BACKUP} 25 hours old"):
        assert word in said


async def test_rights_that_open_a_table_are_named(fit, owner):
    await owner.execute("ALTER TABLE tap NO FORCE ROW LEVEL SECURITY")
    assert await wrong(fit) == ["tap has no row-level security"]
    await owner.execute("ALTER TABLE tap FORCE ROW LEVEL SECURITY")
    await owner.execute("GRANT CREATE ON SCHEMA public TO taggad_app")
    await owner.execute("ALTER TABLE attempt_count OWNER TO taggad_app")
    assert await wrong(fit) == ["taggad_app owns 1 tables"]


async def test_a_key_that_the_data_was_not_written_with_is_named(fit):
    other = base64.b64encode(os.urandom(32)).decode()
    settings = Settings.model_validate(SECRETS | {"lookup_key": other})
    fit.database.encryption = FieldEncryption(settings.field_keys, settings.lookup_key)
    [line] = await wrong(fit)
    assert line.startswith("188: TAGGAD_LOOKUP_KEY is not the key")


@pytest.mark.parametrize(
    ("free", "total", "well"),
    [(3, 40, True), (1, 10, False), (4, 100, False), (6, 100, True)],
)
async def test_a_disk_is_short_under_a_twentieth_or_two_gibibytes(fit, monkeypatch, free, total, well):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free * GIB, total=total * GIB))
    assert await wrong(fit) == ([] if well else [f"{free}.0 GiB free of {total}.0 where the data lies"])


@pytest.mark.parametrize(("hours", "told"), [(27, [f"{BACKUP} 27 hours old"]), (26, []), (None, ["no backup"])])
async def test_a_backup_is_a_day_old_at_most(fit, monkeypatch, hours, told):
    now = fit.database.clock.now()
    monkeypatch.setattr(fit.database.clock, "now", lambda: now)
    made = None if hours is None else now - dt.timedelta(hours=hours)
    monkeypatch.setattr(doctor, "made_at", lambda _: made)
    assert [line[: len(text)] for line, text in zip(await wrong(fit), told, strict=True)] == told


@pytest.mark.parametrize(("off", "which"), [(11, "ahead of"), (-11, "behind")])
async def test_a_clock_that_is_off_is_named(fit, monkeypatch, off, which):
    now = fit.database.clock.now
    monkeypatch.setattr(fit.database.clock, "now", lambda: now() + dt.timedelta(seconds=off))
    assert await wrong(fit) == [
        f"this machine's clock is 11 s {which} the database's: set both by one source",
    ]


def test_an_old_postgresql_is_named():
    assert doctor._of_versions("18.1").well
    finding = doctor._of_versions("17.6 (Debian 17.6-1)")
    assert not finding.well
    assert finding.text.endswith("PostgreSQL 18 is needed")
