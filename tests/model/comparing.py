"""Visits of the wire and visits of the model in one form, and what to look at where they differ."""

from driver import utc

COMPARED = [
    "taps",
    "recipient",
    "provider",
    "staff",
    "role",
    "household",
    "provisional",
    "presence_seconds",
    "seconds",
    "status",
    "payable",
    "evidence",
]


def key_of(visit):
    """What a visit is known by: its opening tap and its recipient."""
    return visit["taps"]["in"] or visit["taps"]["out"], visit["recipient"]


def comparable(visit):
    """A visit of the wire without its id and version, and without what only the service words: reasons, suggestions."""
    assert all(share["reason"] for share in visit["shares"])
    return {
        **{name: visit[name] for name in COMPARED},
        "group": visit["group"],
        "started_at": utc(visit["started_at"]),
        "ended_at": utc(visit["ended_at"]),
        "local_date": visit["local_date"],
        "presence": [(utc(start), utc(end)) for start, end in visit["presence"]],
        "shares": [{name: value for name, value in share.items() if name != "reason"} for share in visit["shares"]],
        "anomalies": {one["code"] for one in visit["anomalies"]},
    }


def written(visit):
    """The model's visit as the wire has it."""
    ids = {way: None if tap is None else str(tap) for way, tap in visit["taps"].items()}
    return visit | {"taps": ids, "group": str(visit["group"]), "local_date": visit["local_date"].isoformat()}


def difference(found, wanted):
    """What to look at when the two do not agree."""
    lines = []
    for key in sorted({*found, *wanted}):
        if key not in found or key not in wanted:
            lines.append(f"{key}: only the {'service' if key in found else 'model'} has it")
            lines.append(str(found.get(key) or wanted.get(key)))
            continue
        lines += [
            f"{key} {name}: service {found[key][name]} model {value}"
            for name, value in wanted[key].items()
            if found[key][name] != value
        ]
    return "\n".join(lines)
