"""PINs by which staff say who uses a shared device: a slow hash each, and the number of tries since it was right."""

from typing import NamedTuple

from app.store.connection import Writing

PUT = """
INSERT INTO pin (municipality_id, staff, pin_hash, tries, mac) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (municipality_id, staff) DO UPDATE SET pin_hash = $3, tries = $4, mac = $5
"""
ONE = "SELECT municipality_id, staff, pin_hash, tries, mac FROM pin WHERE municipality_id = $1 AND staff = $2"


class Pin(NamedTuple):
    """The hash of a PIN, and the number of tries since it was last right."""

    pin_hash: str
    tries: int


async def put(writing: Writing, staff: str, pin: Pin) -> None:
    """Store the PIN of a staff ref, in place of an earlier one."""
    _, *row = writing.macs.add("pin", (writing.municipality_id, staff, *pin))
    await writing.execute(PUT, *row)


async def of_staff(writing: Writing, staff: str) -> Pin | None:
    """The PIN of a staff ref. None if it has none, or one that the service did not write."""
    row = await writing.fetchrow(ONE, staff)
    return Pin(row["pin_hash"], row["tries"]) if row and writing.macs.is_ours("pin", tuple(row)) else None
