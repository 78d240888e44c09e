"""The closed sets of words that the rules, the API and the database share. Each stands here once.

A set that one module alone uses stands there. The database's checks are made of these sets in `store.schema`, which a
test compares with the migrations.
"""

from collections.abc import Mapping
from typing import Final, Literal

# Help

Category = Literal["SERVICE", "CARE", "DELEGATED_HSL", "ALARM", "LICENSED_HSL", "MEAL"]
DELEGATED: Final = "DELEGATED_HSL"
ALARM: Final = "ALARM"
LICENSED: Final = "LICENSED_HSL"
Law = Literal["SoL", "HSL"]
LAWS: Mapping[Category, Law] = {
    "SERVICE": "SoL",
    "CARE": "SoL",
    "ALARM": "SoL",
    "MEAL": "SoL",
    "DELEGATED_HSL": "HSL",
    "LICENSED_HSL": "HSL",
}
"""The law under which help of each category is given."""
Licensed = Literal["nursing", "rehabilitation"]
"""Kinds of licensed health care: nursing is paid by month and visit where rehabilitation is paid by visit alone."""
SOL_TIME: frozenset[Category] = frozenset({"SERVICE", "CARE"})
"""Help under the Social Services Act that is granted as time; used by executed share, fees and half-year reports."""
HEALTH_CARE = frozenset(category for category, law in LAWS.items() if law == "HSL")
PeriodUnit = Literal["d", "wk", "mo"]
"""The unit of the period in which an order line is repeated: day, week or month."""

# Parties and callers

Area = Literal["URBAN", "RURAL", "ARCHIPELAGO"]
ProviderForm = Literal["in_house", "external", "external_vat"]
"""The municipality's own provider, or one outside it, exempt from or liable to value added tax."""
Profession = Literal["care_assistant", "assistant_nurse", "licensed", "trainee", "night_patrol", "alarm_team"]
"""The profession of a member of staff, called `role` on the wire."""
DelegationState = Literal["coming", "valid", "expiring", "expired", "revoked"]
ClientRole = Literal["planner", "system", "controller", "inspector", "auditor", "admin"]
Role = Literal["staff", "case_officer", ClientRole]
"""The role of a caller by its token; a client is never `staff` nor `case_officer`, who are persons."""
EmergencyReason = Literal["danger_to_life", "danger_to_health", "missing_person", "suspected_abuse"]
"""The reason for reading somebody's visits without a consent."""
LoginMethod = Literal["issuer", "link", "passkey"]
"""The way in which a person logged in: by an identity provider, a login link or a passkey."""

# Tags, taps and reports

TagKind = Literal["ntag424", "static"]
TagState = Literal["blank", "provisioned", "shipped", "mounted", "active", "suspended", "lost", "tampered", "retired"]
KeysetState = Literal["active", "verify_only", "retired", "compromised"]
Direction = Literal["in", "out", "auto"]
ClaimedDirection = Literal[Direction, "control"]
"""The direction that a phone states; a control tap is an inspector's and opens no presence."""
KeptVerdict = Literal["accepted", "disputed"]
Verdict = Literal[KeptVerdict, "refused"]
ItemVerdict = Literal["accepted", "refused"]
"""The verdict on an item that cannot be disputed: a report, a visit by hand, a repair."""
ItemKind = Literal["tap", "report"]
Outcome = Literal["performed", "declined", "no_answer"]
"""The outcome of a visit, as reported."""
PartOutcome = Literal["done", "declined", "not_done"]
"""The outcome of one intervention in it."""

# Visits

PresenceState = Literal["open", "incomplete", "complete", "omitted"]
Status = Literal["open", "incomplete", "complete", "declined", "no_answer", "omitted", "disputed"]
"""The status of a visit."""
Level = Literal["sun_online", "sun_late", "static", "off_site", "system_down", "manual"]
"""Levels of evidence, the strongest first. Entries by hand away from home, or while the system was down, have their
own."""
Evidence = Literal["sun_online", "sun_late", "static", "manual", "disputed"]
"""The evidence of an end on the wire."""
Severity = Literal["fix", "acknowledge"]
"""`fix`: the anomaly is to be repaired. `acknowledge`: it only has to be seen."""
AnomalyState = Literal["open", "acknowledged", "resolved"]
CorrectionKind = Literal[
    "set_start",
    "set_end",
    "set_interventions",
    "set_staff",
    "set_recipient",
    "omit",
    "restore",
    "acknowledge",
    "resolve",
    "settle_dispute",
    "attest",
    "undo",
]
