"""The basis of a recipient's fee: a level by the hours of a month, a cap, and the notice clock of cancelled help.

The fee itself is not computed here: it also depends on income, rent and the municipality's own decisions.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from app.domain.closed_sets import ALARM, SOL_TIME
from app.domain.money.absence import FEE_NOTICE_HOURS, is_free_of_fee
from app.domain.money.compensation_input import Declined
from app.domain.register.granted import granted_seconds, lines_of
from app.domain.register.master import MasterData
from app.domain.register.order import ONE_DAY, Order, Pause
from app.domain.rounding import half_up
from app.domain.time import Days, day_start


@dataclass(frozen=True, slots=True)
class FeeProfile:
    """Parameters of one municipality's year. `levels`: (hours a month at most, share of the cap); above them, the cap.

    Notice must come `notice_hours` before a day begins; for a reason in `free_reasons` none is needed.
    """

    name: str
    cap_ore: int
    alarm_only: Fraction
    levels: tuple[tuple[int, Fraction], ...]
    notice_hours: int
    free_reasons: frozenset[str]


NORRTALJE_2022 = FeeProfile(
    name="norrtalje-2022",
    cap_ore=217_000,
    alarm_only=Fraction(10, 100),
    levels=((3, Fraction(30, 100)), (6, Fraction(60, 100)), (9, Fraction(80, 100))),
    notice_hours=FEE_NOTICE_HOURS,
    free_reasons=frozenset({"hospital", "death"}),
)
PROFILES: Mapping[str, FeeProfile] = {profile.name: profile for profile in (NORRTALJE_2022,)}


@dataclass(frozen=True, slots=True)
class FeeBasis:
    """One recipient's month: seconds to pay for, their level as a share of the cap, and the highest fee in öre."""

    recipient: str
    seconds: int
    alarm_only: bool
    level: Fraction
    fee_ore: int


def fee_basis(
    profile: FeeProfile, master: MasterData, orders: Iterable[Order], declined: Iterable[Declined], days: Days
) -> list[FeeBasis]:
    """The basis of each recipient with SERVICE, CARE or an alarm ordered on any of the days of a month, sorted by ref.

    Hours are granted time, including days cancelled too late, without single interventions declined in time.
    """
    seconds: Counter[str] = Counter()
    alarms: set[str] = set()
    charged = (replace(order, pauses=tuple(_in_time(profile, order.pauses, days[1]))) for order in orders)
    for line in lines_of(charged):
        recipient = line[0][0].recipient
        granted = granted_seconds(master, line, days)
        seconds[recipient] += sum(granted.get(category, 0) for category in SOL_TIME)
        if ALARM in granted:
            alarms.add(recipient)
    for one in declined:
        if one.category in SOL_TIME and _in_good_time(profile, one):
            seconds[one.recipient] = max(0, seconds[one.recipient] - one.minutes * 60)
    bases = [_basis(profile, ref, seconds[ref], ref in alarms) for ref in sorted({*seconds, *alarms})]
    return [one for one in bases if one.level]


def _in_time(profile: FeeProfile, pauses: Sequence[Pause], until: dt.date) -> Iterable[Pause]:
    """The pauses without the days that were cancelled too late. A pause without a noted time of notice is in time."""
    for pause in pauses:
        first = pause.first_on
        if pause.notified_at and pause.reason not in profile.free_reasons:
            while first <= until and not is_free_of_fee(pause.notified_at, day_start(first), profile.notice_hours):
                first += ONE_DAY
        if pause.last_on is None or first <= pause.last_on:
            yield replace(pause, first_on=first)


def _in_good_time(profile: FeeProfile, one: Declined) -> bool:
    return one.notified_at is not None and is_free_of_fee(one.notified_at, one.at, profile.notice_hours)


def _basis(profile: FeeProfile, recipient: str, seconds: int, has_alarm: bool) -> FeeBasis:
    alarm_only = has_alarm and not seconds
    if alarm_only:
        level = profile.alarm_only
    elif not seconds:
        level = Fraction(0)
    else:
        level = next((share for hours, share in profile.levels if seconds <= hours * 3600), Fraction(1))
    return FeeBasis(recipient, seconds, alarm_only, level, half_up(profile.cap_ore * level))
