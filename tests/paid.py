"""Compensation told in short text: orders and visits in, lines as text out."""

import datetime as dt
from fractions import Fraction
from uuid import UUID

from told import CATALOGUE, at, day, line

from app.domain.money.compensation_input import CompensationInput, Declined
from app.domain.money.document import terms_of
from app.domain.money.explanation import explained
from app.domain.money.month_lines import settled_line
from app.domain.money.rating import Agreement, rate
from app.domain.register.intervention import Intervention
from app.domain.register.master import MasterData
from app.domain.register.order import Order, Pause
from app.domain.register.recipient import Recipient
from app.domain.time import FIRST_DAY, local_date, month_days, seconds_between
from app.domain.visits.split import Share, largest_remainder
from app.domain.visits.visit import Visit

EVER = FIRST_DAY, dt.date.max
MORE = {
    "rehab": ("LICENSED_HSL", 30),
    "fysioterapi": ("LICENSED_HSL", 45),
    "apotek": ("SERVICE", 20),
    "tvätt": ("SERVICE", 40),
}
ALL_HELP = CATALOGUE | MORE


def world(areas, *orders):
    """The catalogue, recipients with their areas and their orders."""
    master = MasterData(providers={"P-norr"})
    for ref, (category, minutes) in ALL_HELP.items():
        licensed = "rehabilitation" if ref == "fysioterapi" else None  # of `rehab` the ref says it
        master.put_intervention(Intervention(ref, FIRST_DAY, category, minutes, licensed))
    for ref, area in areas.items():
        master.put_recipient(Recipient(ref, FIRST_DAY, ref, area))
    for one in orders:
        master.put_order(one)
    return master


def order(ref, recipient, lines, *, first="2026-01-01", last=None, pauses=()):
    """Lines stand between `;`; a pause is first, last, reason and, perhaps, when notice was given."""
    found = [
        Pause(day(one[0]), day(one[1]) if one[1] else None, one[2], at(one[3]) if len(one) > 3 else None)
        for one in pauses
    ]
    lines = tuple(line(str(number), text) for number, text in enumerate(lines.split(";"), 1) if text.strip())
    return Order(ref, recipient, "P-norr", day(first), day(last) if last else None, lines, tuple(found))


def visit(number, recipient, start, end, interventions, *, staff="S-1", group=None, status="complete", held=()):
    """`dusch 20; insulin` from `2026-11-02T08:00` to `08:50` (the same day) or an instant: minutes weigh the shares."""
    started = at(start)
    ended = at(end if "T" in end else f"{start[:11]}{end}")
    words = [one.split() for one in interventions.split(";") if one.strip()]
    weights = [int(one[1]) if len(one) > 1 else ALL_HELP[one[0]][1] for one in words]
    seconds = seconds_between(started, ended) if status == "complete" else 0
    parts = largest_remainder(seconds, weights) if seconds else [0] * len(words)
    shares = tuple(
        Share(ALL_HELP[one[0]][0], one[0], None, part, one[0] not in held, "reported")
        for one, part in zip(words, parts, strict=True)
    )
    return Visit(
        UUID(int=number), UUID(int=number), recipient, UUID(int=group or number), "P-norr", staff, staff,
        "care_assistant", recipient, None, None, started, ended, False, local_date(started), status, not held, "static",
        "static", seconds, seconds, ((started, ended),) if seconds else (), shares, (), {},
    )  # fmt: skip


def declined(recipient, when, intervention, how, *, notified=None, number=None):
    """One ordered intervention that was turned down, with its catalogue minutes."""
    category, minutes = ALL_HELP[intervention]
    told = at(notified) if notified else None
    seen = UUID(int=number) if number else None
    return Declined(recipient, at(when), category, intervention, minutes, how, told, seen)


def rated(document, master, visits=(), *, month="2026-11", form="external", turned_down=(), days=None, agreements=None):
    """The lines of P-norr in a month, or in some of its days, under one document."""
    orders = [part for parts in master.orders.values() for part in parts]
    facts = CompensationInput("P-norr", form, master, orders, list(visits), list(turned_down))
    found = agreements or [Agreement("K-1", EVER, terms_of(document))]
    lines = rate(facts, found, days or month_days(month))
    for one in lines:
        explained(settled_line(one, "P-norr", month))  # whatever is counted has words, else this raises
    return lines


def shown(lines):
    """`B-1 care RURAL granted 6.667 hour x 47700 = 318000`, with band, share and notes where there are any."""
    return [_shown(one) for one in lines]


def _shown(one):
    price = one.price
    words = [price.recipient, price.rule, price.area, price.band, price.reason]
    text = " ".join(word for word in words if word)
    share = "" if price.share == 1 else f" x {decimal(price.share * 100)} %"
    factor = "" if price.factor == 1 else f" x {decimal(price.factor)}"
    notes = f" [{' '.join(price.notes)}]" if price.notes else ""
    return f"{text} {decimal(one.quantity)} {price.unit} x {price.ore}{factor}{share} = {one.amount_ore}{notes}"


def decimal(value):
    """At most three decimals."""
    return f"{float(Fraction(value)):.3f}".rstrip("0").rstrip(".")


def total(lines):
    return sum(one.amount_ore for one in lines)
