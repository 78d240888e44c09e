"""The access log in plain Swedish, for the person whom it is about: who has looked, at what, and why."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from app.domain.access.access_log import AccessEntry
from app.domain.closed_sets import EmergencyReason, Role
from app.domain.time import local

ROLES: Mapping[Role, str] = {
    "staff": "Personal i hemtjänsten",
    "case_officer": "Handläggare i kommunen",
    "planner": "Planerare hos utföraren",
    "system": "Kommunens datasystem",
    "controller": "Uppföljare i kommunen",
    "inspector": "Kontrollant från kommunen",
    "auditor": "Granskare i kommunen",
    "admin": "Systemansvarig i kommunen",
}
EMERGENCIES: Mapping[EmergencyReason, str] = {
    "danger_to_life": "Nödläge: fara för liv",
    "danger_to_health": "Nödläge: fara för hälsa",
    "missing_person": "Nödläge: någon saknades",
    "suspected_abuse": "Nödläge: misstanke om övergrepp",
}
SUBJECTS: tuple[tuple[str, str], ...] = (
    ("/v1/recipients/{ref}/extract", "Ett registerutdrag"),
    ("/v1/recipients", "Personuppgifter"),
    ("/v1/orders", "Beställd hjälp"),
    ("/v1/declines", "Avböjda besök"),
    ("/v1/consents", "Samtycken"),
    ("/v1/staff", "Personal som är närstående"),
    ("/v1/access-log", "Logg över vem som har läst"),
    ("/v1/ledger", "Kvitto på en uppgift"),
    ("/v1/compensation", "Ersättning till utföraren"),
    ("/v1/reports", "Rapport till kommunen"),
    ("/v1/executed-time", "Utförd tid"),
    ("/v1/measures", "Uppföljning"),
    ("/v1/presence", "Vem som är på besök"),
    ("/v1/anomalies", "Besök som behöver rättas"),
    ("/v1/disputes", "Besök som behöver rättas"),
    ("/v1/delegations", "Besök utan delegering"),
    ("/v1", "Besök"),
)
"""The beginnings of addresses, the narrower first, each with what it shows."""


class LookInWords(NamedTuple):
    """Looks of one day that are grouped: the day, who, at what, why, and how many times."""

    day: str
    who: str
    what: str
    why: str
    times: int


def looks_in_words(entries: Iterable[AccessEntry], providers: Mapping[str, str]) -> list[LookInWords]:
    """The looks, the newest day first. `providers` are their names by ref."""
    counted = Counter(
        (f"{local(entry.at):%Y-%m-%d}", _who(entry, providers), _what(entry), _why(entry)) for entry in entries
    )
    grouped = [LookInWords(*same, times) for same, times in counted.items()]
    return sorted(sorted(grouped), key=lambda one: one.day, reverse=True)


def _who(entry: AccessEntry, providers: Mapping[str, str]) -> str:
    who = next((words for role, words in ROLES.items() if role == entry.role), entry.role)
    return f"{who}, {providers.get(entry.provider, entry.provider)}" if entry.provider else who


def _what(entry: AccessEntry) -> str:
    address = entry.route.partition(" ")[2]
    what = next(words for begin, words in SUBJECTS if address.startswith(begin))
    return f"{what} (lista över många)" if entry.bulk else what


def _why(entry: AccessEntry) -> str:
    kind, _, named = (entry.purpose or "").partition(" ")
    if kind == "consent":
        return f"Ditt samtycke {named}"
    return next((words for reason, words in EMERGENCIES.items() if reason == named), "")
