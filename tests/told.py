"""The domain told in short text: taps, orders and reports read from a line, presences and visits written as one.

Clock times are Swedish and stand on Monday 2 March 2026 unless a day is said: `08:00`, `07:30+1` (the next day),
`2026-03-29T01:40`, `2026-10-25T02:20b` (the second pass of the hour that comes twice).
"""

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

from app.domain.register.contract import Contract
from app.domain.register.intervention import Intervention
from app.domain.register.master import MasterData
from app.domain.register.order import Order, OrderLine, Pause
from app.domain.register.recipient import Recipient
from app.domain.register.staff import Delegation, Staff
from app.domain.taps.report import Report, ReportedIntervention
from app.domain.time import FIRST_DAY, STOCKHOLM, UTC, local
from app.domain.visits.derive_visits import visits_at
from app.domain.visits.pairing import own_spans, pair, tap_order
from app.domain.visits.presence import Presence, Tap
from app.domain.visits.visit import Visit

MONDAY = dt.date(2026, 3, 2)
LATER = dt.datetime(2026, 12, 1, tzinfo=UTC)
CATALOGUE = {
    "dusch": ("CARE", 20),
    "frukost": ("CARE", 15),
    "tillsyn": ("CARE", 10),
    "städ": ("SERVICE", 60),
    "inköp": ("SERVICE", 30),
    "insulin": ("DELEGATED_HSL", 10),
    "larm": ("ALARM", 15),
    "sårvård": ("LICENSED_HSL", 20),
    "lunch": ("MEAL", 15),
}
LINE_WINDOW = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d)")
LINE_FREQUENCY = re.compile(r"(\d+)/(\d*)(d|wk|mo)")


def at(text: str) -> dt.datetime:
    """An instant from Swedish clock time."""
    text, fold = text.removesuffix("b"), int(text.endswith("b"))
    clock, _, days = text.partition("+")
    if "T" in clock:
        naive = dt.datetime.fromisoformat(clock)
    else:
        naive = dt.datetime.combine(MONDAY, dt.time.fromisoformat(clock)) + dt.timedelta(days=int(days or 0))
    return naive.replace(tzinfo=STOCKHOLM, fold=fold).astimezone(UTC)


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def clock(instant: dt.datetime | None) -> str:
    """The other way; seconds only where there are any, other days than the Monday by their distance or date."""
    if instant is None:
        return "?"
    moment = local(instant)
    days = (moment.date() - MONDAY).days
    text = f"{moment:%H:%M:%S}" if moment.second else f"{moment:%H:%M}"
    if not days:
        return text
    return f"{text}+{days}" if 0 < days < 10 else f"{moment:%m-%d}T{text}{'b' * moment.fold}"


def tap_id(number: int) -> UUID:
    return UUID(int=number)


def taps(text: str) -> list[Tap]:
    """`08:00 in A | 08:30 out A`; a tap may add `by S-2`, `#7` (counter), `!code` (dispute), `~code` (flag).

    They are numbered as they stand, from 1.
    """
    return [_tap(number, words.split()) for number, words in enumerate(text.replace("\n", "|").split("|"), 1)]


def _tap(number: int, words: Sequence[str]) -> Tap:
    when, direction, household, *more = words
    marks = {word[0]: word[1:] for word in more if word[0] in "#!~"}
    return Tap(
        tap_id(number),
        more[more.index("by") + 1] if "by" in more else "S-1",
        household,
        direction,  # type: ignore[arg-type]  # the tables write only the three words
        at(when),
        counter=int(marks["#"]) if "#" in marks else None,
        dispute=marks.get("!"),
        flags=(marks["~"],) if "~" in marks else (),
    )


def presences(told: Iterable[Tap], now: dt.datetime = LATER, person: str = "S-1") -> list[Presence]:
    """One person's taps in any order as presences with their own spans."""
    return own_spans(pair(person, [], sorted(told, key=tap_order), now))


def show_presence(presence: Presence) -> str:
    """`A 08:00-08:30 complete`, then where its spans are not simply that, its overlap and what stands beside it."""
    words = [presence.household, f"{clock(presence.started_at)}-{clock(presence.ended_at)}", presence.state]
    if presence.dispute:
        words.append(f"!{presence.dispute}")
    if presence.confirmed and presence.spans != ((presence.started_at, presence.ended_at),):
        words.append("own " + (",".join(f"{clock(start)}-{clock(end)}" for start, end in presence.spans) or "none"))
    if presence.overlap:
        words.append("overlap")
    words += [f"beside {side.household} {clock(side.at)}" for side in presence.side_taps]
    return " ".join(words)


def table(text: str) -> Iterator[tuple[str, list[str], list[str], dict[str, str]]]:
    """Blocks between blank lines: a title, lines of taps, `-> ` lines expected; `key = value` lines are settings."""
    for block in re.split(r"\n\s*\n", text.strip()):
        title, *lines = [line.strip() for line in block.splitlines()]
        expected = [line[3:] for line in lines if line.startswith("-> ")]
        settings = dict(line.split(" = ") for line in lines if " = " in line)
        given = [line for line in lines if not line.startswith("-> ") and " = " not in line]
        yield title, given, expected, settings


def line(ref: str, text: str) -> OrderLine:
    """`dusch 20 07:00-10:00 on:1,3 staff:2 3/wk`; without minutes the catalogue's, without frequency once a day."""
    intervention, *words = text.split()
    minutes = next((int(word) for word in words if word.isdigit()), None)
    window = next((found for word in words if (found := LINE_WINDOW.fullmatch(word))), None)
    often = next((found for word in words if (found := LINE_FREQUENCY.fullmatch(word))), None)
    named = dict(word.split(":") for word in words if word.startswith(("on:", "staff:")))
    return OrderLine(
        ref,
        intervention,
        minutes,
        int(often[1]) if often else 1,
        int(often[2] or 1) if often else 1,
        often[3] if often else "d",  # type: ignore[arg-type]  # the pattern lets only the three through
        staff_count=int(named.get("staff", 1)),
        weekdays=tuple(map(int, named["on"].split(","))) if "on" in named else (),
        window=(dt.time.fromisoformat(window[1]), dt.time.fromisoformat(window[2])) if window else None,
    )


def order(
    ref: str,
    recipient: str,
    lines: str,
    *,
    provider: str = "P-norr",
    first: str = "2026-01-01",
    last: str | None = None,
    pauses: Iterable[tuple[str, str | None]] = (),
) -> Order:
    """Lines stand between `;` and are numbered from 1."""
    return Order(
        ref,
        recipient,
        provider,
        day(first),
        day(last) if last else None,
        tuple(line(str(number), text) for number, text in enumerate(lines.split(";"), 1)),
        tuple(Pause(day(start), day(end) if end else None) for start, end in pauses),
    )


def recipient(ref: str, household: str = "A", since: str | None = None, died_on: str | None = None) -> Recipient:
    return Recipient(
        ref, day(since) if since else FIRST_DAY, household, "URBAN", died_on=day(died_on) if died_on else None
    )


def staff(
    ref: str,
    role: str = "care_assistant",
    *,
    person: str | None = None,
    provider: str = "P-norr",
    first: str | None = None,
    last: str | None = None,
    delegations: Iterable[tuple[str, str, str | None]] = (),
) -> Staff:
    return Staff(
        ref,
        day(first) if first else FIRST_DAY,
        day(last) if last else None,
        person or ref,
        provider,
        role,
        tuple(Delegation(what, day(start), day(end) if end else None) for what, start, end in delegations),
    )


def contract(policy: str = "proportional", *, demanded: bool = False) -> Contract:
    return Contract("K-1", "P-norr", FIRST_DAY, None, policy, demanded)


def world(*records: Recipient | Staff | Order | Contract) -> MasterData:
    """The catalogue, the provider P-norr, S-1 unless told otherwise, and what is given."""
    master = MasterData(providers={"P-norr", "P-söder"})
    for ref, (category, minutes) in CATALOGUE.items():
        master.put_intervention(Intervention(ref, FIRST_DAY, category, minutes))
    if not any(isinstance(record, Staff) and record.ref == "S-1" for record in records):
        master.put_staff(staff("S-1"))
    for record in records:
        match record:
            case Recipient():
                master.put_recipient(record)
            case Staff():
                master.put_staff(record)
            case Order():
                master.put_order(record)
            case Contract():
                master.put_contract(record)
    return master


def report(
    tap: int,
    text: str = "",
    *,
    outcome: str = "performed",
    by: str = "S-1",
    when: str = "23:00",
    number: int = 1,
    received_at: dt.datetime | None = None,
) -> Report:
    """`dusch 10; insulin @B-2; städ declined`: an intervention with its minutes, recipient and outcome."""
    return Report(
        UUID(int=10_000 + number),
        by,
        tap_id(tap),
        at(when),
        received_at or LATER,
        outcome,  # type: ignore[arg-type]  # the tables write only the three words
        tuple(_told(words.split()) for words in text.split(";") if words.strip()),
    )


def _told(words: Sequence[str]) -> ReportedIntervention:
    intervention, *more = words
    return ReportedIntervention(
        intervention,
        next((word[1:] for word in more if word.startswith("@")), None),
        next((int(word) for word in more if word.isdigit()), None),
        next((word for word in more if word in {"declined", "not_done"}), "done"),  # type: ignore[arg-type]
    )


def derive(
    master: MasterData, told: Iterable[Tap], reports: Iterable[Report] = (), now: dt.datetime = LATER
) -> list[Visit]:
    """The whole pure pipeline, from facts in any order, told more than once or not, to visits."""
    by_person: defaultdict[str, set[Tap]] = defaultdict(set)
    for tap in told:
        by_person[master.person_of(tap.staff)].add(tap)
    by_tap: defaultdict[UUID, list[Report]] = defaultdict(list)
    for one in reports:
        by_tap[one.tap].append(one)
    by_household: defaultdict[str, list[Presence]] = defaultdict(list)
    for person, own in by_person.items():
        for presence in presences(own, now, person):
            by_household[presence.household].append(presence)
    visits = [visit for there in by_household.values() for visit in visits_at(there, by_tap, master)]
    return sorted(visits, key=lambda visit: (visit.anchor_at, visit.staff, visit.recipient, visit.id))


def show_visit(visit: Visit) -> str:
    """`B-1 S-1 08:00-08:30 complete payable: dusch 1200, insulin 600 not delegation_missing [delegation_missing]`.

    A provisional end has a `~`. Shares name their line's order where it is not the only one; what is not payable says
    `not` and its reason.
    """
    end = "~" * visit.provisional + clock(visit.ended_at)
    words = (
        f"{visit.recipient} {visit.staff} {clock(visit.started_at)}-{end} {visit.status}{' payable' * visit.payable}"
    )
    shares = ", ".join(
        f"{share.intervention or '-'} {share.seconds}{'' if share.payable else ' not ' + share.reason}"
        for share in visit.shares
    )
    return words + (f": {shares}" if shares else "") + (f" [{' '.join(visit.anomalies)}]" if visit.anomalies else "")


def tell(master: MasterData, text: str, *reports: Report, now: dt.datetime = LATER) -> list[str]:
    """Visits of the taps of a line, each as a line."""
    return [show_visit(visit) for visit in derive(master, taps(text), reports, now)]
