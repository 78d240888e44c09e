"""Explain one message of a chip to a technician, with the keys given beside it. Nothing is looked up or stored."""

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
"""Names of the parts of a message in addresses: first ours, then those of others."""
LENGTHS = {"picc_data": 32, "cmac": 16, "uid": 14, "ctr": 6, "meta_read_key": 32, "file_read_key": 32}
NOTHING = {"valid": None, "uid": None, "counter": None, "file_data": None}


class _MalformedError(Exception):
    """The line is not an object that can be explained."""


def explain_line(line: str) -> dict[str, Any]:
    """The explanation of one line of JSON: `{"valid", "uid", "counter", "file_data", "error"}`.

    `valid` is None without a MAC to verify; `error` is None, `malformed` or `sun_invalid`, the last without any content
    of the message.
    """
    try:
        return _explain(json.loads(line))
    except (_MalformedError, ValueError, RecursionError):
        return NOTHING | {"error": "malformed"}


def _explain(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise _MalformedError
    fields = _of_url(given.get("url")) | {name: value for name, value in given.items() if value is not None}
    message = {name: _hex(fields, name) for name in (*LENGTHS, "enc")}
    mac_input = fields.get("mac_input", "")
    if not isinstance(mac_input, str):
        raise _MalformedError
    mac, file_key = message["cmac"], message["file_read_key"]
    invalid = NOTHING | {"valid": None if mac is None else False, "error": "sun_invalid"}
    try:
        picc = _picc(message)
    except sun.SunInvalidError:
        return invalid
    data = None
    if mac is not None:
        if file_key is None:
            raise _MalformedError
        if not sun.is_authentic(file_key, picc.uid, picc.counter, mac, mac_input.encode()):
            return invalid
    if message["enc"] is not None and file_key is not None and picc.counter is not None:
        enc_key, _ = sun.session_keys(file_key, picc.uid, picc.counter)
        data = sun.file_data(enc_key, picc.counter, message["enc"])
    return {
        "valid": None if mac is None else True,
        "uid": _written(picc.uid),
        "counter": picc.counter,
        "file_data": _written(data),
        "error": None,
    }


def _picc(message: Mapping[str, bytes | None]) -> sun.PiccData:
    """UID and counter, decrypted if they are encrypted, else as the chip mirrors them in clear."""
    picc, uid, counter = message["picc_data"], message["uid"], message["ctr"]
    if picc is None:
        if uid is None and counter is None:
            raise _MalformedError
        return sun.PiccData(0, uid, None if counter is None else int.from_bytes(counter))
    if message["meta_read_key"] is None:
        raise _MalformedError
    return sun.picc_data(message["meta_read_key"], picc)


def _of_url(url: object) -> dict[str, Any]:
    """The parts of the message in an address, in its query or its fragment, and the input of its MAC.

    The input is empty or, with file data, the text from its first character to the MAC's.
    """
    if url is None:
        return {}
    if not isinstance(url, str):
        raise _MalformedError
    parts = urlsplit(url)
    values = dict(re.findall(r"([A-Za-z_]+)=([0-9A-Fa-f]*)", f"{parts.query}&{parts.fragment}"))
    fields = {name: values[called] for name, names in NAMES.items() for called in reversed(names) if called in values}
    if "enc" in fields and "cmac" in fields:
        first, end = url.find(fields["enc"]), url.rfind(fields["cmac"])
        fields["mac_input"] = url[first:end]
    return fields


def _hex(fields: Mapping[str, Any], name: str) -> bytes | None:
    value = fields.get(name)
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
