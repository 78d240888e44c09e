"""The small municipality that the stories happen in: two providers' staff, singles, couples, one tag a door."""

import datetime as dt
from zoneinfo import ZoneInfo

from chip import KEYSET, Chip

STOCKHOLM = ZoneInfo("Europe/Stockholm")
INTERVENTIONS = {
    "dusch": ("CARE", 20),
    "lunch": ("CARE", 30),
    "tillsyn": ("CARE", 10),
    "städ": ("SERVICE", 45),
    "inköp": ("SERVICE", 60),
    "insulin": ("DELEGATED_HSL", 10),
    "larm": ("ALARM", 15),
    "såromläggning": ("LICENSED_HSL", 30),
}
STAFF = {
    "S-1": ("P-norr", "care_assistant"),
    "S-2": ("P-norr", "assistant_nurse"),
    "S-3": ("P-norr", "care_assistant"),  # without any delegation
    "S-trainee": ("P-norr", "trainee"),
    "S-alarm": ("P-norr", "alarm_team"),
    "S-night": ("P-norr", "night_patrol"),
    "S-south": ("P-syd", "care_assistant"),
}
HOMES = {"B-1": "H-1", "B-2": "H-2", "B-3": "H-3", "B-a": "H-par", "B-b": "H-par"}
TAGS = {"H-1": "04000000000001", "H-2": "04000000000002", "H-3": "04000000000003", "H-par": "04000000000004"}
H1, H2, H3, PAR = TAGS.values()
BEGAN_ON = "2026-01-01"


def on(date, clock, *, second_pass=False):
    """An instant on a Swedish clock of a day in the calendar; `second_pass` where the clock goes back."""
    at = dt.datetime.combine(dt.date.fromisoformat(date), dt.time.fromisoformat(clock), STOCKHOLM)
    # In UTC, because Python lets no instant of the repeated hour equal one of another zone.
    return at.replace(fold=int(second_pass)).astimezone(dt.UTC)


def ago(**since):
    """An instant so long before now, in whole seconds."""
    return dt.datetime.now(dt.UTC).replace(microsecond=0) - dt.timedelta(**since)


def line(ref, intervention, minutes=None, *, frequency=7, staff_count=1, weekdays=None, window=None):
    """An order line: so many times a week."""
    return {
        "ref": ref,
        "intervention": intervention,
        "standard_minutes": minutes,
        "frequency": frequency,
        "period": 1,
        "period_unit": "wk",
        "staff_count": staff_count,
        "weekdays": weekdays,
        "window": window,
    }


def order(recipient, *lines, provider="P-norr", valid_from=BEGAN_ON, valid_to=None, pauses=()):
    """An order with its lines; a pause is its first and last day."""
    return {
        "recipient": recipient,
        "provider": provider,
        "valid_from": valid_from,
        "valid_to": valid_to,
        "lines": list(lines),
        "pauses": [{"from": first, "to": last, "reason": "hospital"} for first, last in pauses],
    }


def recipient(ref, **more):
    """A recipient at home."""
    return {"household": HOMES[ref], "area": "URBAN", "birth_date": "1940-01-01", "protected": False} | more


def staff(ref, **more):
    """An employee; all but S-3 may give insulin."""
    provider, role = STAFF[ref]
    given = [] if ref == "S-3" else [{"intervention": "insulin", "valid_from": BEGAN_ON}]
    return {"provider": provider, "role": role, "valid_from": BEGAN_ON, "delegations": given} | more


def contract(split_policy="proportional", *, report_required=False):
    """A contract with P-norr."""
    return {
        "provider": "P-norr",
        "valid_from": BEGAN_ON,
        "split_policy": split_policy,
        "report_required": report_required,
        "compensation": {},
    }


ORDERS = {  # B-3 has nothing granted
    "O-1": order("B-1", line("1", "dusch"), line("2", "insulin")),
    "O-2": order("B-2", line("1", "lunch")),
    "O-a": order("B-a", line("1", "dusch", 20)),
    "O-b": order("B-b", line("1", "tillsyn", 10)),
}


async def settle(service):
    """Put the municipality in place."""
    for provider in ("P-norr", "P-syd"):
        await service.put("providers", provider, {"name": provider, "form": "external"})
    for ref, (category, minutes) in INTERVENTIONS.items():
        body = {"title": ref, "category": category, "standard_minutes": minutes}
        await service.put("interventions", ref, body)
    for ref in HOMES:
        await service.put("recipients", ref, recipient(ref))
    for ref in STAFF:
        await service.put("staff", ref, staff(ref))
    for household, uid in TAGS.items():
        await service.put("tags", f"T-{household}", {"kind": "static", "uid": uid})
        await service.mount(f"T-{household}", household, on(BEGAN_ON, "08:00"))
    for ref, body in ORDERS.items():
        await service.put("orders", ref, body)


def codes(visit):
    """The anomalies of a visit, by code."""
    return {anomaly["code"] for anomaly in visit["anomalies"]}


def suggestion(visit, code):
    """The repair that the visit itself suggests for an anomaly."""
    [found] = [anomaly["suggestion"] for anomaly in visit["anomalies"] if anomaly["code"] == code]
    return found


def shares(visit):
    """What the seconds went to: (intervention, seconds, payable)."""
    return [(share["intervention"], share["seconds"], share["payable"]) for share in visit["shares"]]


def reasons(visit):
    """By which rule, or why not payable, share by share."""
    return [share["reason"] for share in visit["shares"]]


def at(text):
    """An instant of an answer, to compare with one of the story; None stays None."""
    return None if text is None else dt.datetime.fromisoformat(text)


def spans(visit):
    """The presence as instants."""
    return [(at(start), at(end)) for start, end in visit["presence"]]


async def with_chip(home):
    """The home, whose tag of H-1 is a chip with keys from now on."""
    await home.put("keysets", "k1", KEYSET, role="admin")
    await home.put("tags", "T-H-1", {"kind": "ntag424", "uid": TAGS["H-1"], "keyset": "k1"})
    home.chip = Chip(TAGS["H-1"])
    return home
