"""Hashes by which a repeated delivery of one body is recognised, over field names that do not change.

A hash begins with its version. Those of the first version had none: 16 bytes over Python's `repr` of values, so that a
renamed field would have made every late repeat another body.
"""

import datetime as dt
import json
from collections.abc import Callable, Collection, Mapping
from hashlib import blake2b
from typing import Any

VERSION = b"\x02"
DIGEST_BYTES = 16


def body_hash(body: Mapping[str, Any]) -> bytes:
    """17 bytes over canonical JSON: sorted keys, no spaces, instants as seconds since 1970, bytes as hex."""
    written = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_plain)
    return VERSION + digest(written.encode())


def digest(written: bytes) -> bytes:
    """16 bytes over a body as it is written; a hash of the first version is nothing else."""
    return blake2b(written, digest_size=DIGEST_BYTES).digest()


def hash_beside(kept: Collection[bytes], body: Mapping[str, Any], first: Callable[[], bytes]) -> bytes:
    """The hash to compare with the stored ones, `kept`, of the body's id.

    `first` computes the hash of the first version. If that one is stored, the body was received before the second.
    """
    if any(len(one) == DIGEST_BYTES for one in kept):
        earlier = first()
        if earlier in kept:
            return earlier
    return body_hash(body)


def _plain(value: object) -> Any:
    if isinstance(value, dt.datetime):
        return value.timestamp()
    if isinstance(value, bytes):
        return value.hex()
    return str(value)
