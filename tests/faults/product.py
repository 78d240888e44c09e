"""What the harness takes of the product, all of it: who moves a module follows it here.

The servers under test are processes and may be of another tree. What is asked of the product here is of this one.
"""

import asyncio

from service import SECRETS

from app.actions.check import check
from app.actions.visits.rebuild import rebuild
from app.api.http.access import Tokens
from app.cli.verify_ledger import UnverifiableError, verify_ledger
from app.settings import Settings
from app.store.access.field_encryption import FieldEncryption
from app.store.clock import Clock
from app.store.database import Database
from app.store.ledger.signed_notes import NoteKey
from app.store.migrate import migrate
from app.store.server.embedded import Embedded

__all__ = ["Embedded", "environment", "invariants_broken", "ledger_findings", "migrate", "token"]

SETTINGS = Settings.model_validate(SECRETS)
TOKENS = Tokens(SETTINGS.token_key, Clock())
TOKEN_SECONDS = 24 * 3600
TRIES = 10


def token(code, role, **who):
    """A bearer token as `taggad token` prints it."""
    return TOKENS.mint(code, role, ttl_seconds=TOKEN_SECONDS, **who)


def environment(url, data_dir):
    """The settings of a server over the database, which takes taps however late they come."""
    secrets = {f"TAGGAD_{name.upper()}": value for name, value in SECRETS.items()}
    return secrets | {
        "TAGGAD_DATABASE_URL": url,
        "TAGGAD_DATA_DIR": str(data_dir),
        "TAGGAD_LATE_TAP_DAYS": "36500",
        "TAGGAD_CALLER_REQUESTS": "100000000",
        "TAGGAD_MUNICIPALITY_REQUESTS": "100000000",
    }


async def invariants_broken(url, code):
    """What `taggad check` and `taggad rebuild` find."""
    encryption = FieldEncryption(SETTINGS.field_keys, SETTINGS.lookup_key)
    database = Database(url, pool_size=4, ledger_keys=SETTINGS.ledger_key, encryption=encryption)
    try:
        found = await check(database, code)
        return found + [f"rebuild: {line}" async for line in rebuild(database, code)]
    finally:
        await database.close()


async def ledger_findings(url, code, public_key, state):
    """What `taggad verify-ledger` finds, or in the end that it can say nothing."""
    key, said = NoteKey.read(public_key), ""
    for _ in range(TRIES):  # a connection that was ended is met once, and answered by 503
        try:
            _, findings = await asyncio.to_thread(verify_ledger, url, token(code, "auditor"), key, state)
        except UnverifiableError as error:
            said = str(error)
        else:
            return findings
    return [said]
