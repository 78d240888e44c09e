"""The categories of help, and the law under which each is given."""

from collections.abc import Mapping
from typing import Final, Literal

Category = Literal["SERVICE", "CARE", "DELEGATED_HSL", "ALARM", "LICENSED_HSL", "MEAL"]
DELEGATED: Final = "DELEGATED_HSL"
ALARM: Final = "ALARM"
LICENSED: Final = "LICENSED_HSL"
Law = Literal["SoL", "HSL"]
LAWS: Mapping[str, Law] = {
    "SERVICE": "SoL",
    "CARE": "SoL",
    "ALARM": "SoL",
    "MEAL": "SoL",
    "DELEGATED_HSL": "HSL",
    "LICENSED_HSL": "HSL",
}
Licensed = Literal["nursing", "rehabilitation"]
"""Kinds of licensed health care: nursing is paid by month and visit where rehabilitation is paid by visit alone."""
SOL_TIME = frozenset({"SERVICE", "CARE"})
"""Help under the Social Services Act that is granted as time; used by executed share, fees and half-year reports."""
