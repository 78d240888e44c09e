"""`taggad verify-ledger`: a municipality checks its ledger over HTTP, trusting only a public key and its own file.

It keeps the last head it saw and the beginning of every leaf hash, so that a rewritten past is found and named.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from app.domain.ledger.ledger import Entry
from app.domain.ledger.merkle import Frontier, verify_consistency
from app.store.ledger.signed_notes import Head, NoteKey, NoteRefusedError

PAGE = 1000
KEPT_BYTES = 8
"""Of each leaf hash: enough to name what changed, while the roots show that something did."""
MOST_SHOWN = 20
PATIENCE_SECONDS = 120
STRAYS = {"no_leaf": "stands beside the ledger", "not_sealed": "waits longer to be sealed than was promised"}


class UnverifiableError(Exception):
    """The service did not answer as documented, so nothing can be verified. The message is for a person."""


class Verifier:
    """One run against one municipality's ledger. `findings` holds a line for everything that is wrong."""

    def __init__(self, client: httpx.Client, key: NoteKey, state: Path) -> None:
        self._client = client
        self._key = key
        self._state = state
        self._leaves = state.with_name(f"{state.name}.leaves")
        self.findings: list[str] = []

    def run(self) -> Head | None:
        """Check everything, and store the head when nothing was found. Returns the head, None if it is not genuine.

        Raises UnverifiableError, and OSError where the state cannot be read or stored.
        """
        try:
            return self._run()
        except (KeyError, TypeError, ValueError) as error:
            raise UnverifiableError("an answer is not as documented") from error

    def _run(self) -> Head | None:
        kept = self._kept()
        answer = self._get("/v1/ledger/head")
        try:
            head = Head.read(self._key.text_of(str(answer.get("note"))))
        except NoteRefusedError as error:
            self.findings.append(f"head: {error}")
            return None
        if head.origin != self._key.name or (answer.get("size"), answer.get("root")) != (head.size, head.root.hex()):
            self.findings.append("head: the answer is not what was signed")
            return None
        if kept is not None:
            self._continues(kept, head)
        hashes = self._recompute(head, self._leaves.read_bytes() if kept is not None else b"")
        for one in self._get("/v1/ledger/outside")["items"]:
            self.findings.append(f"outside: {one['fact']} {one['id']} {STRAYS.get(one['reason'], one['reason'])}")
        if not self.findings:
            self._keep(str(answer["note"]), hashes)
        return head

    def _continues(self, kept: Head, head: Head) -> None:
        if kept.size > head.size:
            self.findings.append(f"head: the ledger had {kept.size} leaves and now has {head.size}")
            return
        query = {"from": kept.size, "to": head.size}
        path = [bytes.fromhex(one) for one in self._get("/v1/ledger/consistency", **query)["path"]]
        if not verify_consistency(kept.size, head.size, kept.root, head.root, path):
            self.findings.append(f"head: the ledger was forked: it does not continue the one of {kept.size} leaves")

    def _recompute(self, head: Head, known: bytes) -> bytes:
        """Check every leaf against its fact and all of them against the root. Returns KEPT_BYTES of each leaf hash."""
        tree, hashes, faults = Frontier(), bytearray(), _Faults()
        for entry in self._entries(head.size):
            if entry.index != tree.size:
                raise UnverifiableError(f"entry {tree.size} is missing from the answer")
            begins = entry.sealed[:KEPT_BYTES]
            before = known[len(hashes) : len(hashes) + KEPT_BYTES]
            fault = entry.fault()
            if before and before != begins:
                fault = f"the leaf is not the one seen before; {fault or 'it was rewritten together with its fact'}"
            if fault:
                faults.add(entry.index, fault)
            tree.add(entry.sealed)
            hashes += begins
        self.findings += faults.lines()
        if tree.root() != head.root:
            self.findings.append("root: the leaves do not give the root that was signed")
        return bytes(hashes)

    def _entries(self, size: int) -> Iterator[Entry]:
        first: int | None = 0
        while first is not None and first < size:
            page = self._get("/v1/ledger/entries", **{"from": first, "limit": min(PAGE, size - first)})
            yield from map(_entry, page["items"])
            first = first + len(page["items"]) if page["items"] else None

    def _get(self, path: str, **query: int) -> dict[str, Any]:
        try:
            answer = self._client.get(path, params=query)
            answer.raise_for_status()
            body = answer.json()
        except httpx.HTTPStatusError as error:
            raise UnverifiableError(f"{path} answers {error.response.status_code}") from error
        except (httpx.HTTPError, ValueError) as error:
            raise UnverifiableError(f"{path} does not answer: {type(error).__name__}") from error
        if not isinstance(body, dict):
            raise UnverifiableError(f"{path} does not answer as documented")
        return body

    def _kept(self) -> Head | None:
        if not self._state.exists():
            return None
        try:
            kept = json.loads(self._state.read_text(encoding="utf-8"))
            if kept["public_key"] != str(self._key):
                raise UnverifiableError(f"{self._state} was kept under another key: begin another file for this one")
            return Head.read(self._key.text_of(kept["note"]))
        except (ValueError, KeyError, TypeError, NoteRefusedError) as error:
            raise UnverifiableError(f"{self._state} does not hold what was kept there") from error

    def _keep(self, note: str, hashes: bytes) -> None:
        # The leaves first: more of them than the head has do no harm, fewer would.
        written = json.dumps({"public_key": str(self._key), "note": note}, indent=2, ensure_ascii=False).encode()
        for path, content in ((self._leaves, hashes), (self._state, written)):
            part = path.with_name(f".{path.name}.part")
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)


@dataclass
class _Faults:
    """The text of the first faults, and the number of all."""

    first: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, index: int, fault: str) -> None:
        self.count += 1
        if len(self.first) < MOST_SHOWN:
            self.first.append(f"index {index}: {fault}")

    def lines(self) -> list[str]:
        more = self.count - len(self.first)
        return [*self.first, f"and {more} more"] if more else self.first


def _entry(item: dict[str, Any]) -> Entry:
    committed = bytes.fromhex(item["personal"] or "")
    sealed = bytes.fromhex(item["leaf"])
    return Entry(int(item["index"]), sealed, item["public"], committed, authentic=item["authentic"] is True)


def verify_ledger(
    url: str, token: str, key: NoteKey, state: Path, *, transport: httpx.BaseTransport | None = None
) -> tuple[Head | None, list[str]]:
    """The verified head, None without one, and a line for each finding. Raises UnverifiableError, OSError."""
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": "en"}
    with httpx.Client(
        base_url=url, headers=headers, timeout=PATIENCE_SECONDS, transport=transport, trust_env=False
    ) as client:
        verifier = Verifier(client, key, state)
        head = verifier.run()
    return head, verifier.findings
