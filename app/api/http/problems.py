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
"""The beginnings of pointers that do not lead into a body."""


class ProblemKind(NamedTuple):
    """The meaning of a code: its HTTP status, and a title and a sentence in both languages."""

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
        message = PROBLEMS[self.code].text(language) + allowed_values(self.allowed, language)
        return {"pointer": self.pointer, "code": self.code, "message": message}


def allowed_values(allowed: Sequence[str], language: Language) -> str:
    """The sentence that names the allowed values; empty where they cannot be listed."""
    if not allowed:
        return ""
    return (" Tillåtet: " if language == "sv" else " Allowed: ") + ", ".join(allowed) + "."


RETRY_SOON = {"Retry-After": "2"}
"""The header of a refusal that may be answered in a moment: when to try again, in seconds."""


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
        "Hälso- och sjukvård är beställd. Ange i interventions allt som gjordes.",
        "Health care was ordered. List in interventions everything that was done.",
    ),
    "approver_is_requester": ProblemKind(
        403,
        "En annan person krävs",
        "Another person is required",
        "Den som har begärt gallringen kan inte godkänna den. Be en annan person.",
        "Whoever asked for the purge cannot approve it. Ask another person.",
    ),
    "birth_date_differs": ProblemKind(
        422,
        "Olika födelsedagar",
        "Dates of birth differ",
        "Personnumret och födelsedatumet anger olika dagar. Rätta det som är fel.",
        "The personal number and the date of birth give different days. Correct the wrong one.",
    ),
    "body_too_large": ProblemKind(
        413,
        "För stort anrop",
        "Body too large",
        "Innehållet är för stort. Skicka det i mindre delar.",
        "The body is too large. Send it in smaller parts.",
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
        "Client already exists",
        "Det finns redan en klient med det namnet. Välj ett annat.",
        "There is already a client with this name. Choose another name.",
    ),
    "clock_wrong": ProblemKind(
        503,
        "Klockan går fel",
        "Clock wrong",
        "Tjänstens klocka går fel. Inget tas emot förrän den går rätt. Behåll allt och försök igen senare.",
        "The service's clock is wrong. Nothing is received until it is right. Keep your data and try again later.",
    ),
    "consent_missing": ProblemKind(
        403,
        "Samtycke saknas",
        "Consent missing",
        "Mottagaren har inte samtyckt till att du läser besöken. Registrera samtycket, eller ange en nödsituation.",
        "The recipient has not consented to your reading the visits. Register the consent, or state an emergency.",
    ),
    "contract_overlaps": ProblemKind(
        409,
        "Avtalen överlappar",
        "Contracts overlap",
        "Utföraren har redan ett avtal under några av dagarna. Välj andra dagar, eller avsluta det avtalet först.",
        "The provider already has a contract on some of these days. Choose other days, or end that contract first.",
    ),
    "correction_not_applicable": ProblemKind(
        409,
        "Rättelsen passar inte",
        "Correction not applicable",
        "Rättelsen går inte att göra på besöket som det är nu. Läs besöket igen och välj en annan rättelse.",
        "The correction cannot be made to the visit as it is now. Read the visit again and choose another correction.",
    ),
    "cursor_of_another_epoch": ProblemKind(
        410,
        "Sidmarkör från en tidigare databas",
        "Cursor from an earlier database",
        "Databasen har återställts sedan sidmarkören gavs ut. Hämta allt igen med after=0.",
        "The database has been restored since the cursor was given. Pull everything again with after=0.",
    ),
    "enrolment_code_invalid": ProblemKind(
        403,
        "Koden gäller inte",
        "Code not valid",
        "Anslutningskoden finns inte, är redan använd eller har gått ut. Be om en ny.",
        "The enrolment code does not exist, has been used or has expired. Ask for a new one.",
    ),
    "factory_key": ProblemKind(
        422,
        "Fabriksnyckel",
        "Factory key",
        "Det är nyckeln som brickorna levereras med. Använd en egen, slumpad nyckel.",
        "This is the key with which chips are delivered. Use a random key of your own.",
    ),
    "forbidden_role": ProblemKind(
        403,
        "Rollen räcker inte",
        "Role not allowed",
        "Din roll får inte göra detta. Be någon med en annan roll.",
        "Your role may not do this. Ask somebody with another role.",
    ),
    "foreign_request": ProblemKind(
        403,
        "Begäran kommer inte härifrån",
        "The request does not come from here",
        "Den som är inloggad i en webbläsare ändrar bara från våra egna sidor. Ladda om sidan och försök igen.",
        "Whoever is logged in by a browser changes things from our own pages alone. Reload the page and try again.",
    ),
    "given_twice": ProblemKind(
        422,
        "Angivet två gånger",
        "Given twice",
        "Parametern är angiven två gånger. Ange den en gång.",
        "The parameter is given twice. Give it once.",
    ),
    "https_required": ProblemKind(
        403,
        "Det behövs https",
        "It takes https",
        "Inloggning går bara över https. Öppna tjänsten med adressen som börjar med https.",
        "Logging in works over https alone. Open the service by its address with https.",
    ),
    "id_conflict": ProblemKind(
        409,
        "Id:t är upptaget",
        "Id taken",
        "Något annat har redan skickats med samma id. Använd ett nytt id.",
        "Something else has already been sent with this id. Use a new id.",
    ),
    "insufficient_scope": ProblemKind(
        403,
        "Utanför tokenets scope",
        "Outside the token's scopes",
        "Tokenets scope räcker inte. WWW-Authenticate anger det scope som behövs.",
        "The scopes of the token are not enough. WWW-Authenticate names the scope that is needed.",
    ),
    "internal": ProblemKind(
        500,
        "Internt fel",
        "Internal error",
        "Något gick fel i tjänsten. Uppge trace_id om du hör av dig.",
        "Something went wrong in the service. Give the trace_id if you contact support.",
    ),
    "invalid_cursor": ProblemKind(
        422,
        "Ogiltig sidmarkör",
        "Invalid cursor",
        "Den här tjänsten har inte gett ut sidmarkören. Börja om från första sidan.",
        "This service did not give this cursor. Start again from the first page.",
    ),
    "invalid_envelope": ProblemKind(
        422,
        "Ogiltigt innehåll",
        "Invalid body",
        "Innehållet följer inte den beskrivna formen. Rätta det.",
        "The body does not have the documented form. Correct it.",
    ),
    "invalid_parameter": ProblemKind(
        422,
        "Ogiltig parameter",
        "Invalid parameter",
        "En parameter i adressen följer inte den beskrivna formen. Rätta den.",
        "A parameter of the address does not have the documented form. Correct it.",
    ),
    "invalid_value": ProblemKind(
        422,
        "Ogiltigt värde",
        "Invalid value",
        "Värdet är inte tillåtet.",
        "The value is not allowed.",
    ),
    "invoice_data_missing": ProblemKind(
        409,
        "Uppgifter för fakturan saknas",
        "Invoice data missing",
        "Utföraren saknar uppgifter som fakturan behöver. Lägg till dem hos utföraren.",
        "The provider lacks data that the invoice needs. Add it to the provider.",
    ),
    "key_version_used": ProblemKind(
        422,
        "Nyckelversionen har använts",
        "Key version used",
        "Taggen har redan haft de här nycklarna. Ge den nya nycklar och en ny version.",
        "The tag has already had these keys. Give it new keys and a new version.",
    ),
    "keyset_compromised": ProblemKind(
        409,
        "Nycklarna är röjda",
        "Keyset compromised",
        "Röjda nycklar blir aldrig betrodda igen. Skapa en ny nyckeluppsättning.",
        "Compromised keys are never trusted again. Create a new keyset.",
    ),
    "keyset_keys_fixed": ProblemKind(
        409,
        "Nycklarna ligger fast",
        "Keyset keys fixed",
        "En nyckeluppsättnings nycklar ändras aldrig, eftersom brickorna bär dem. Skapa en ny nyckeluppsättning.",
        "The keys of a keyset never change, because chips hold them. Create a new keyset.",
    ),
    "login_needed": ProblemKind(
        403,
        "Det behövs en inloggning",
        "A login is needed",
        "Det här gör bara en person som är inloggad i en webbläsare, inte en åtkomsttoken.",
        "Only a person who is logged in by a browser does this, and no token.",
    ),
    "malformed": ProblemKind(
        422,
        "Oläslig post",
        "Unreadable item",
        "Posten följer inte den beskrivna formen. Rätta den och skicka den igen.",
        "The item does not have the documented form. Correct it and send it again.",
    ),
    "malformed_json": ProblemKind(
        400,
        "Oläslig JSON",
        "Unreadable JSON",
        "Innehållet är inte strikt JSON i UTF-8. Samma nyckel två gånger, NaN, NUL och för stora tal är inte tillåtna.",
        "The body is not strict JSON in UTF-8. Repeated keys, NaN, NUL and numbers out of range are not allowed.",
    ),
    "malformed_request": ProblemKind(
        400,
        "Oläslig begäran",
        "Unreadable request",
        "Begäran är inte läsbar HTTP. Den ska ha en känd metod, ett Host och ett huvud på högst 64 kB.",
        "The request is not readable HTTP. It must have a known method, one Host and headers of at most 64 kB.",
    ),
    "membership_over": ProblemKind(
        409,
        "Behörigheten gäller inte i dag",
        "The membership does not hold today",
        "Behörigheten har inte börjat eller har upphört. Ändra dess dagar först.",
        "The membership has not begun or is over. Change its days first.",
    ),
    "method_not_allowed": ProblemKind(
        405,
        "Metoden finns inte här",
        "Method not allowed",
        "Adressen tar inte emot den metoden. Använd en annan.",
        "The address does not accept this method. Use another one.",
    ),
    "missing_field": ProblemKind(
        422,
        "Fält saknas",
        "Field missing",
        "Fältet saknas. Lägg till det.",
        "The field is missing. Add it.",
    ),
    "month_not_closed": ProblemKind(
        409,
        "Månaden är inte stängd",
        "Month not closed",
        "En faktura görs bara av en stängd månad. Stäng månaden först.",
        "An invoice can only be made of a closed month. Close the month first.",
    ),
    "month_not_over": ProblemKind(
        409,
        "Månaden är inte slut",
        "Month not over",
        "En månad kan stängas först när dess sista dag har gått. Vänta till dess.",
        "A month can be closed only after its last day. Wait until then.",
    ),
    "naive_instant": ProblemKind(
        422,
        "Tidpunkt utan tidszon",
        "Time without offset",
        "Tidpunkten saknar tidsförskjutning. Lägg till den som i RFC 3339, till exempel +02:00.",
        "The time has no offset. Add one as in RFC 3339, for example +02:00.",
    ),
    "not_acceptable": ProblemKind(
        406,
        "Formatet finns inte",
        "Format not offered",
        "Inget av formaten i Accept finns här. Be om ett annat.",
        "None of the formats in Accept is offered here. Ask for another one.",
    ),
    "not_employed": ProblemKind(
        403,
        "Inte anställd",
        "Not employed",
        "Du är inte anställd, så inget tas emot från dig. Det du har gjort är kvar i telefonen. Prata med planeraren.",
        "You are not employed, so nothing from you is accepted. Your data stays on the phone. Talk to your planner.",
    ),
    "not_found": ProblemKind(
        404,
        "Finns inte",
        "Not found",
        "Det finns inget här, eller så får du inte se det.",
        "There is nothing here, or you may not see it.",
    ),
    "not_sealed": ProblemKind(
        409,
        "Inte förseglat än",
        "Not sealed yet",
        "Händelsen finns inte i ett träd av den storleken. Nya händelser förseglas inom några sekunder. Försök igen.",
        "The fact is not in a tree of this size. New facts are sealed within seconds. Try again.",
    ),
    "not_together": ProblemKind(
        422,
        "Inte tillsammans",
        "Not together",
        "Parametern kan inte anges tillsammans med en annan som är angiven. Ta bort en av dem.",
        "The parameter cannot be given together with another given parameter. Leave one of them out.",
    ),
    "note_required": ProblemKind(
        422,
        "Anteckning saknas",
        "Note missing",
        "Orsaken other kräver en anteckning. Lägg till en.",
        "The reason other needs a note. Add one.",
    ),
    "nothing_to_invoice": ProblemKind(
        404,
        "Inget att fakturera",
        "Nothing to invoice",
        "Den stängda månaden har inga rader för det här dokumentet.",
        "The closed month has no lines for this document.",
    ),
    "out_of_range": ProblemKind(
        422,
        "Utanför gränserna",
        "Out of range",
        "Värdet är utanför de tillåtna gränserna.",
        "The value is outside the allowed range.",
    ),
    "passkey_refused": ProblemKind(
        403,
        "Nyckeln gäller inte",
        "The key does not work",
        "Nyckeln är okänd här eller borttagen, eller det tog för lång tid. Försök igen, eller logga in på annat sätt.",
        "The key is unknown here or removed, or it took too long. Try again, or log in another way.",
    ),
    "personal_number_invalid": ProblemKind(
        422,
        "Ogiltigt personnummer",
        "Invalid personal number",
        "Det är inget giltigt personnummer eller samordningsnummer. Kontrollera siffrorna.",
        "This is not a valid personal number or coordination number. Check the digits.",
    ),
    "personal_number_taken": ProblemKind(
        409,
        "Personnumret är upptaget",
        "Personal number taken",
        "En annan mottagare har redan det personnumret. Kontrollera siffrorna.",
        "Another recipient already has this personal number. Check the digits.",
    ),
    "pin_code_invalid": ProblemKind(
        403,
        "Koden gäller inte",
        "Code not valid",
        "Koden för att välja PIN finns inte, är redan använd eller har gått ut. Be planeraren om en ny.",
        "The code for a PIN does not exist, has been used or has expired. Ask the planner for a new one.",
    ),
    "pin_locked": ProblemKind(
        403,
        "PIN-koden är spärrad",
        "PIN locked",
        "Fel PIN har angetts fem gånger. Be planeraren om en kod för att välja en ny.",
        "A wrong PIN was given five times. Ask the planner for a code to set a new one.",
    ),
    "pin_wrong": ProblemKind(
        403,
        "Fel person eller PIN",
        "Wrong person or PIN",
        "PIN-koden stämmer inte, eller så kan personen inte använda den här telefonen. Försök igen, högst fem gånger.",
        "The PIN is not right, or the person cannot use this phone. Try again, at most five times.",
    ),
    "precondition_required": ProblemKind(
        428,
        "Version saknas",
        "Version missing",
        "Skicka i If-Match den version som du har läst.",
        "Send the version that you have read in If-Match.",
    ),
    "purged": ProblemKind(
        409,
        "Uppgifterna är gallrade",
        "Purged",
        "Uppgifterna om personen är gallrade, och referensen används inte igen. Välj en annan.",
        "Everything under this ref was purged, and the ref is not used again. Choose another one.",
    ),
    "ref_is_personal_number": ProblemKind(
        422,
        "Referensen är ett personnummer",
        "Ref is a personal number",
        "En referens får aldrig vara ett personnummer. Välj en annan referens.",
        "A ref must never be a personal number. Choose another ref.",
    ),
    "second_person_required": ProblemKind(
        403,
        "En annan person krävs",
        "Second person required",
        "Den som var på besöket eller har angett det för hand kan inte intyga det. Be en annan person.",
        "A person who was at the visit or entered it by hand cannot attest it. Ask another person.",
    ),
    "tag_retired": ProblemKind(
        409,
        "Taggen är kasserad",
        "Tag retired",
        "En kasserad tagg kan inte sättas upp igen. Använd en annan tagg.",
        "A retired tag cannot be mounted again. Use another tag.",
    ),
    "too_many_attempts": ProblemKind(
        429,
        "För många försök",
        "Too many attempts",
        "Det har gjorts för många misslyckade försök härifrån. Vänta en stund.",
        "There have been too many failed attempts from here. Wait a while.",
    ),
    "too_many_exports": ProblemKind(
        429,
        "För många rapporter på en gång",
        "Too many reports at once",
        "Kommunen hämtar redan så många rapporter som den får på en gång. Försök igen om en stund.",
        "The municipality is already fetching as many reports as it may at once. Try again shortly.",
    ),
    "too_many_items": ProblemKind(
        413,
        "För många poster",
        "Too many items",
        "Det är för många poster för ett anrop. Skicka dem i flera anrop.",
        "There are too many items for one call. Send them in several calls.",
    ),
    "too_many_lines": ProblemKind(
        409,
        "För många rader",
        "Too many lines",
        "Månaden har för många rader för en PDF. Hämta specifikationen som XLSX.",
        "The month has too many lines for a PDF. Fetch the specification as XLSX.",
    ),
    "too_many_requests": ProblemKind(
        429,
        "För många anrop",
        "Too many requests",
        "Så många anrop får inte göras på en minut. Vänta så länge som Retry-After säger.",
        "So many requests may not be made in a minute. Wait as long as Retry-After says.",
    ),
    "too_many_rows": ProblemKind(
        409,
        "För många rader",
        "Too many rows",
        "Svaret har för många rader för ett kalkylblad. Hämta det som CSV eller Parquet, eller fråga efter mindre.",
        "The answer has too many rows for a workbook. Fetch it as CSV or Parquet, or ask for less.",
    ),
    "uid_taken": ProblemKind(
        409,
        "UID är upptaget",
        "UID taken",
        "En annan tagg har redan det UID:t. Kontrollera det.",
        "Another tag already has this UID. Check it.",
    ),
    "unauthenticated": ProblemKind(
        401,
        "Inte inloggad",
        "Not authenticated",
        "En giltig åtkomsttoken behövs. Hämta en och skicka den i Authorization.",
        "A valid access token is needed. Get one and send it in Authorization.",
    ),
    "unknown_field": ProblemKind(
        422,
        "Okänt fält",
        "Unknown field",
        "Fältet finns inte här. Ta bort det.",
        "The field does not exist here. Remove it.",
    ),
    "unknown_municipality": ProblemKind(
        404,
        "Okänd kommun",
        "Unknown municipality",
        "Kommunen i din token finns inte i tjänsten.",
        "The municipality of your token does not exist in this service. Check the token.",
    ),
    "unknown_parameter": ProblemKind(
        422,
        "Okänd parameter",
        "Unknown parameter",
        "En parameter i adressen finns inte här. Ta bort den.",
        "A parameter of the address does not exist here. Remove it.",
    ),
    "unknown_ref": ProblemKind(
        404,
        "Okänd referens",
        "Unknown ref",
        "Referensen finns inte, eller så får du inte se den. Kontrollera den.",
        "The ref does not exist, or you may not see it. Check it.",
    ),
    "unknown_session": ProblemKind(
        404,
        "Okänd inloggning",
        "Unknown session",
        "Det finns ingen sådan inloggning som pågår.",
        "There is no such session.",
    ),
    "unknown_token": ProblemKind(
        404,
        "Okänd åtkomsttoken",
        "Unknown token",
        "Du har inte gjort någon sådan åtkomsttoken.",
        "You have made no such token.",
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
        "Posten har en annan version än den angivna. Läs den och försök igen.",
        "The record has another version than the one given. Read it and try again.",
    ),
    "visit_withdrawn": ProblemKind(
        410,
        "Besöket finns inte längre",
        "Visit withdrawn",
        "Senare uppgifter har tagit bort besöket. Inget annat besök har kommit i dess ställe.",
        "Later facts have removed the visit. No other visit has taken its place.",
    ),
    "wrong_format": ProblemKind(
        422,
        "Fel form",
        "Wrong format",
        "Värdet har inte det beskrivna formatet. Rätta det.",
        "The value does not have the documented format. Correct it.",
    ),
    "wrong_length": ProblemKind(
        422,
        "Fel längd",
        "Wrong length",
        "Värdet är för kort eller för långt. Rätta det.",
        "The value is too short or too long. Correct it.",
    ),
    "wrong_type": ProblemKind(
        422,
        "Fel typ",
        "Wrong type",
        "Värdet har fel JSON-typ. Rätta det.",
        "The value has the wrong JSON type. Correct it.",
    ),
}
