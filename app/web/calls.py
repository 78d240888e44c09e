"""The beginning of the documentation: roles, how to get a token, and five calls. The tests make these calls."""

from collections.abc import Mapping
from typing import NamedTuple

ROLES: Mapping[str, str] = {
    "staff": "A carer with a phone: sends taps and reports, reads the own visits of the last two days.",
    "case_officer": "Who decides on a person's help: reads recipients, orders and measures, visits with consent.",
    "planner": "Who plans for one provider: reads and corrects its visits, manages its staff, phones and tags.",
    "system": "The municipality's systems: put master data and orders, pull visits, executed time and pay.",
    "controller": "Who follows up for the municipality: reads all visits and measures, closes months.",
    "inspector": "Who comes to see: asks who is logged in at a door, and makes control taps.",
    "auditor": "Who verifies the ledger, and reads nothing else.",
    "admin": "Whoever runs the municipality's installation: everything within it.",
}


class Call(NamedTuple):
    """A shell command with its explanation."""

    title: str
    text: str
    shell: str


TOKEN = (
    Call(
        "To try things out",
        "On the machine of the service, for an hour. A planner's suffices for the calls below.",
        "TOKEN=$(taggad token --municipality 188 --role planner --provider P-norr)",
    ),
    Call(
        "A machine",
        "An admin makes a client with `POST /v1/clients`, whose secret is shown once. A token lasts fifteen minutes.",
        "curl -s -u 188.ekonomi:$SECRET -d grant_type=client_credentials $TAGGAD/oauth/token",
    ),
    Call(
        "A phone",
        "A planner gets a code with `POST /v1/devices`, and the phone changes it for trust in a key of its own.",
        "curl -s -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \\\n"
        '  -d \'{"staff": "S-07"}\' $TAGGAD/v1/devices',
    ),
)
_AUTH = 'curl -s -H "Authorization: Bearer $TOKEN"'
CALLS = (
    Call(
        "List visits",
        "Whole visits, oldest first. A page leads on to the next one by `next`, and by `Link`.",
        f'{_AUTH} \\\n  "$TAGGAD/v1/visits?from=2026-10-01&to=2026-10-31&limit=10"',
    ),
    Call(
        "Read one of them",
        "With `-i` curl shows the headers too: `ETag` is the version you have read.",
        f"{_AUTH} -i $TAGGAD/v1/visits/$VISIT",
    ),
    Call(
        "Correct it",
        "`If-Match` holds the version, so that nobody overwrites a version unseen (412). You choose the"
        " `id` once. With it you can safely send the same correction again.",
        f"{_AUTH} -H 'If-Match: \"1\"' -H 'Content-Type: application/json' \\\n"
        '  -d \'{"id": "019a0f80-12aa-7b02-8a7b-5d8b7a0c1e22", "kind": "set_end",\n'
        '       "ended_at": "2026-10-24T09:01:02Z", "reason": "forgot_out"}\' \\\n'
        "  $TAGGAD/v1/visits/$VISIT/corrections",
    ),
    Call(
        "Get executed time",
        "As CSV for a spreadsheet. Such lists also come as XLSX, Parquet, lines of JSON and plain CSV.",
        f"{_AUTH} -H 'Accept: text/csv' \\\n  \"$TAGGAD/v1/executed-time?month=2026-10&by=recipient,category\"",
    ),
    Call(
        "Follow what changes",
        "Every visit that is new or has changed. Ask again from `next`, as often as you like.",
        f'{_AUTH} "$TAGGAD/v1/changes?after=0&limit=10"',
    ),
)
