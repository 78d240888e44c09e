"""A provisioning station: plays to blank chips the steps that `taggad tags provision` prints."""

import random
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from firmware_sim.chip.apdu import Ins
from firmware_sim.chip.messaging import CommMode
from firmware_sim.chip.reader import ChipRefusedError, Reader
from firmware_sim.chip.tag import Chip

Step = Mapping[str, Any]
WILD = "?"


def provision(steps: Iterable[Step], chips: Mapping[str, Chip]) -> Iterator[dict[str, str]]:
    """Play steps to the chips that they name by `uid` (upper-case hex). Yields one line for each chip.

    It is `{"ref", "url"}` with the first read, for the service to verify; or `{"ref", "error"}` when the service had no
    steps for it, when it is absent or when it refused a step: its other steps are then skipped.
    """
    readers: dict[str, Reader] = {}
    failed: set[str] = set()
    for step in steps:
        ref = step["ref"]
        if ref in failed:
            continue
        chip = chips.get(step.get("uid", ""))
        if "error" in step or chip is None:
            failed.add(ref)
            yield {"ref": ref, "error": step.get("error", "no such chip")}
            continue
        try:
            url = play(readers.setdefault(ref, Reader(chip.transceive, random.Random(step["uid"]))), step)
        except ChipRefusedError as error:
            failed.add(ref)
            yield {"ref": ref, "error": str(error)}
            continue
        if url is not None:
            yield {"ref": ref, "url": url}


def play(reader: Reader, step: Step) -> str | None:
    """Play one step to one chip. Returns the address if the step reads it; raises ChipRefusedError."""
    match step["do"]:
        case "apdu":
            answer = reader.transceive(bytes.fromhex(step["command"])).hex().upper()
            if answer != step["expect"]:
                raise ChipRefusedError(f"step {step['no']}: {answer[-4:]}")
        case "authenticate":
            reader.authenticate(step["key_no"], bytes.fromhex(step["key"]))
        case "command":
            header, data = bytes.fromhex(step["header"]), bytes.fromhex(step["data"])
            reader.command(Ins(int(step["ins"], 16)), header, data, CommMode[step["comm"].upper()])
        case "change_key":
            old, new = (bytes.fromhex(step.get(name, "")) for name in ("old", "key"))
            reader.change_key(step["key_no"], old, new, step["key_version"])
        case "read_url":
            url = reader.url()
            if not _fits(url, step["expect"]):
                raise ChipRefusedError(f"step {step['no']}: another address")
            return url
        case unknown:
            raise ChipRefusedError(f"no step {unknown}")
    return None


def _fits(url: str, pattern: str) -> bool:
    return len(url) == len(pattern) and all(other in {one, WILD} for one, other in zip(url, pattern, strict=True))
