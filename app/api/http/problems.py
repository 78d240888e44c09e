"""The one table of errors: what each code answers, in Swedish and English.

A route raises `Problem("unknown_ref")`; the handlers in `refusals.py` turn it into `application/problem+json`. Neither
texts nor pointers ever hold what was sent: a refused body may be somebody's personal number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.language import Language

NOT_FOUND = 404
UNPROCESSABLE = 422
OF_ADDRESS = ("/query", "/path")
"""How the pointers begin that do not lead into a body."""


class ProblemKind(NamedTuple):
    """What a code means: HTTP status, short title and a sentence, in both languages."""

    status: int
    title_sv: str
    title_en: str
    text_sv: str
    text_en: str

    def title(self, language: Language) -> str:
        return self.title_sv if language == "sv" else self.title_en

    def text(self, language: Language) -> str:
        return self.text_sv if language == "sv" else self.text_en


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault inside a body or a query: a JSON Pointer to it, a code of `PROBLEMS`, and what would be right."""

    pointer: str
    code: str
    allowed: tuple[str, ...] = ()

    def to_json(self, language: Language) -> dict[str, str]:
        message = PROBLEMS[self.code].text(language) + told(self.allowed, language)
        return {"pointer": self.pointer, "code": self.code, "message": message}


def told(allowed: Sequence[str], language: Language) -> str:
    """The sentence that names what would have been taken; nothing where that cannot be listed."""
    if not allowed:
        return ""
    return (" Det som tas emot: " if language == "sv" else " What is accepted: ") + ", ".join(allowed) + "."


RETRY_SOON = {"Retry-After": "2"}
"""What is refused now and may be answered in a moment says when, in seconds."""


class Problem(Exception):  # noqa: N818 - the word of RFC 9457
    """An answer that is a refusal. `code` stands in `PROBLEMS`; `pointer` names the faulty place in the body.

    A code that is 404 of an address is 422 of a body: the address is right, what it was sent is not. `allowed` says
    what there is to ask for, `version` which one stands where another was named.
    """

    def __init__(
        self,
        code: str,
        *,
        pointer: str | None = None,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        allowed: Sequence[str] = (),
        version: int | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.errors = tuple(errors) or ((FieldError(pointer, code),) if pointer is not None else ())
        kind = PROBLEMS[code]
        in_body = any(not error.pointer.startswith(OF_ADDRESS) for error in self.errors)
        self.kind = kind._replace(status=UNPROCESSABLE) if in_body and kind.status == NOT_FOUND else kind
        self.headers = dict(headers or {})
        self.allowed = tuple(allowed)
        self.version = version
        if version is not None:
            self.headers["ETag"] = f'"{version}"'


# Kept sorted by code. A field error's code stands here too, with 422: the same words wherever the fault shows.
PROBLEMS: Mapping[str, ProblemKind] = {
    "anomalies_open": ProblemKind(
        409,
        "Öppna avvikelser",
        "Anomalies open",
        "Månaden har avvikelser som ska åtgärdas. Åtgärda dem, eller godkänn dem med accept_open.",
        "The month has anomalies to repair. Repair them, or accept them with accept_open.",
    ),
    "answer_required": ProblemKind(
        422,
        "Svar behövs",
        "Answer needed",
        "Hälso- och sjukvård är beställd. Säg i interventions vad som gjordes, allt av det.",
        "Health care was ordered. Say in interventions what was done, all of it.",
    ),
    "birth_date_differs": ProblemKind(
        422,
        "Fel födelsedag",
        "Another day of birth",
        "Personnumret och födelsedatumet anger olika dagar.",
        "The personal number and the date of birth tell of different days.",
    ),
    "body_too_large": ProblemKind(
        413,
        "För stort anrop",
        "Body too large",
        "Innehållet är större än vad som tas emot. Dela upp det.",
        "The body is larger than what is accepted. Split it.",
    ),
    "busy": ProblemKind(
        503,
        "Upptaget",
        "Busy",
        "Tjänsten är upptagen just nu. Försök igen om en stund.",
        "The service is busy at the moment. Try again shortly.",
    ),
    "client_exists": ProblemKind(
        409,
        "Klienten finns redan",
        "Client exists",
        "Ett klientnamn ges bara en gång. Välj ett annat.",
        "The name of a client is given only once. Choose another.",
    ),
    "clock_wrong": ProblemKind(
        503,
        "Klockan går fel",
        "Clock wrong",
        "Tjänstens klocka går fel, så inget tas emot förrän den är rättad. Försök igen senare; inget går förlorat.",
        "The service's clock is wrong, so nothing is taken in until it is right. Try again later; nothing is lost.",
    ),
    "contract_overlaps": ProblemKind(
        409,
        "Avtalen överlappar",
        "Contracts overlap",
        "Utföraren har redan ett avtal under någon av dagarna.",
        "The provider already has a contract on some of the days.",
    ),
    "correction_not_applicable": ProblemKind(
        409,
        "Rättelsen passar inte",
        "Correction not applicable",
        "Besöket är inte så som rättelsen förutsätter. Läs det och försök igen.",
        "The visit is not as the correction takes it to be. Read it and try again.",
    ),
    "cursor_of_another_epoch": ProblemKind(
        410,
        "Sidmarkör från en tidigare databas",
        "Cursor of another epoch",
        "Databasen har återställts sedan sidmarkören gavs ut. Hämta allt på nytt, med after=0.",
        "The database was restored since the cursor was given. Pull everything anew, with after=0.",
    ),
    "enrolment_code_invalid": ProblemKind(
        403,
        "Koden gäller inte",
        "Code not valid",
        "Anslutningskoden finns inte, är redan använd eller har gått ut. Be om en ny.",
        "The enrolment code does not exist, has been used or has ended. Ask for a new one.",
    ),
    "factory_key": ProblemKind(
        422,
        "Fabriksnyckel",
        "Factory key",
        "Nyckeln är den som brickorna levereras med. Slumpa en egen.",
        "The key is the one that chips are delivered with. Make a random one.",
    ),
    "forbidden_role": ProblemKind(
        403,
        "Rollen räcker inte",
        "Role not allowed",
        "Din roll får inte göra detta.",
        "Your role may not do this.",
    ),
    "given_twice": ProblemKind(
        422,
        "Angivet två gånger",
        "Given twice",
        "Ange parametern en gång.",
        "Give the parameter once.",
    ),
    "id_conflict": ProblemKind(
        409,
        "Id:t är upptaget",
        "Id taken",
        "Något annat har redan skickats med samma id.",
        "Something else has already been sent under the same id.",
    ),
    "insufficient_scope": ProblemKind(
        403,
        "Utanför tokenets scope",
        "Outside the token's scopes",
        "Tokenets scope räcker inte. WWW-Authenticate säger vilket scope som behövs.",
        "The token's scopes do not reach this. WWW-Authenticate names the one it needs.",
    ),
    "internal": ProblemKind(
        500,
        "Internt fel",
        "Internal error",
        "Något gick fel hos oss. Uppge trace_id om du hör av dig.",
        "Something went wrong on our side. Quote the trace_id if you get in touch.",
    ),
    "invalid_cursor": ProblemKind(
        422,
        "Ogiltig sidmarkör",
        "Invalid cursor",
        "Sidmarkören kommer inte härifrån. Börja om från första sidan.",
        "The cursor was not given by this service. Start again from the first page.",
    ),
    "invalid_envelope": ProblemKind(
        422,
        "Ogiltigt innehåll",
        "Invalid body",
        "Innehållet följer inte den beskrivna formen.",
        "The body does not have the documented shape.",
    ),
    "invalid_parameter": ProblemKind(
        422,
        "Ogiltig parameter",
        "Invalid parameter",
        "En parameter i adressen följer inte den beskrivna formen.",
        "A parameter of the address does not have the documented shape.",
    ),
    "invalid_value": ProblemKind(
        422,
        "Ogiltigt värde",
        "Invalid value",
        "Värdet är inte ett av dem som tas emot.",
        "The value is not one that is accepted.",
    ),
    "invoice_data_missing": ProblemKind(
        409,
        "Uppgifter för fakturan saknas",
        "Invoice data missing",
        "Utföraren saknar uppgifter som en faktura måste ha. Lägg till dem hos utföraren.",
        "The provider lacks what an invoice must have. Put it with the provider.",
    ),
    "key_version_used": ProblemKind(
        422,
        "Nyckelversionen har använts",
        "Key version used",
        "Taggen har redan haft nycklarna. Ge den nya, med en ny version.",
        "The tag has had these keys before. Give it new ones, with a new version.",
    ),
    "keyset_compromised": ProblemKind(
        409,
        "Nycklarna är röjda",
        "Keyset compromised",
        "Röjda nycklar blir aldrig betrodda igen. Gör en ny nyckeluppsättning.",
        "Compromised keys are never trusted again. Make a new keyset.",
    ),
    "keyset_keys_fixed": ProblemKind(
        409,
        "Nycklarna ligger fast",
        "Keyset keys fixed",
        "En nyckeluppsättnings nycklar ändras aldrig: brickorna bär dem. Gör en ny.",
        "The keys of a keyset never change: chips hold them. Make a new one.",
    ),
    "malformed": ProblemKind(
        422,
        "Oläslig post",
        "Unreadable item",
        "Posten följer inte den beskrivna formen.",
        "The item does not have the documented shape.",
    ),
    "malformed_json": ProblemKind(
        400,
        "Oläslig JSON",
        "Unreadable JSON",
        "Innehållet är inte strikt JSON i UTF-8 (ingen nyckel två gånger, inget NaN eller NUL, inga för stora tal).",
        "The body is not strict JSON in UTF-8 (no key twice, no NaN or NUL, no number out of range).",
    ),
    "method_not_allowed": ProblemKind(
        405,
        "Metoden finns inte här",
        "Method not allowed",
        "Adressen finns men tar inte emot den metoden.",
        "The address exists but does not take this method.",
    ),
    "missing_field": ProblemKind(
        422,
        "Fält saknas",
        "Field missing",
        "Fältet måste finnas med.",
        "The field is required.",
    ),
    "month_not_closed": ProblemKind(
        409,
        "Månaden är inte stängd",
        "Month not closed",
        "En faktura görs av en stängd månad. Stäng den först.",
        "An invoice is made of a closed month. Close it first.",
    ),
    "month_not_over": ProblemKind(
        409,
        "Månaden är inte slut",
        "Month not over",
        "En månad kan stängas när dess sista dag har gått.",
        "A month can be closed when its last day has passed.",
    ),
    "naive_instant": ProblemKind(
        422,
        "Tidpunkt utan tidszon",
        "Instant without offset",
        "Tidpunkten måste ha en tidsförskjutning enligt RFC 3339.",
        "The instant must carry an offset, as RFC 3339 says.",
    ),
    "not_acceptable": ProblemKind(
        406,
        "Formatet finns inte",
        "Format not offered",
        "Inget av de format som efterfrågas i Accept finns här.",
        "None of the formats asked for in Accept is offered here.",
    ),
    "not_employed": ProblemKind(
        403,
        "Inte anställd",
        "Not employed",
        "Du är inte anställd, så inget tas emot härifrån. Det som är gjort är kvar i telefonen: prata med planeraren.",
        "You are not employed, so nothing is taken from here. What was done stays on the phone: talk to the planner.",
    ),
    "not_found": ProblemKind(
        404,
        "Finns inte",
        "Not found",
        "Det finns inget här, eller inget som du når.",
        "There is nothing here, or nothing within your reach.",
    ),
    "not_sealed": ProblemKind(
        409,
        "Inte förseglat än",
        "Not sealed yet",
        "Händelsen finns inte i ett träd av den storleken. Nya händelser förseglas inom några sekunder.",
        "The fact is not in a tree of that size. New facts are sealed within seconds.",
    ),
    "not_together": ProblemKind(
        422,
        "Inte tillsammans",
        "Not together",
        "Parametern kan inte anges tillsammans med en annan som är angiven.",
        "The parameter cannot be given together with another one that is given.",
    ),
    "note_required": ProblemKind(
        422,
        "Anteckning saknas",
        "Note missing",
        "Orsaken other behöver en anteckning.",
        "The reason other needs a note.",
    ),
    "nothing_to_invoice": ProblemKind(
        404,
        "Inget att fakturera",
        "Nothing to invoice",
        "Den stängda månaden har inga rader för ett sådant dokument.",
        "The closed month has no lines for such a document.",
    ),
    "out_of_range": ProblemKind(
        422,
        "Utanför gränserna",
        "Out of range",
        "Värdet ligger utanför det som tas emot.",
        "The value lies outside what is accepted.",
    ),
    "personal_number_invalid": ProblemKind(
        422,
        "Ogiltigt personnummer",
        "Invalid personal number",
        "Det är inget giltigt personnummer eller samordningsnummer.",
        "It is no valid personal number or coordination number.",
    ),
    "personal_number_taken": ProblemKind(
        409,
        "Personnumret är upptaget",
        "Personal number taken",
        "En annan mottagare har redan det personnumret.",
        "Another recipient already has that personal number.",
    ),
    "precondition_required": ProblemKind(
        428,
        "Version saknas",
        "Version missing",
        "Ange i If-Match vilken version du har läst.",
        "Say in If-Match which version you have read.",
    ),
    "ref_is_personal_number": ProblemKind(
        422,
        "Referensen är ett personnummer",
        "Ref is a personal number",
        "En referens får aldrig vara ett personnummer. Välj en egen nyckel.",
        "A ref is never a personal number. Choose a key of your own.",
    ),
    "second_person_required": ProblemKind(
        403,
        "En annan person krävs",
        "Second person required",
        "Den som var på besöket eller har angett det för hand kan inte intyga det.",
        "Whoever was at the visit, or told of it by hand, cannot attest it.",
    ),
    "tag_retired": ProblemKind(
        409,
        "Taggen är kasserad",
        "Tag retired",
        "En kasserad tagg kan inte sättas upp igen.",
        "A retired tag cannot be mounted again.",
    ),
    "too_many_attempts": ProblemKind(
        429,
        "För många försök",
        "Too many attempts",
        "För många misslyckade försök härifrån. Vänta en stund.",
        "Too many failed attempts from here. Wait a while.",
    ),
    "too_many_exports": ProblemKind(
        429,
        "För många rapporter på en gång",
        "Too many reports at once",
        "Kommunen hämtar redan så många rapporter som görs på en gång. Försök igen om en stund.",
        "The municipality is already pulling as many reports as are made at once. Try again shortly.",
    ),
    "too_many_items": ProblemKind(
        413,
        "För många poster",
        "Too many items",
        "Det är fler poster än vad anropet tar emot åt gången. Dela upp dem.",
        "There are more items than the call takes at a time. Split them.",
    ),
    "too_many_lines": ProblemKind(
        409,
        "För många rader",
        "Too many lines",
        "Månaden har fler rader än en PDF görs av. Hämta specifikationen som XLSX.",
        "The month has more lines than a PDF is made of. Fetch the specification as XLSX.",
    ),
    "too_many_rows": ProblemKind(
        409,
        "För många rader",
        "Too many rows",
        "Svaret har fler rader än ett kalkylblad görs av. Hämta det som CSV eller Parquet, eller fråga efter mindre.",
        "The answer has more rows than a workbook is made of. Fetch it as CSV or Parquet, or ask for less.",
    ),
    "uid_taken": ProblemKind(
        409,
        "UID är upptaget",
        "UID taken",
        "En annan tagg har redan det UID:t.",
        "Another tag already has that UID.",
    ),
    "unauthenticated": ProblemKind(
        401,
        "Inte inloggad",
        "Not authenticated",
        "En giltig åtkomsttoken behövs.",
        "A valid access token is needed.",
    ),
    "unknown_field": ProblemKind(
        422,
        "Okänt fält",
        "Unknown field",
        "Fältet hör inte hemma här.",
        "The field does not belong here.",
    ),
    "unknown_municipality": ProblemKind(
        404,
        "Okänd kommun",
        "Unknown municipality",
        "Kommunen i din token finns inte i tjänsten.",
        "The municipality of your token does not exist in this service.",
    ),
    "unknown_parameter": ProblemKind(
        422,
        "Okänd parameter",
        "Unknown parameter",
        "En parameter i adressen hör inte hemma här.",
        "A parameter of the address does not belong here.",
    ),
    "unknown_ref": ProblemKind(
        404,
        "Okänd referens",
        "Unknown ref",
        "Referensen finns inte, eller inte inom ditt synfält.",
        "The ref does not exist, or not within your reach.",
    ),
    "unsupported_media_type": ProblemKind(
        415,
        "Fel innehållstyp",
        "Unsupported media type",
        "Skicka application/json i UTF-8.",
        "Send application/json in UTF-8.",
    ),
    "version_conflict": ProblemKind(
        412,
        "Fel version",
        "Version conflict",
        "Posten finns inte i den version som angavs. Läs den och försök igen.",
        "The record does not stand in the version named. Read it and try again.",
    ),
    "visit_withdrawn": ProblemKind(
        410,
        "Besöket finns inte längre",
        "Visit withdrawn",
        "Senare uppgifter har tagit bort besöket, och inget annat har kommit i dess ställe.",
        "Later facts have taken the visit away, and none stands in its place.",
    ),
    "wrong_format": ProblemKind(
        422,
        "Fel form",
        "Wrong format",
        "Värdet är inte skrivet i den beskrivna formen.",
        "The value is not written in the documented format.",
    ),
    "wrong_length": ProblemKind(
        422,
        "Fel längd",
        "Wrong length",
        "Värdet är för kort eller för långt.",
        "The value is too short or too long.",
    ),
    "wrong_type": ProblemKind(
        422,
        "Fel typ",
        "Wrong type",
        "Värdet är av fel JSON-typ.",
        "The value is of the wrong JSON type.",
    ),
}
