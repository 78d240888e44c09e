"""The truth log: the true events, and the results that a correct service must derive from them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Presence:
    """One person in one home from `in_at` to `out_at` (true instants), for `recipients`.

    `seconds` is the sum of `spans`, without the time of an alarm elsewhere. `in_tap` and `out_tap` are the ids of the
    taps that the person made at this door, None without one. `statuses` are the possible ones (a visit with a
    forgotten end stays open for a while); `codes` are required among its anomalies, `possible_codes` are allowed.
    `slack_seconds` is the allowed difference of the service's seconds.
    """

    staff: str
    provider: str
    role: str
    household: str
    recipients: tuple[str, ...]
    in_at: datetime
    out_at: datetime
    spans: tuple[Span, ...]
    in_tap: str | None
    out_tap: str | None
    report: str | None
    part: str
    mistake: str | None
    statuses: tuple[str, ...]
    codes: tuple[str, ...]
    possible_codes: tuple[str, ...]
    payable: bool
    evidence: tuple[str | None, str | None]
    slack_seconds: int = 0

    @property
    def seconds(self) -> int:
        """Whole seconds in the home."""
        return sum(int((end - start).total_seconds()) for start, end in self.spans)

    @property
    def key(self) -> str:
        """The id of the tap that names the presence: the IN, else the OUT."""
        return self.in_tap or self.out_tap or ""


@dataclass(frozen=True, slots=True)
class Missed:
    """An occasion without a visit."""

    provider: str
    household: str
    recipients: tuple[str, ...]
    window: Span


@dataclass(frozen=True, slots=True)
class Truth:
    """A day's log. `verdicts` holds (verdict, code) of the taps that must not be accepted; all others must be."""

    seed: int
    on: date
    presences: tuple[Presence, ...]
    missed: tuple[Missed, ...]
    verdicts: Mapping[str, tuple[str, str]]

    def to_json(self) -> str:
        """The log as a JSON text."""
        return json.dumps(_plain(self), ensure_ascii=False, indent=1, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Truth":
        """The log in a text of `to_json`. Raises ValueError, KeyError or TypeError for anything else."""
        raw = json.loads(text)
        return cls(
            seed=raw["seed"],
            on=date.fromisoformat(raw["on"]),
            presences=tuple(_presence(one) for one in raw["presences"]),
            missed=tuple(
                Missed(one["provider"], one["household"], tuple(one["recipients"]), _span(one["window"]))
                for one in raw["missed"]
            ),
            verdicts={tap: (verdict, code) for tap, (verdict, code) in raw["verdicts"].items()},
        )


def _plain(value: Any) -> Any:
    match value:
        case Truth() | Presence() | Missed():
            plain = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
            return plain | ({"seconds": value.seconds} if isinstance(value, Presence) else {})
        case datetime() | date():
            return value.isoformat()
        case Mapping():
            return {key: _plain(one) for key, one in value.items()}
        case tuple():
            return [_plain(one) for one in value]
        case _:
            return value


def _span(raw: list[str]) -> Span:
    start, end = raw
    return datetime.fromisoformat(start), datetime.fromisoformat(end)


def _presence(raw: dict[str, Any]) -> Presence:
    tuples = {name: tuple(raw[name]) for name in ("recipients", "statuses", "codes", "possible_codes", "evidence")}
    instants = {name: datetime.fromisoformat(raw[name]) for name in ("in_at", "out_at")}
    plain = {key: value for key, value in raw.items() if key != "seconds"}
    return Presence(**(plain | tuples | instants | {"spans": tuple(_span(one) for one in raw["spans"])}))
