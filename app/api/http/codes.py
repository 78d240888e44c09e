"""Every code that an answer can carry, in words: refusals, verdicts on taps and reports, anomalies, reminders.

Problems stand in `problems.py` and what an anomaly is in the domain; here is what to do about it, and the rest.
"""

from collections.abc import Mapping
from typing import NamedTuple, get_args

from app.api.http.problems import PROBLEMS
from app.domain.closed_sets import Severity
from app.domain.taps import judging, report
from app.domain.visits.repair import TEXTS, Words
from app.domain.visits.visit import ANOMALIES

REFUSALS: Mapping[str, tuple[Words, Words]] = {
    "counter_replayed": (
        Words("Läsningen har redan skickats", "The reading has been sent before"),
        Words(
            "En annan telefon har skickat samma läsning av taggen. Läs taggen igen.",
            "Another phone has sent the same reading of the tag. Read the tag again.",
        ),
    ),
    "counter_replayed_same_device": (
        Words("Läsningen har redan skickats härifrån", "The reading has been sent from here before"),
        Words(
            "Samma telefon har redan skickat läsningen. Läs taggen igen om det är en ny.",
            "This phone has already sent the reading. Read the tag again if you mean a new one.",
        ),
    ),
    "keyset_retired": (
        Words("Taggens nycklar gäller inte", "The tag's keys are no longer valid"),
        Words(
            "Nycklarna är tagna ur bruk eller röjda. Sätt upp en ny tagg.",
            "The keys are retired or compromised. Mount a new tag.",
        ),
    ),
    "keyset_unknown": (
        Words("Taggens nycklar är okända", "The tag's keys are unknown"),
        Words(
            "Kommunen har inga sådana nycklar. Lägg in dem och skicka loggningen igen.",
            "The municipality has no such keys. Add them and send the tap again.",
        ),
    ),
    "not_own_presence": (
        Words("Någon annans besök", "Somebody else's visit"),
        Words(
            "Rapporten gäller någon annans besök. Rapportera ditt eget besök.",
            "The report is about somebody else's visit. Report your own visit.",
        ),
    ),
    "sun_invalid": (
        Words("Taggens meddelande stämmer inte", "The tag's message is not right"),
        Words(
            "Meddelandet kommer inte från en tagg med de nycklarna. Läs taggen igen, eller byt den.",
            "The message does not come from a tag with these keys. Read the tag again, or replace it.",
        ),
    ),
    "tag_epoch_stale": (
        Words("Taggens gamla nycklar", "The tag's old keys"),
        Words(
            "Taggen har fått nya nycklar. Ett meddelande med de gamla gäller inte. Läs taggen igen.",
            "The tag has new keys. A message with the old keys is not valid. Read the tag again.",
        ),
    ),
    "tag_unknown": (
        Words("Taggen är okänd", "The tag is unknown"),
        Words(
            "Ingen tagg är registrerad med det UID:t. Registrera den och skicka loggningen igen.",
            "No tag is registered with that UID. Register it and send the tap again.",
        ),
    ),
    "too_many_refused": (
        Words("För mycket har avvisats", "Too much has been refused"),
        Words(
            "Så mycket har avvisats härifrån i dag att inget mer sparas. Ta reda på vad som är fel med telefonen.",
            "So much has been refused from here today that no more is kept. Find out what is wrong with the phone.",
        ),
    ),
    "unknown_household": (
        Words("Hushållet är okänt", "The household is unknown"),
        Words(
            "Ingen mottagare bor där. Lägg in mottagaren och skicka loggningen igen.",
            "No recipient lives there. Add the recipient and send the tap again.",
        ),
    ),
    "unknown_intervention": (
        Words("Insatsen är okänd", "The intervention is unknown"),
        Words(
            "Insatsen finns inte i katalogen. Lägg in den och skicka rapporten igen.",
            "The intervention is not in the catalogue. Add it and send the report again.",
        ),
    ),
    "unknown_recipient": (
        Words("Mottagaren är okänd", "The recipient is unknown"),
        Words(
            "Mottagaren finns inte. Lägg in den och skicka rapporten igen.",
            "The recipient does not exist. Add it and send the report again.",
        ),
    ),
}
"""Why a tap or a report is refused, where that is no problem of its own."""

REPAIRS: Mapping[str, Words] = {
    "attestation_missing": Words(
        "Låt någon som inte var med på besöket intyga det.", "Ask somebody who was not at the visit to attest it."
    ),
    "claim_in_future": Words(
        "Kontrollera telefonens klocka. Tiden då loggningen kom in används i stället.",
        "Check the phone's clock. The time of receipt is used instead.",
    ),
    "clock_adjusted": Words(
        "Kontrollera telefonens klocka. Tiden är redan rättad.",
        "Check the phone's clock. The time is already corrected.",
    ),
    "delegation_missing": Words(
        "Registrera delegeringen om den fanns, eller rätta vad som gjordes.",
        "Register the delegation if there was one, or correct what was done.",
    ),
    "device_not_bound": Words(
        "Avgör om loggningen gäller, och anslut telefonen till den som använder den.",
        "Decide whether the tap stands, and enrol the phone for its user.",
    ),
    "device_revoked": Words(
        "Loggningen gjordes före spärren och gäller. Kontrollera att den är rimlig.",
        "The tap was made before the phone was revoked, so it stands. Check that it is plausible.",
    ),
    "extra_staff": Words(
        "Personal utöver beställningen ger ingen ersättning. Ändra beställningen om fler behövs.",
        "Staff beyond the order are not paid. Change the order if more are needed.",
    ),
    "fact_after_correction": Words(
        "Se om rättelsen fortfarande stämmer. Loggningen har inte ändrat den.",
        "Check that the correction is still right. The tap has not changed it.",
    ),
    "harvested": Words(
        "Fråga personalen när taggen lästes, och avgör om loggningen gäller.",
        "Ask the staff when the tag was read, and decide whether the tap stands.",
    ),
    "minutes_scaled": Words(
        "Minuterna i rapporten fick inte plats i besöket. Kontrollera att fördelningen är rimlig.",
        "The minutes of the report did not fit in the visit. Check that the division is plausible.",
    ),
    "missing_in": Words("Rätta när besöket började.", "Correct when the visit began."),
    "missing_out": Words("Rätta när besöket slutade.", "Correct when the visit ended."),
    "new_staff_by_hand": Words(
        "Utföraren lade upp personalen den dagen eller senare. Kontrollera att personen finns och var där.",
        "The provider registered this staff member that day or later. Check that the person exists and was there.",
    ),
    "no_duration": Words(
        "Rätta när besöket började och slutade, eller stryk det.", "Correct when the visit began and ended, or omit it."
    ),
    "not_employed": Words(
        "Rätta vem som var där, eller anställningens dagar.", "Correct who was there, or the days of the employment."
    ),
    "not_ordered": Words(
        "Rätta vad som gjordes, eller låt kommunen beställa eller godta insatsen.",
        "Correct what was done, or ask the municipality to order or accept the intervention.",
    ),
    "order_not_in_force": Words(
        "Rätta besöket, eller låt kommunen ändra beställningens dagar eller godta det.",
        "Correct the visit, or ask the municipality to change the days of the order or to accept the visit.",
    ),
    "overlap": Words(
        "Samma person har loggats på två ställen. Det senare besöket behåller tiden. Rätta om det är fel.",
        "The same person was logged in at two places. The later visit keeps the time. Correct it if that is wrong.",
    ),
    "received_too_late": Words("Låt en andra person intyga besöket.", "Ask a second person to attest the visit."),
    "report_missing": Words("Rapportera vad som gjordes.", "Report what was done."),
    "split_by_order": Words(
        "Ingen beställd rad passade tiden på dygnet. Rapportera vad som gjordes om fördelningen är fel.",
        "No order line fitted the time of day. Report what was done if the division is wrong.",
    ),
    "staff_count": Words(
        "Se om en andra persons loggning saknas. Annars ändras beställningen.",
        "Check if a second person's taps are missing. Otherwise change the order.",
    ),
    "tag_lost": Words(
        "Avgör om loggningen gäller, och sätt upp en ny tagg.", "Decide whether the tap stands, and mount a new tag."
    ),
    "tag_mismatch": Words(
        "Rätta när besöket slutade, eller vems besök det var.", "Correct when the visit ended, or whose visit it was."
    ),
    "tag_retired": Words(
        "Avgör om loggningen gäller, och sätt upp en ny tagg.", "Decide whether the tap stands, and mount a new tag."
    ),
    "tag_suspended": Words(
        "Avgör om loggningen gäller, och slå på taggen om den ska användas.",
        "Decide whether the tap stands, and activate the tag if it is to be used.",
    ),
    "tag_tampered": Words(
        "Avgör om loggningen gäller, och byt taggen.", "Decide whether the tap stands, and replace the tag."
    ),
    "tag_unassigned": Words("Registrera hos vem taggen sitter.", "Mount the tag at its household."),
    "time_contradiction": Words(
        "Fråga personalen när taggen lästes, och avgör om loggningen gäller.",
        "Ask the staff when the tag was read, and decide whether the tap stands.",
    ),
    "too_many": Words(
        "Personen eller dörren har loggats fler gånger den dagen än någon hinner. Loggningen är sparad men blir inget "
        "besök. Registrera besöket för hand om det gjordes.",
        "The person or the door has more taps that day than is possible. The tap is kept but becomes no visit. "
        "Register the visit by hand if it was made.",
    ),
}
"""The advice for each anomaly."""
STILL_LOGGED_IN = "still_logged_in"
"""The reminder that a phone shows to its staff."""
STILL_LOGGED_IN_TEXT = Words("Du är fortfarande inloggad.", "You are still logged in.")
STILL_IN = Words(
    "Läs taggen när du går, eller ring din planerare.", "Read the tag when you leave, or call your planner."
)

CODES = sorted({*PROBLEMS, *ANOMALIES, *get_args(judging.TapRefusal), *get_args(report.ReportRefusal), STILL_LOGGED_IN})
"""All of them."""


class Explanation(NamedTuple):
    """The meaning of a code and what to do. `status` is given for a problem, `severity` for an anomaly."""

    title: Words
    text: Words
    status: int | None = None
    severity: Severity | None = None


def meaning_of(code: str) -> Explanation:
    """The meaning of one of `CODES`."""
    if code in PROBLEMS:
        kind, severity = PROBLEMS[code], ANOMALIES.get(code)
        text = Words(kind.text_sv, kind.text_en)
        if severity:
            text = _together(text, TEXTS[code], REPAIRS[code])
        return Explanation(Words(kind.title_sv, kind.title_en), text, kind.status, severity)
    if code in ANOMALIES:
        title = Words(*(text.removesuffix(".") for text in TEXTS[code]))
        return Explanation(title, REPAIRS[code], severity=ANOMALIES[code])
    if code == STILL_LOGGED_IN:
        return Explanation(Words(*(text.removesuffix(".") for text in STILL_LOGGED_IN_TEXT)), STILL_IN)
    return Explanation(*REFUSALS[code])


def _together(*texts: Words) -> Words:
    return Words(" ".join(text.sv for text in texts), " ".join(text.en for text in texts))
