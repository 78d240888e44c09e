"""The ledger as auditors and machines read it: signed heads, proofs, receipts, and what is stored behind each leaf."""

import datetime as dt
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import Field
from pydantic_core import to_json

from app.actions.ledger.seal import LedgerBrokenError, seal
from app.api.http.access import Caller, allow
from app.api.http.looks import shown
from app.api.http.problems import RETRY_SOON, Problem
from app.api.http.shapes import Instant, OneOf, Sha256, Wire, answer_of, refused
from app.domain.ledger.ledger import KINDS, VOID, personal_of, public_of
from app.domain.ledger.merkle import consistency, inclusion
from app.store.access.access_log import living_at
from app.store.connection import Reading
from app.store.ledger import ledger, tree
from app.store.ledger.ledger import StoredLeaf
from app.store.ledger.signed_notes import Signer
from app.store.ledger.tree import StoredHead

SEALED_WITHIN = dt.timedelta(hours=1)
"""The time that a receipt promises: longer than a restart or a restored database takes."""
MOST_ENTRIES = 1000

router = APIRouter(tags=["ledger"])

HeadReader = Annotated[
    Caller, Depends(allow("auditor", "admin", "system", "controller", "planner", "inspector", scope="ledger:read"))
]
ProofReader = Annotated[Caller, Depends(allow("auditor", "admin", "system", "controller", scope="ledger:read"))]
Auditor = Annotated[Caller, Depends(allow("auditor", "admin", scope="ledger:read"))]
Holder = Annotated[Caller, Depends(allow("staff", "auditor", "admin", scope="ledger:read"))]
Size = Annotated[int | None, Query(ge=1, lt=2**63)]
FactKind = Annotated[Annotated[str, OneOf(KINDS)] | None, Query()]

LEAF = "b0c1f9a1f2dd0f0ba0c3a1e9b4e1c9a25e5bfa94b0a1a4f6d4a3f8cf4f2a9d10"
FACT = "019a0f5c-2b1e-7c44-9d7f-3f1f0a6f2b10"
KEY = "taggad/188+6a31a3a5+AQKLqNx8i1HTH3ZgFmrR3jfPSqNBC4Y3tmHYvUVb3Wkp"
NOTE = (
    "taggad/188\n1207\nsMH5ofLdDwugw6HptOHJol5b+pSwoaT21KP4z08qnRA=\n\n\u2014 taggad/188 "
    "ajGjpXkQ0dE1Qk3uX0mVd1r7m6m0k3p1wq9cH2b8mC2dYb9bq3bq0m2S7n1Qj0p4kL5x2k1y7g8h3bC1d2E3f4G5hAo=\n"
)


class KeyOut(Wire):
    """The key that verifies heads and receipts, in the form of C2SP signed notes."""

    public_key: str


class HeadOut(Wire):
    """A signed head: the number of sealed facts, the root over them, and both as a C2SP tlog-checkpoint."""

    size: int
    root: Sha256
    note: str


class ProofOut(Wire):
    """The position of a fact's leaf, and the path from the leaf to the root (RFC 9162, 2.1.3)."""

    index: int
    leaf: Sha256
    path: list[Sha256]


class PathOut(Wire):
    """A proof that the tree of one size continues that of another (RFC 9162, 2.1.4)."""

    path: list[Sha256]


class EntryOut(Wire):
    """One leaf, and the fact behind it as it is stored now.

    `leaf` is the hash in the tree. `public` and `personal` (the commitment to the personal fields) are computed from
    the stored fact now. They are null if the fact is gone. `authentic` is true if the service itself wrote the leaf.
    """

    index: int
    leaf: Sha256
    public: dict[str, Any] | None
    personal: Sha256 | None
    authentic: bool


class EntriesOut(Wire):
    """Entries of the ledger in order."""

    items: list[EntryOut]
    next: int | None


class StrayOut(Wire):
    """A fact outside the ledger: it has no leaf, or its leaf has waited longer than receipts promise."""

    fact: Annotated[str, OneOf(KINDS)]
    id: UUID
    reason: Literal["no_leaf", "not_sealed"]


class StraysOut(Wire):
    """Facts outside the ledger, at most 100 of each kind. A sound database has none."""

    items: list[StrayOut]


class ReceiptOut(Wire):
    """A signed promise that the fact's leaf is in every head from `seal_by` on, with the data behind the leaf."""

    leaf: Sha256
    received_at: Instant
    seal_by: Instant
    note: str
    public: dict[str, Any]
    personal: dict[str, Any]
    salt: Annotated[str, Field(json_schema_extra={"pattern": "^[0-9a-f]{32}$"})]


@router.get(
    "/v1/ledger/key",
    operation_id="get_ledger_key",
    summary="Get the public key of the ledger",
    responses=answer_of(KeyOut, example={"public_key": KEY}),
)
async def get_key(request: Request, municipality: Annotated[int, Query(ge=1, le=9999)]) -> KeyOut:
    """Get the public key that verifies the ledger of a municipality.

    Compare it with a copy that you got another way.
    """
    async with request.app.state.database.read(municipality):
        pass  # 404 for one that is not there
    signer = Signer(request.app.state.settings.ledger_key[0], municipality)
    return KeyOut(public_key=str(signer.public))


@router.get(
    "/v1/ledger/head",
    operation_id="get_ledger_head",
    summary="Get the signed head of the ledger",
    responses=answer_of(HeadOut, example={"size": 1207, "root": LEAF, "note": NOTE}),
)
async def get_head(request: Request, caller: HeadReader) -> HeadOut:
    """Get the newest signed head of the ledger. Facts are sealed within seconds after they are stored."""
    async with request.app.state.database.read(caller.municipality_id) as reading:
        head = await _head(request, reading)
    return HeadOut(size=head.size, root=head.root.hex(), note=head.note)


@router.get(
    "/v1/ledger/proof",
    operation_id="get_ledger_proof",
    summary="Prove that a fact is sealed",
    responses=answer_of(ProofOut, example={"index": 41, "leaf": LEAF, "path": [LEAF]}) | refused(409),
)
async def get_proof(
    request: Request, caller: ProofReader, fact: UUID, size: Size = None, kind: FactKind = None
) -> ProofOut:
    """Get the inclusion proof of a fact in the tree of `size` leaves, or in the tree of the newest head.

    `kind` says which fact is meant if several facts have the same id. The answer is 409 `not_sealed` if the fact is not
    sealed yet (`Retry-After`), or if the tree of that size is too small to hold it.
    """
    async with request.app.state.database.read(caller.municipality_id) as reading:
        head = await _head(request, reading)
        wanted = _within(head, size, "size")
        leaf = await _leaf(reading, fact, kind)
        if leaf.index >= wanted:
            raise Problem("not_sealed", headers=RETRY_SOON if leaf.index >= head.size else None)
        [sealed] = await tree.sealed(reading, leaf.index, leaf.index + 1)
        if sealed == VOID:
            raise Problem("not_found")
        path = await tree.roots(reading, inclusion(leaf.index, wanted))
    return ProofOut(index=leaf.index, leaf=sealed.hex(), path=[one.hex() for one in path])


@router.get(
    "/v1/ledger/consistency",
    operation_id="get_ledger_consistency",
    summary="Prove that the ledger only grew",
    responses=answer_of(PathOut, example={"path": [LEAF]}),
)
async def get_consistency(
    request: Request,
    caller: HeadReader,
    from_: Annotated[int, Query(alias="from", ge=0, lt=2**63, description="The smaller size, as a number of leaves.")],
    to: Annotated[int | None, Query(ge=0, lt=2**63, description="The larger size, as a number of leaves.")] = None,
) -> PathOut:
    """Get the consistency proof between two sizes of the tree. Without `to`, the second is the newest head."""
    async with request.app.state.database.read(caller.municipality_id) as reading:
        head = await _head(request, reading)
        new = _within(head, to, "to")
        if from_ > new:
            raise Problem("out_of_range", pointer="/from")
        path = await tree.roots(reading, consistency(from_, new))
    return PathOut(path=[one.hex() for one in path])


@router.get(
    "/v1/ledger/entries",
    operation_id="list_ledger_entries",
    summary="List the entries of the ledger",
    responses=answer_of(
        EntriesOut,
        example={
            "items": [
                {
                    "index": 41,
                    "leaf": LEAF,
                    "public": {"fact": "tap", "id": FACT, "municipality": 188, "direction": "in"},
                    "personal": LEAF,
                    "authentic": True,
                }
            ],
            "next": 42,
        },
    ),
)
async def list_entries(
    request: Request,
    caller: Auditor,
    from_: Annotated[int, Query(alias="from", ge=0, lt=2**63, description="The index of the first leaf.")] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_ENTRIES)] = MOST_ENTRIES,
) -> Response:
    """List the leaves and the stored facts behind them, so that anybody can compute the tree again.

    The command `taggad verify-ledger` does that. The leaf of an entry is `SHA256(00 || 01 || public || personal)`.
    `public` is JSON with sorted keys and without spaces.
    """
    database, code = request.app.state.database, caller.municipality_id
    async with database.read(code) as reading:
        head = await _head(request, reading)
        end = min(from_ + limit, head.size)
        sealed = await tree.sealed(reading, from_, end) if from_ < end else []
        rows = await ledger.entries(reading, database.ledger_keys, from_, sealed)
    items = [
        {
            "index": one.index,
            "leaf": one.sealed.hex(),
            "public": one.public,
            "personal": one.committed.hex() if one.public is not None else None,
            "authentic": one.authentic,
        }
        for one in rows
    ]
    following = end if from_ < end < head.size else None
    return Response(to_json({"items": items, "next": following}), media_type="application/json")


@router.get(
    "/v1/ledger/outside",
    operation_id="list_facts_outside_ledger",
    summary="List facts outside the ledger",
    responses=answer_of(StraysOut, example={"items": []}),
)
async def list_outside(request: Request, caller: Auditor) -> StraysOut:
    """List facts without a leaf, which did not come from the service, and the first fact that has waited too long."""
    code = caller.municipality_id
    async with request.app.state.database.read(code) as reading:
        head = await _head(request, reading)
        rows = await ledger.outside(reading)
        waiting = await ledger.waiting(reading, head.size, 1)
        stored = await ledger.facts(reading, [(leaf.kind, leaf.fact) for leaf in waiting])
    items = [StrayOut(fact=kind, id=named, reason="no_leaf") for kind, named in rows]
    for leaf in waiting:
        fields = stored.get((leaf.kind, leaf.fact))
        if fields is None or fields[KINDS[leaf.kind].at] + SEALED_WITHIN < reading.now:
            items.append(StrayOut(fact=leaf.kind, id=leaf.fact, reason="not_sealed"))
    return StraysOut(items=items)


@router.get(
    "/v1/ledger/receipt",
    operation_id="get_ledger_receipt",
    summary="Get a receipt for a fact",
    responses=answer_of(
        ReceiptOut,
        example={
            "leaf": LEAF,
            "received_at": "2026-10-24T08:31:07.412000Z",
            "seal_by": "2026-10-24T09:31:07.412000Z",
            "note": NOTE.replace("taggad/188\n1207", f"taggad/188/receipt\n{FACT}", 1),
            "public": {"fact": "tap", "id": FACT, "municipality": 188, "direction": "in"},
            "personal": {"staff": "S-07", "household": "B-001"},
            "salt": "000102030405060708090a0b0c0d0e0f",
        },
    ),
)
async def get_receipt(request: Request, caller: Holder, fact: UUID, kind: FactKind = None) -> Response:
    """Get a signed receipt for your own tap, report or refused item. An auditor gets receipts for any fact.

    With the receipt you can show later that the fact was received. If a head was signed after `seal_by` without the
    leaf, the ledger has broken its promise. The lines of the note are: the holder, the kind, the id, the hash of the
    leaf in base64, the time of receipt, and `seal_by`.
    """
    code = caller.municipality_id
    async with request.app.state.database.read(code) as reading:
        leaf = await _leaf(reading, fact, kind)
        fields = (await ledger.facts(reading, [(leaf.kind, leaf.fact)])).get((leaf.kind, leaf.fact))
        if fields is None or (caller.role == "staff" and fields.get("staff") != caller.staff):
            raise Problem("not_found")
        await shown(request, reading, await _named(reading, leaf.kind, fields))
    signer = Signer(request.app.state.settings.ledger_key[0], code)
    received_at = fields[KINDS[leaf.kind].at]
    body = {
        "leaf": leaf.leaf.hex(),
        "received_at": received_at,
        "seal_by": received_at + SEALED_WITHIN,
        "note": signer.receipt(leaf.kind, leaf.fact, leaf.leaf, received_at, received_at + SEALED_WITHIN),
        "public": public_of(leaf.kind, code, fields),
        "personal": personal_of(leaf.kind, fields),
        "salt": leaf.salt.hex(),
    }
    return Response(to_json(body), media_type="application/json")


async def _named(reading: Reading, kind: str, fields: Mapping[str, Any]) -> list[str | None]:
    """The recipients in a fact, and those at the door that it names."""
    body = fields.get("body") or {}
    named = [fields.get("recipient"), body.get("recipient"), body.get("relative_of")]
    if (kind, fields.get("kind")) == ("record", "recipients"):
        named.append(fields["ref"])
    doors = [door for door in (fields.get("household"), body.get("household")) if door]
    return named + (await living_at(reading, doors) if doors else [])


async def _head(request: Request, reading: Reading) -> StoredHead:
    head = await tree.head(reading)
    if head is None:
        # Nobody has sealed anything here yet: a municipality that was made this second.
        with suppress(LedgerBrokenError):  # which the sealer in the background reports
            await seal(request.app.state.database, reading.municipality_id)
        head = await tree.head(reading)
    if head is None:
        raise Problem("busy")
    return head


def _within(head: StoredHead, size: int | None, name: str) -> int:
    if size is not None and size > head.size:
        raise Problem("out_of_range", pointer=f"/{name}")
    return head.size if size is None else size


async def _leaf(reading: Reading, fact: UUID, kind: str | None) -> StoredLeaf:
    leaf = await ledger.find(reading, fact, kind)
    if leaf is None:
        raise Problem("not_found")
    return leaf
