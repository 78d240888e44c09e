"""Secrets that are made once in the data directory, for an installation whose environment sets none."""

import fcntl
import json
import os
import secrets
import stat
from base64 import b64encode
from pathlib import Path

from app.store.server.supervisor import open_private

FILE = "secrets.json"
LATER = ("ledger_key",)
"""Secrets that are missing in a file of an earlier version."""
SECRET_BYTES = 32


class LooseSecretsError(Exception):
    """The file of secrets can be read or changed by others than its owner, or its content is not valid."""


def made_once(data_dir: Path) -> dict[str, str]:
    """The secrets of this data by setting. They are made the first time, in a file that only its owner can read.

    Raises LooseSecretsError, and OSError when the directory is closed to this user.
    """
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = data_dir / FILE
    with open_private(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # two that start at once must end up with the same secrets
        if stat.S_IMODE(os.fstat(file).st_mode) & 0o077:
            raise LooseSecretsError(f"{path} is open to others than its owner: chmod 600 it, or have new secrets made")
        written = os.pread(file, 65536, 0)
        if not written:
            written = json.dumps(_new(), indent=2).encode()
            os.write(file, written)
            os.fsync(file)
        found = _read(path, written)
        new = _new()
        missing = [name for name in new if name not in found]
        if not set(missing) <= set(LATER):
            raise LooseSecretsError(f"{path} does not hold what was written there")
        if missing:
            found |= {name: new[name] for name in missing}
            _write_over(path, json.dumps(found, indent=2).encode())
    return found


def _write_over(path: Path, longer: bytes) -> None:
    """Write `longer` in place. The new secrets come last, so the old ones are written over themselves, never lost."""
    file = os.open(path, os.O_WRONLY | os.O_NOFOLLOW)  # the locked one only appends
    try:
        os.write(file, longer)
        os.fsync(file)
    finally:
        os.close(file)


def _read(path: Path, written: bytes) -> dict[str, str]:
    try:
        return {str(name): str(value) for name, value in json.loads(written).items()}
    except (ValueError, AttributeError) as error:
        raise LooseSecretsError(f"{path} does not hold what was written there") from error


def _new() -> dict[str, str]:
    token, field, lookup, ledger = (b64encode(secrets.token_bytes(SECRET_BYTES)).decode() for _ in range(4))
    return {"token_key": token, "field_keys": f"1:{field}", "lookup_key": lookup, "ledger_key": ledger}
