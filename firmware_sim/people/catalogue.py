"""The catalogue and the providers of the example municipality, as constants."""

from dataclasses import dataclass

MUNICIPALITY_ID = 188  # Norrtälje


@dataclass(frozen=True, slots=True)
class Intervention:
    """One row of the municipality's catalogue; `standard_minutes` whole minutes."""

    ref: str
    title: str
    category: str
    standard_minutes: int


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider with its contract's rules for splitting and reporting."""

    ref: str
    name: str
    form: str
    split_policy: str
    report_required: bool


INTERVENTIONS = (
    Intervention("stad", "Städning", "SERVICE", 60),
    Intervention("inkop", "Inköp", "SERVICE", 50),
    Intervention("tvatt", "Tvätt", "SERVICE", 45),
    Intervention("morgon", "Morgonhjälp", "CARE", 25),
    Intervention("dusch", "Dusch", "CARE", 30),
    Intervention("maltidsstod", "Måltidsstöd", "CARE", 20),
    Intervention("kvall", "Kvällshjälp", "CARE", 20),
    Intervention("forflyttning", "Förflyttning med lyft", "CARE", 25),
    Intervention("promenad", "Promenad", "CARE", 30),
    Intervention("natt-tillsyn", "Tillsyn på natten", "CARE", 10),
    Intervention("lakemedel", "Läkemedel", "DELEGATED_HSL", 10),
    Intervention("insulin", "Insulin", "DELEGATED_HSL", 10),
    Intervention("stodstrumpor", "Stödstrumpor", "DELEGATED_HSL", 8),
    Intervention("larm", "Larmuppdrag", "ALARM", 15),
    Intervention("matdistribution", "Matdistribution", "MEAL", 5),
    Intervention("sjukskoterska", "Sjuksköterskebesök", "LICENSED_HSL", 30),
)
BY_REF = {intervention.ref: intervention for intervention in INTERVENTIONS}
DELEGATED = tuple(one.ref for one in INTERVENTIONS if one.category == "DELEGATED_HSL")

# The first is the municipality's own and also runs nights, alarms and licensed care for everybody.
PROVIDERS = (
    Provider("P-norr", "Utförare norr", "in_house", "proportional", report_required=True),
    Provider("P-stad", "Utförare stad", "external", "proportional", report_required=False),
    Provider("P-kust", "Utförare kust", "external_vat", "reported", report_required=True),
    Provider("P-land", "Utförare land", "external", "hsl_first", report_required=False),
    Provider("P-ostra", "Utförare östra", "external_vat", "hsl_first", report_required=True),
)
COMMON_PROVIDER = PROVIDERS[0].ref

# The windows never touch, so a visit that starts inside one asks for the lines of that one occasion.
MORNING = ("07:00", "10:00")
FORENOON = ("10:00", "11:30")
LUNCH = ("11:30", "13:30")
AFTERNOON = ("13:30", "16:30")
EVENING = ("17:00", "21:30")
NIGHT = ("22:00", "06:00")

# An intervention in no order of this district. It is given all the same, and shows as not ordered.
NEVER_ORDERED = "promenad"

TRAVEL_SECONDS = {"URBAN": (240, 480), "RURAL": (480, 1080), "ARCHIPELAGO": (780, 1500)}
