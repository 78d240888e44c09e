"""Settled lines in Swedish words, for invoices and their specification.

The free text of a contract is included, that of a pause's reason is not: it may say why somebody is in hospital.
"""

import re
from collections.abc import Mapping

from app.domain.closed_sets import Area, Category
from app.domain.money.month_lines import SettledLine
from app.domain.register.personal_number import without_numbers

COUNTED: Mapping[str, str] = {
    "executed": "Utförd tid",
    "granted": "Beviljad tid",
    "absence": "Beviljad tid under frånvaro",
    "flat_minutes": "Schablontid för utförd insats",
    "visit": "Utfört besök",
    "occasion": "Utförd insats",
    "enrolled": "Månad med gällande beställning",
    "startup": "Starttimmar för ny mottagare",
    "declined_in_advance": "Avböjt i förväg",
    "declined_at_door": "Avböjt vid dörren",
    "declined_no_answer": "Ingen öppnade",
    "declined_single": "Avböjd insats inom ett besök",
    "bonus": "Bonus för utförd tid",
    "vat_compensation": "Momskompensation på mottagarens övriga rader",
}
LIMITS: Mapping[str, str] = {
    "rounded": "tiden är avrundad enligt avtalet",
    "capped_visit": "begränsat till högsta tid för ett besök",
    "at_most_granted": "begränsat till beviljad tid",
    "capped_month": "begränsat till högsta tid för en månad",
    "capped_ratio": "begränsat till en andel av annan utförd tid",
    "below_threshold": "nedsatt för att för liten del av beviljad tid har utförts",
    "no_rate": "avtalet har inget pris för detta",
}
CATEGORIES: Mapping[Category | None, str] = {
    "SERVICE": "service",
    "CARE": "omsorg",
    "DELEGATED_HSL": "delegerad HSL",
    "ALARM": "larm",
    "LICENSED_HSL": "legitimerad HSL",
    "MEAL": "måltid",
}
AREAS: Mapping[Area | None, str] = {"URBAN": "tätort", "RURAL": "landsbygd", "ARCHIPELAGO": "skärgård"}
UNITS: Mapping[str, tuple[str, str]] = {
    "hour": ("timme", "timmar"),
    "visit": ("besök", "besök"),
    "occasion": ("gång", "gånger"),
    "month": ("månad", "månader"),
}
MONTHS = (
    "januari", "februari", "mars", "april", "maj", "juni", "juli", "augusti", "september", "oktober", "november",
    "december",
)  # fmt: skip
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
_SPACE = "\u00a0"


def explained(line: SettledLine) -> str:
    """A settled line in words: the kind of quantity, the price, the visits and days, and the limits applied."""
    kind = [COUNTED[line.reason], CATEGORIES.get(line.category), AREAS.get(line.area)]
    band = f"tidsband {plain(line.band)}" if line.band else None
    days = f"{line.first_on}" if line.first_on == line.last_on else f"{line.first_on}–{line.last_on}"
    visits = f"{decimal(line.visits)} besök " if line.visits else ""
    limits = [LIMITS[note] for note in line.notes if note in LIMITS]
    text = f"{', '.join(filter(None, [*kind, band]))}. {_priced(line)}. {visits}{days}."
    if limits:
        text += f" {'; '.join(limits).capitalize()}."
    if line.adjusts:
        text += f" Justering av {month_name(line.adjusts)}: skillnaden mot det som redan har reglerats."
    return text


def _priced(line: SettledLine) -> str:
    percent = f"{decimal(line.percent)} %"
    if line.unit == "ore":
        return f"{percent} av {kronor(round(line.quantity))} kr = {kronor(line.amount_ore)} kr"
    unit = UNITS[line.unit][abs(line.quantity) != 1]
    index = "" if line.index == 1 else f" × index {decimal(line.index)}"
    share = "" if line.percent == 100 else f" × {percent}"  # noqa: PLR2004 - the whole
    price = f"{decimal(line.quantity)} {unit} à {kronor(line.price_ore)} kr{index}{share}"
    return f"{price} = {kronor(line.amount_ore)} kr"


def month_name(month: str) -> str:
    """`2026-10` as `oktober 2026`."""
    return f"{MONTHS[int(month[5:]) - 1]} {month[:4]}"


def kronor(ore: int) -> str:
    """Öre as kronor with two decimals, thousands apart: `1 694,20`."""
    whole, rest = divmod(abs(ore), 100)
    return f"{'−' * (ore < 0)}{whole:,}".replace(",", _SPACE) + f",{rest:02}"


def decimal(value: float) -> str:
    """A quantity with at most four decimals."""
    text = f"{abs(value):,.4f}".rstrip("0").rstrip(".")
    return "−" * (value < 0) + text.replace(",", _SPACE).replace(".", ",")


def plain(text: str | None) -> str:
    """Free text fit for a document: without characters that XML forbids, and with `…` for a personal number."""
    return without_numbers(_UNPRINTABLE.sub("", text or "")).strip()
