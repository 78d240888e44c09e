"""The specification of an invoice: every settled line of a closed month in words, with sums."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from app.domain.money.explanation import AREAS, CATEGORIES, UNITS, kronor, month_name, plain
from app.domain.money.invoice import InvoiceKind, InvoiceLine, line_of, number_of, of_kind
from app.domain.money.month_lines import SettledLine
from app.domain.time import STOCKHOLM

DOCUMENTS: Mapping[InvoiceKind, tuple[str, str]] = {"invoice": ("F", "Faktura"), "credit_note": ("K", "Kreditnota")}
"""The letter of a document's lines, and its name."""


class SpecifiedLine(NamedTuple):
    """A settled line: `place` is its document's letter and its number there."""

    place: str
    invoiced: InvoiceLine
    settled: SettledLine

    @property
    def amount_ore(self) -> int:
        """Öre, with its sign."""
        return self.settled.amount_ore


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


def specification_of(settled: Iterable[SettledLine], origin: Origin) -> Specification:
    """The specification of a closed month: the invoice's lines, then the credit note's, numbered as there."""
    month = list(settled)
    lines: list[SpecifiedLine] = []
    documents: list[tuple[str, str]] = []
    for kind, (letter, document) in DOCUMENTS.items():
        own = [
            SpecifiedLine(f"{letter}{number}", line_of(number, line), line)
            for number, line in enumerate(of_kind(month, kind), 1)
        ]
        if own:
            name = number_of(origin.municipality_id, origin.provider, origin.month, kind)
            lines_word = "rad" if len(own) == 1 else "rader"
            net = kronor(abs(sum(line.amount_ore for line in own)))
            documents.append((document, f"{name}, {len(own)} {lines_word} ({letter}), {net} kr"))
        lines += own
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
        sums[line.settled.adjusts or "", line.invoiced.title] += line.amount_ore
    return tuple(
        (f"{title}, justering av {month_name(adjusts)}" if adjusts else title, ore)
        for (adjusts, title), ore in sorted(sums.items(), key=lambda item: item[0][0])
    )


def columns_of(line: SpecifiedLine) -> dict[str, str | float | None]:
    """A line by Swedish column names; numbers as numbers, money in kronor."""
    invoiced, settled = line.invoiced, line.settled
    return {
        "Rad": line.place,
        "Mottagare": invoiced.recipient,
        "Avser": invoiced.title,
        "Förklaring": invoiced.text,
        "Kategori": CATEGORIES.get(settled.category),
        "Område": AREAS.get(settled.area),
        "Tidsband": plain(settled.band) or None,
        "Från": settled.first_on.isoformat(),
        "Till": settled.last_on.isoformat(),
        "Besök": settled.visits,
        "Antal": settled.quantity if settled.unit in UNITS else settled.quantity / 100,
        "Enhet": UNITS[settled.unit][1] if settled.unit in UNITS else "kr",
        "Pris kr": settled.price_ore / 100 if settled.unit in UNITS else 1,
        "Index": settled.index,
        "Procent": settled.percent,
        "Belopp kr": line.amount_ore / 100,
        "Justerar": settled.adjusts,
        "Avtal": settled.contract,
        "Radens nyckel": invoiced.key,
    }
