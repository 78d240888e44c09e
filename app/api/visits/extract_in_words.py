"""An extract as a document in plain Swedish: what a person wants to know first, in tables that can be read aloud."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.domain.access.access_log import AccessEntry
from app.domain.access.in_words import looks_in_words
from app.domain.closed_sets import PeriodUnit, Status
from app.domain.time import local
from app.store.access.kept_of import Names

PERIODS: Mapping[PeriodUnit, str] = {"d": "dag", "wk": "vecka", "mo": "månad"}
ADDRESS = ("street", "postal_code", "city")
PERSON = ("name", "relation", "phone", "email")
STATUSES: Mapping[Status, str] = {
    "open": "pågår",
    "incomplete": "tid saknas",
    "complete": "",
    "declined": "du tackade nej",
    "no_answer": "ingen öppnade",
    "omitted": "struket",
    "disputed": "utreds",
}
Json = Mapping[str, Any]
Rows = Sequence[Sequence[str]]


def document_of(extract: Json, names: Names, looks: Sequence[AccessEntry]) -> dict[str, Any]:
    """The document: title, introduction, and sections with a text and a table each.

    Its tables hold the newest version of what is registered, every visit, and the looks by day.
    """
    newest = {(one["record"], one["ref"]): one for one in extract["records"]}
    return {
        "title": "Registerutdrag från hemtjänsten",
        "author": names.municipality,
        "intro": [
            (
                f"Det här är de uppgifter om dig som finns i {names.municipality} kommuns system för hemtjänst. "
                f"Utdraget gjordes den {local(extract['at']):%Y-%m-%d}."
            ),
            (
                "Längst bak står vem som har läst uppgifterna. Är något fel, eller undrar du varför någon har läst, "
                "så kontakta kommunen. Där kan du också få utdraget med alla tidigare versioner."
            ),
        ],
        "sections": [
            _person(extract, newest),
            _help(newest.values(), names),
            _visits(extract["visits"], names),
            _declines(newest.values()),
            _consents(newest.values()),
            _looks(looks, names),
        ],
    }


def _section(title: str, nothing: str, head: Sequence[str], widths: Sequence[float], rows: Rows) -> dict[str, Any]:
    return {"title": title, "text": [] if rows else [nothing], "head": head, "widths": widths, "rows": rows}


def _person(extract: Json, newest: Mapping[tuple[str, str], Json]) -> dict[str, Any]:
    personal = extract["personal"] or {}
    contacts, number = personal.get("contacts") or {}, personal.get("personal_number")
    body = newest["recipients", extract["recipient"]]["body"]
    address = contacts.get("address") or {}
    facts = [
        ("Namn", personal.get("name")),
        ("Personnummer", number and f"{number[:-4]}-{number[-4:]}"),
        ("Född", body.get("birth_date")),
        ("Avliden", body.get("died_on")),
        ("Adress", " ".join(address[name] for name in ADDRESS if address.get(name))),
        ("Telefon", contacts.get("phone")),
        ("E-post", contacts.get("email")),
        ("Kommunens beteckning på dig", extract["recipient"]),
        ("Kommunens beteckning på hushållet", body.get("household")),
        ("Skyddade personuppgifter", "ja" if body.get("protected") else "nej"),
    ]
    persons = [
        ("Kontaktperson", ", ".join(one[name] for name in PERSON if one.get(name)))
        for one in contacts.get("persons", ())
    ]
    rows = [(name, value) for name, value in [*facts, *persons] if value]
    return _section("Om dig", "", ("Uppgift", "Det som står"), (2, 3), rows)


def _help(records: Any, names: Names) -> dict[str, Any]:
    rows = []
    for one in records:
        if one["record"] != "orders":
            continue
        body = one["body"]
        span = f"{body['valid_from']} – {body.get('valid_to') or 'tills vidare'}"
        withdrawn = " (återtagen)" if one["removed"] else ""
        for line in body["lines"]:
            title = names.interventions.get(line["intervention"], line["intervention"])
            minutes = f", {line['standard_minutes']} minuter" if line.get("standard_minutes") else ""
            period = PERIODS[line["period_unit"]]
            every = f"per {period}" if line["period"] == 1 else f"på {line['period']} {_many(period)}"
            provider = names.providers.get(body["provider"], body["provider"])
            times = "1 gång" if line["frequency"] == 1 else f"{line['frequency']} gånger"
            rows.append((title, f"{times} {every}{minutes}", f"{span}{withdrawn}", provider))
    nothing = "Ingen hjälp är beställd."
    return _section("Hjälp som är beställd", nothing, ("Insats", "Hur ofta", "Tid", "Utförare"), (3, 3, 3, 3), rows)


def _many(period: str) -> str:
    return {"dag": "dagar", "vecka": "veckor", "månad": "månader"}[period]


def _visits(visits: Sequence[Json], names: Names) -> dict[str, Any]:
    rows = []
    for one in reversed(visits):
        ends = [f"{local(one[name]):%H:%M}" if one[name] else "?" for name in ("started_at", "ended_at")]
        done = [names.interventions.get(share["intervention"], share["intervention"] or "") for share in one["shares"]]
        said = [", ".join(dict.fromkeys(filter(None, done))), STATUSES[one["status"]], one.get("note")]
        provider = names.providers.get(one["provider"], one["provider"] or "")
        who = f"{provider} ({one['staff']})"
        rows.append((f"{one['local_date']}", "–".join(ends), ". ".join(filter(None, said)), who))
    head = ("Dag", "Tid", "Vad som gjordes", "Vem som kom")
    return _section("Dina besök", "Inga besök finns.", head, (2.2, 2.2, 4.6, 3), rows)


def _declines(records: Any) -> dict[str, Any]:
    rows = [
        (one["body"]["at"][:16].replace("T", " "), one["body"]["reason"], "ja" if one["body"].get("withdrawn") else "")
        for one in records
        if one["record"] == "declines"
    ]
    head = ("När", "Varför", "Återtaget")
    return _section("Besök som du har tackat nej till", "Inga finns.", head, (2, 4, 1.4), rows)


def _consents(records: Any) -> dict[str, Any]:
    rows = [
        (one["body"]["what"], one["body"]["given_on"], one["body"].get("withdrawn_on") or "gäller")
        for one in records
        if one["record"] == "consents"
    ]
    return _section("Dina samtycken", "Inga finns.", ("Till vad", "Från", "Till"), (4, 2, 2), rows)


def _looks(looks: Sequence[AccessEntry], names: Names) -> dict[str, Any]:
    grouped = looks_in_words(looks, names.providers)
    rows = [
        (one.day, one.who, f"{one.what}, {one.times} gånger" if one.times > 1 else one.what, one.why) for one in grouped
    ]
    head = ("Dag", "Vem", "Läste", "Varför")
    return _section("Vem som har läst om dig", "Ingen har läst.", head, (2.2, 4, 4, 2.6), rows)
