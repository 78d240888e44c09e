"""What every made-up day begins with: a small municipality, as the model knows it and as it is put over HTTP."""

import datetime as dt
from urllib.parse import quote

from facts import STOCKHOLM, Employment, Facts, Home, Line, Order

UTC = dt.UTC
SINCE = dt.date(2025, 1, 1)
EVER = dt.date.min
SATURDAY = dt.date(2025, 10, 25)  # the clock goes back in the night that follows
BEGAN_AT = dt.datetime(2025, 10, 26, 6, 0, tzinfo=UTC)
LATE_BEFORE = dt.date(2025, 10, 1)
LONG_AGO = dt.datetime(2025, 9, 20, 6, 0, tzinfo=UTC)

CATALOGUE = {
    "dusch": ("CARE", 20),
    "tillsyn": ("CARE", 10),
    "städ": ("SERVICE", 45),
    "insulin": ("DELEGATED_HSL", 10),
    "larm": ("ALARM", 15),
    "såromläggning": ("LICENSED_HSL", 30),
}
HOMES = {"B-1": "H-1", "B-2": "H-2", "B-3": "H-3", "B-a": "H-par", "B-b": "H-par"}
HOUSEHOLDS = sorted({*HOMES.values()})
UIDS = {"04000000000001": "T-1", "04000000000002": "T-2", "04000000000003": "T-par", "04000000000004": "T-new"}
HUNG = {"T-1": "H-1", "T-2": "H-2", "T-par": "H-par"}
LEAVE = (("insulin", SINCE, None),)
STAFF = {
    "S-1": ("P-norr", "care_assistant", LEAVE),
    "S-1b": ("P-syd", "care_assistant", LEAVE),  # the same person, employed twice
    "S-2": ("P-norr", "assistant_nurse", ()),
    "S-3": ("P-syd", "care_assistant", LEAVE),
    "S-t": ("P-norr", "trainee", LEAVE),
    "S-l": ("P-norr", "alarm_team", ()),
    "S-l2": ("P-syd", "alarm_team", ()),
}
MADE_BY_PLANNERS = {"S-2"}  # the others were made by the municipality
PERSONS = {ref: "S-1" if ref == "S-1b" else ref for ref in STAFF}
MORNING = (dt.time(7), dt.time(10))
NIGHT = (dt.time(22), dt.time(6))
ORDERS = {
    "O-1": ("B-1", "P-norr", (Line("1", "dusch"), Line("2", "insulin"))),
    "O-2": ("B-2", "P-norr", (Line("1", "städ", 30, window=MORNING), Line("2", "tillsyn"))),
    "O-a": ("B-a", "P-norr", (Line("1", "dusch"),)),
    "O-b": ("B-b", "P-norr", (Line("1", "tillsyn", staff_count=2),)),
}


def first_facts():
    """The settled municipality as the model knows it."""
    return Facts(
        now=BEGAN_AT,
        catalogue=dict(CATALOGUE),
        recipients={ref: {EVER: Home(EVER, household)} for ref, household in HOMES.items()},
        staff={
            ref: {SINCE: Employment(SINCE, provider, role, None, leave)}
            for ref, (provider, role, leave) in STAFF.items()
        },
        persons=dict(PERSONS),
        made=dict.fromkeys(MADE_BY_PLANNERS, dt.datetime.now(STOCKHOLM).date()),
        orders={
            ref: {EVER: Order(who, provider, SINCE, None, lines)} for ref, (who, provider, lines) in ORDERS.items()
        },
        mounts={tag: {LONG_AGO: HUNG[tag]} if tag in HUNG else {} for tag in UIDS.values()},
        states={tag: {} for tag in UIDS.values()},
    )


def settle(town):
    """Put it in place over HTTP."""
    facts = first_facts()

    def put(code):
        def tell(method, path, body, **who):
            town.ask(code, method, quote(path), body, **who)

        for provider in ("P-norr", "P-syd"):
            tell("PUT", f"/v1/providers/{provider}", {"name": provider, "form": "external"})
        for ref, (category, minutes) in CATALOGUE.items():
            body = {"title": ref, "category": category, "standard_minutes": minutes}
            tell("PUT", f"/v1/interventions/{ref}", body)
        for ref, homes in facts.recipients.items():
            tell("PUT", f"/v1/recipients/{ref}", recipient_body(homes[EVER]))
        for ref, told in facts.staff.items():
            by = {"role": "planner", "provider": told[SINCE].provider} if ref in MADE_BY_PLANNERS else {}
            tell("PUT", f"/v1/staff/{ref}", staff_body(ref, told[SINCE]), **by)
        for ref, placed in facts.orders.items():
            tell("PUT", f"/v1/orders/{ref}", order_body(placed[EVER]))
        for uid, tag in UIDS.items():
            tell("PUT", f"/v1/tags/{tag}", {"kind": "static", "uid": uid})
            for at, household in facts.mounts[tag].items():
                tell("POST", f"/v1/tags/{tag}/mount", {"household": household, "at": at})

    town.settle(BEGAN_AT, put)


def recipient_body(home):
    since = {} if home.since_on == EVER else {"valid_from": home.since_on}
    return {"household": home.household, "area": "URBAN", "died_on": home.died_on} | since


def staff_body(ref, told):
    return {
        "person": PERSONS[ref],
        "provider": told.provider,
        "role": told.role,
        "valid_from": told.since_on,
        "valid_to": told.last_on,
        "delegations": [
            {"intervention": what, "valid_from": first, "valid_to": last} for what, first, last in told.delegations
        ],
    }


def order_body(order):
    return {
        "recipient": order.recipient,
        "provider": order.provider,
        "valid_from": order.first_on,
        "valid_to": order.last_on,
        "lines": [line_body(line) for line in order.lines],
        "pauses": [{"from": first, "to": last, "reason": "hospital"} for first, last in order.pauses],
    }


def line_body(line):
    return {
        "ref": line.ref,
        "intervention": line.intervention,
        "standard_minutes": line.minutes,
        "frequency": line.frequency,
        "period": line.period,
        "period_unit": line.unit,
        "staff_count": line.staff_count,
        "weekdays": line.weekdays,
        "answered_by": line.answered_by,
        "window": line.window and [f"{clock:%H:%M}" for clock in line.window],
    }
