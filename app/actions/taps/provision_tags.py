"""Provisioning: a blank chip becomes one of a keyset's tags, by the steps that a reader plays to it.

The order is NXP's (AN12196, chapter 5): the originality of the chip; the factory's key; the address; the file's
settings, because chips are delivered with a file that anybody may write; the keys 1 to 4; key 0 last; a read that
verifies it all. The steps hold the chip's keys in clear: they are for a trusted room, and are stored nowhere.
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from app.actions.register.put_master import put
from app.actions.taps.mount_tag import set_tag_state
from app.actions.versions import UNCONDITIONAL
from app.domain.author import Author
from app.domain.register.personal_number import holds_number
from app.domain.sun import FILE_KEY_NO, KEY_BYTES, META_KEY_NO, SDM_APPLICATION, KeysetKeys, is_original, tag_key
from app.domain.taps.judging import Message
from app.store.connection import Writing

BY = Author("taggad tags provision")
FACTORY_KEY = bytes(KEY_BYTES)
FACTORY_VERSION = 0
SELECT = f"00A4040007{SDM_APPLICATION.hex().upper()}00"
READ_SIGNATURE = "903C0000010000"
NDEF_FILE = b"\x02"
WRITE_DATA, CHANGE_SETTINGS = "8D", "5F"
HTTPS = 4
"""NDEF's code for the prefix `https://` of an address."""
# Dynamic messages in a plain file that anybody reads and key 0 writes and changes; UID and counter encrypted with
# key 1, the MAC made with key 2, the counter read by nobody.
SETTINGS = bytes.fromhex("4000E0C1FF12")
Step = dict[str, Any]


async def provision(writing: Writing, given: Any, *, keyset: str, key_version: int, host: str) -> list[Step]:
    """The steps for one chip `{"ref", "uid", "signature"}`; or the result of its first read `{"ref", "url"}`.

    Until that read the tag is `blank`, then `provisioned`. Instead of steps one with an `error`: `malformed`,
    `ref_is_personal_number`, `keyset_unknown`, `keyset_not_active`, `not_original`, `unknown_ref`, `sun_invalid`, or a
    refusal of `put`.
    """
    ref = given.get("ref") if isinstance(given, dict) else None
    if not isinstance(ref, str):
        return [{"ref": None, "error": "malformed"}]
    if holds_number(ref):
        return [{"ref": None, "error": "ref_is_personal_number"}]
    if "url" in given:
        return [{"ref": ref, **await _verified(writing, ref, given["url"])}]
    uid, signature = _hex(given.get("uid"), 7), _hex(given.get("signature"), 56)
    state = writing.master.keysets.get(keyset)
    code = "" if state == "active" else "keyset_not_active" if state else "keyset_unknown"
    if uid is None or signature is None:
        code = "malformed"
    elif not code and not is_original(uid, signature):
        code = "not_original"
    if code or uid is None or signature is None:
        return [{"ref": ref, "error": code}]
    body = {"kind": "ntag424", "uid": _text(uid), "keyset": keyset, "key_version": key_version, "original": True}
    outcome = await put(writing, "tags", ref, body, BY, UNCONDITIONAL)
    if outcome.status == "refused":
        return [{"ref": ref, "error": outcome.code}]
    await set_tag_state(writing, ref, "blank", writing.now, "steps printed", BY, UNCONDITIONAL)
    steps = _steps(f"https://{host}/t/{keyset}", uid, signature, writing.master.keys[keyset], key_version)
    return [{"ref": ref, "uid": _text(uid), "no": no, **step} for no, step in enumerate(steps, 1)]


def _steps(address: str, uid: bytes, signature: bytes, keys: KeysetKeys, version: int) -> Iterator[Step]:
    """The commands to the chip, in order: each `apdu` as it is, with its expected answer; the rest in a session (EV2).

    The reader wraps a `command` by its `comm`, and a `change_key`, which holds a key and its version.
    """
    yield {"do": "apdu", "command": SELECT, "expect": "9000"}
    yield {"do": "apdu", "command": READ_SIGNATURE, "expect": f"{signature.hex().upper()}9190"}
    yield {"do": "authenticate", "key_no": 0, "key": FACTORY_KEY.hex().upper()}
    file, e_at, c_at = _ndef(address)
    header = NDEF_FILE + bytes(3) + len(file).to_bytes(3, "little")
    yield {"do": "command", "ins": WRITE_DATA, "header": _text(header), "data": _text(file), "comm": "plain"}
    # The MAC is computed over nothing: its input begins at its own offset.
    settings = SETTINGS + b"".join(at.to_bytes(3, "little") for at in (e_at, c_at, c_at))
    yield {"do": "command", "ins": CHANGE_SETTINGS, "header": "02", "data": _text(settings), "comm": "full"}
    for number in (1, FILE_KEY_NO, 3, 4, 0):
        key = keys.meta_key if number == META_KEY_NO else tag_key(keys.file_master, uid, number, version)
        old = {"old": _text(FACTORY_KEY)} if number else {}
        yield {"do": "change_key", "key_no": number, **old, "key": _text(key), "key_version": version}
    yield {"do": "read_url", "expect": f"{address}#e={'?' * 32}&c={'?' * 16}"}


def _ndef(address: str) -> tuple[bytes, int, int]:
    """The file with the address, and the offsets in it of the encrypted data and the MAC."""
    text = f"{address.removeprefix('https://')}#e={'0' * 32}&c={'0' * 16}".encode()
    record = b"\xd1\x01" + bytes((len(text) + 1,)) + b"U" + bytes((HTTPS,)) + text
    file = len(record).to_bytes(2) + record
    return file, file.index(b"#e=") + 3, file.index(b"&c=") + 3


async def _verified(writing: Writing, ref: str, url: Any) -> Step:
    parts = urlsplit(url) if isinstance(url, str) else urlsplit("")
    match = re.fullmatch("e=([0-9A-Fa-f]{32})&c=([0-9A-Fa-f]{16})", parts.fragment or parts.query)
    tag = writing.master.tags.get(ref)
    if match is None or tag is None:
        return {"error": "unknown_ref" if match else "malformed"}
    message = Message(parts.path.rpartition("/")[2], bytes.fromhex(match[1]), bytes.fromhex(match[2]))
    read = message.verified(writing.master)
    if read is None or read.uid != tag.uid or tag.epochs[-1:] != ((message.keyset, read.key_version),):
        return {"error": "sun_invalid"}
    await set_tag_state(writing, ref, "provisioned", writing.now, "first read", BY, UNCONDITIONAL)
    return {"uid": tag.uid, "state": "provisioned", "key_version": read.key_version, "counter": read.counter}


def _hex(value: Any, length: int) -> bytes | None:
    if not isinstance(value, str) or not re.fullmatch(f"[0-9A-Fa-f]{{{2 * length}}}", value):
        return None
    return bytes.fromhex(value)


def _text(value: bytes) -> str:
    return value.hex().upper()
