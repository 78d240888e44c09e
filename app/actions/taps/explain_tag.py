"""Tell a technician what one message of a chip says, with the keys given beside it. Nothing is looked up or kept."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from app.domain import sun

NAMES = {
    "picc_data": ("e", "picc_data", "picc", "p"),
    "enc": ("enc", "m"),
    "cmac": ("c", "cmac", "mac"),
    "uid": ("uid", "u"),
    "ctr": ("ctr", "n"),
}
"""What the parts of a message are called in addresses: first ours, then what others write."""
LENGTHS = {"picc_data": 32, "cmac": 16, "uid": 14, "ctr": 6, "meta_read_key": 32, "file_read_key": 32}
NOTHING = {"valid": None, "uid": None, "counter": None, "file_data": None}


class _MalformedError(Exception):
    """The line is not what is explained here."""


def explain_line(line: str) -> dict[str, Any]:
    """The explanation of one line of JSON: `{"valid", "uid", "counter", "file_data", "error"}`.

    `valid` is None where there is no MAC to verify; `error` is None, `malformed` or `sun_invalid`, the last without a
    word of what the message said.
    """
    try:
        return _explain(json.loads(line))
    except (_MalformedError, ValueError, RecursionError):
        return NOTHING | {"error": "malformed"}


def _explain(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise _MalformedError
    told = _of_url(given.get("url")) | {name: value for name, value in given.items() if value is not None}
    message = {name: _hex(told, name) for name in (*LENGTHS, "enc")}
    mac_input = told.get("mac_input", "")
    if not isinstance(mac_input, str):
        raise _MalformedError
    mac, file_key = message["cmac"], message["file_read_key"]
    invalid = NOTHING | {"valid": None if mac is None else False, "error": "sun_invalid"}
    try:
        said = _said(message)
    except sun.SunInvalidError:
        return invalid
    data = None
    if mac is not None:
        if file_key is None:
            raise _MalformedError
        if not sun.is_authentic(file_key, said.uid, said.counter, mac, mac_input.encode()):
            return invalid
    if message["enc"] is not None and file_key is not None and said.counter is not None:
        enc_key, _ = sun.session_keys(file_key, said.uid, said.counter)
        data = sun.file_data(enc_key, said.counter, message["enc"])
    return {
        "valid": None if mac is None else True,
        "uid": _written(said.uid),
        "counter": said.counter,
        "file_data": _written(data),
        "error": None,
    }


def _said(message: Mapping[str, bytes | None]) -> sun.PiccData:
    """UID and counter, opened where they are encrypted, else as the chip mirrors them plainly."""
    picc, uid, counter = message["picc_data"], message["uid"], message["ctr"]
    if picc is None:
        if uid is None and counter is None:
            raise _MalformedError
        return sun.PiccData(0, uid, None if counter is None else int.from_bytes(counter))
    if message["meta_read_key"] is None:
        raise _MalformedError
    return sun.picc_data(message["meta_read_key"], picc)


def _of_url(url: object) -> dict[str, Any]:
    """The message of an address, in its query or its fragment, and what its MAC is made over.

    That is nothing, or where there is file data the text from its first character to the MAC's.
    """
    if url is None:
        return {}
    if not isinstance(url, str):
        raise _MalformedError
    parts = urlsplit(url)
    values = dict(re.findall(r"([A-Za-z_]+)=([0-9A-Fa-f]*)", f"{parts.query}&{parts.fragment}"))
    told = {name: values[called] for name, names in NAMES.items() for called in reversed(names) if called in values}
    if "enc" in told and "cmac" in told:
        first, end = url.find(told["enc"]), url.rfind(told["cmac"])
        told["mac_input"] = url[first:end]
    return told


def _hex(told: Mapping[str, Any], name: str) -> bytes | None:
    value = told.get(name)
    if value is None:
        return None
    length = LENGTHS.get(name)
    if not isinstance(value, str) or not re.fullmatch("([0-9A-Fa-f]{2})+", value) or length not in {None, len(value)}:
        raise _MalformedError
    if name == "enc" and len(value) % 32:
        raise _MalformedError
    return bytes.fromhex(value)


def _written(value: bytes | None) -> str | None:
    return None if value is None else value.hex().upper()
