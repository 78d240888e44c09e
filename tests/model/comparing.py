"""Visits of the wire in the form of the model's, and what to look at where the two differ."""

from driver import utc

AS_TOLD = [
    "group",
    "taps",
    "recipient",
    "provider",
    "staff",
    "role",
    "household",
    "provisional",
    "local_date",
    "presence_seconds",
    "seconds",
    "status",
    "payable",
    "evidence",
    "counted_as",
]


def comparable(visit):
    """A visit of the wire without its id and version, and without what only the service words: reasons, suggestions."""
    assert all(share["reason"] for share in visit["shares"])
    return {
        **{name: visit[name] for name in AS_TOLD},
        "started_at": utc(visit["started_at"]),
        "ended_at": utc(visit["ended_at"]),
        "presence": [(utc(start), utc(end)) for start, end in visit["presence"]],
        "shares": [{name: value for name, value in share.items() if name != "reason"} for share in visit["shares"]],
        "anomalies": {one["code"]: one["state"] for one in visit["anomalies"]},
        "corrections": [(one["id"], one["kind"]) for one in visit["corrections"]],
    }


def difference(found, wanted):
    """What to look at when the two do not agree."""
    lines = []
    for id_ in sorted({*found, *wanted}):
        if id_ not in found or id_ not in wanted:
            lines.append(f"{id_}: only the {'service' if id_ in found else 'model'} has it")
            lines.append(str(found.get(id_) or wanted.get(id_)))
            continue
        lines += [
            f"{id_} {name}: service {found[id_][name]} model {value}"
            for name, value in wanted[id_].items()
            if found[id_][name] != value
        ]
    return "\n".join(lines)
