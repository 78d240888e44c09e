"""The specification of an invoice: every settled line of a closed month in words, with sums."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from app.domain.money.explanation import AREAS, CATEGORIES, UNITS, kronor, month_name, plain
from app.domain.money.invoice import InvoiceKind, InvoiceLine, Row, line_of, number_of, rows_of
from app.domain.time import STOCKHOLM

DOCUMENTS: Mapping[InvoiceKind, tuple[str, str]] = {"invoice": ("F", "Faktura"), "credit_note": ("K", "Kreditnota")}
"""The letter of a document's lines, and its name."""


class SpecifiedLine(NamedTuple):
    """A settled line: `place` is its document's letter and its number there; `amount_ore` has its sign."""

    place: str
    invoiced: InvoiceLine
    row: Row
    amount_ore: int


@dataclass(frozen=True, slots=True)
class Specification:
    """A closed month in full: facts and sums by name, and the lines of both documents."""

    title: str
    facts: tuple[tuple[str, str], ...]
    sums: tuple[tuple[str, int], ...]
    lines: tuple[SpecifiedLine, ...]
    total_ore: int
    closed_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Origin:
    """The close that is specified: provider, month, instant, and the ledger and hash to verify it against."""

    municipality_id: int
    municipality: str
    provider: str
    name: str
    month: str
    closed_at: dt.datetime
    ledger_size: int
    ledger_root: str
    lines_hash: str


def specification_of(rows: Iterable[Row], origin: Origin) -> Specification:
    """The specification of a closed month: the invoice's lines, then the credit note's, numbered as there."""
    kept = list(rows)
    lines: list[SpecifiedLine] = []
    documents: list[tuple[str, str]] = []
    for kind, (letter, document) in DOCUMENTS.items():
        found = [
            SpecifiedLine(f"{letter}{number}", line_of(number, row), row, row["amount_ore"])
            for number, row in enumerate(rows_of(kept, kind), 1)
        ]
        if found:
            name = number_of(origin.municipality_id, origin.provider, origin.month, kind)
            lines_word = "rad" if len(found) == 1 else "rader"
            net = kronor(abs(sum(line.amount_ore for line in found)))
            documents.append((document, f"{name}, {len(found)} {lines_word} ({letter}), {net} kr"))
        lines += found
    total = sum(line.amount_ore for line in lines)
    facts = (
        ("Kommun", plain(origin.municipality)),
        ("Utförare", f"{plain(origin.name)} ({origin.provider})"),
        ("Månad", month_name(origin.month)),
        ("Stängd", f"{origin.closed_at.astimezone(STOCKHOLM):%Y-%m-%d %H:%M}"),
        *documents,
        ("Summa utan mervärdesskatt", f"{kronor(total)} kr"),
        ("Liggarens rot", f"{origin.ledger_root} över {origin.ledger_size} händelser"),
        ("Radernas SHA-256", origin.lines_hash),
    )
    title = f"Specifikation {month_name(origin.month)}, {plain(origin.name) or origin.provider}"
    return Specification(title, facts, _sums(lines), tuple(lines), total, origin.closed_at)


def _sums(lines: Iterable[SpecifiedLine]) -> tuple[tuple[str, int], ...]:
    """Sums in öre by title, the month's own before adjustments, in the order of the lines."""
    sums: defaultdict[tuple[str, str], int] = defaultdict(int)
    for line in lines:
        sums[line.row["adjusts"] or "", line.invoiced.title] += line.amount_ore
    return tuple(
        (f"{title}, justering av {month_name(adjusts)}" if adjusts else title, ore)
        for (adjusts, title), ore in sorted(sums.items(), key=lambda item: item[0][0])
    )


def columns_of(line: SpecifiedLine) -> dict[str, str | float | None]:
    """A line by Swedish column names; numbers as numbers, money in kronor."""
    invoiced, row = line.invoiced, line.row
    return {
        "Rad": line.place,
        "Mottagare": invoiced.recipient,
        "Avser": invoiced.title,
        "Förklaring": invoiced.text,
        "Kategori": CATEGORIES.get(row["category"]),
        "Område": AREAS.get(row["area"]),
        "Tidsband": plain(row["band"]) or None,
        "Från": row["from"],
        "Till": row["to"],
        "Besök": row["visits"],
        "Antal": row["quantity"] if row["unit"] in UNITS else row["quantity"] / 100,
        "Enhet": UNITS[row["unit"]][1] if row["unit"] in UNITS else "kr",
        "Pris kr": row["price_ore"] / 100 if row["unit"] in UNITS else 1,
        "Index": row["index"],
        "Procent": row["percent"],
        "Belopp kr": line.amount_ore / 100,
        "Justerar": row["adjusts"],
        "Avtal": row["contract"],
        "Radens nyckel": invoiced.key,
    }
