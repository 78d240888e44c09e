"""Master data for the derivation: recipients, staff, interventions, orders, contracts, tags, devices, keys.

A `MasterData` is filled record by record from the stored versions and answers look-ups by day or instant.
Recipients, staff and interventions have versions, each in force from its first day until the next one's; so the
order in which versions arrive never matters.
"""

import datetime as dt
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest
from typing import Any, Generic, Protocol, TypeVar

from app.domain.closed_sets import LICENSED, Category, Licensed
from app.domain.register.contract import Contract
from app.domain.register.device import Device
from app.domain.register.intervention import Intervention
from app.domain.register.order import Order, OrderLine, turns
from app.domain.register.recipient import Recipient
from app.domain.register.staff import Staff
from app.domain.register.tag import Tag
from app.domain.sun import KeysetKeys
from app.domain.time import ZERO, local_date


class _Version(Protocol):
    @property
    def valid_from(self) -> dt.date: ...


V = TypeVar("V", bound=_Version)
T = TypeVar("T")

MOST_REMEMBERED = 20_000


class Timeline(Generic[V]):
    """The versions of one record, ordered by first day; the same first day replaces."""

    __slots__ = ("versions",)

    def __init__(self) -> None:
        self.versions: list[V] = []

    def put(self, version: V) -> None:
        self.versions = [kept for kept in self.versions if kept.valid_from != version.valid_from]
        insort(self.versions, version, key=lambda kept: kept.valid_from)

    def on(self, day: dt.date) -> V | None:
        """The version in force that day; None before the first."""
        index = bisect_right(self.versions, day, key=lambda version: version.valid_from)
        return self.versions[index - 1] if index else None


def _timelines() -> defaultdict[str, Timeline[V]]:
    return defaultdict(Timeline)


@dataclass(slots=True)
class MasterData:
    """One municipality's master data, by ref. `seq` is the number of the last stored record taken in."""

    seq: int = 0
    recipients: defaultdict[str, Timeline[Recipient]] = field(default_factory=_timelines)
    staff: defaultdict[str, Timeline[Staff]] = field(default_factory=_timelines)
    interventions: defaultdict[str, Timeline[Intervention]] = field(default_factory=_timelines)
    orders: dict[str, tuple[Order, ...]] = field(default_factory=dict)
    contracts: dict[str, Contract] = field(default_factory=dict)
    tags: dict[str, Tag] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    keysets: dict[str, str] = field(default_factory=dict)
    keys: dict[str, KeysetKeys] = field(default_factory=dict)
    providers: set[str] = field(default_factory=set)
    payers: set[str] = field(default_factory=set)
    _memory: dict[Any, Any] = field(default_factory=dict)
    _residents: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _orders_of: defaultdict[str, list[Order]] = field(default_factory=lambda: defaultdict(list))
    _refs_of: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _person_of: dict[str, str] = field(default_factory=dict)
    _tag_of_uid: dict[str, str] = field(default_factory=dict)
    _contracts_of: defaultdict[str, list[Contract]] = field(default_factory=lambda: defaultdict(list))

    def remembered(self, key: tuple[Any, ...], find: Callable[[], T]) -> T:
        """The result of `find` for the present master data; computed once, and forgotten with the next change."""
        known: T | None = self._memory.get(key)
        if known is None:
            if len(self._memory) >= MOST_REMEMBERED:
                self._memory.clear()
            known = self._memory[key] = find()
        return known

    def put_recipient(self, recipient: Recipient) -> None:
        self._memory.clear()
        self.recipients[recipient.ref].put(recipient)
        self._residents[recipient.household].add(recipient.ref)

    def drop_recipient(self, ref: str) -> None:
        """Forget a recipient of whom nothing is kept any more."""
        self._memory.clear()
        timeline = self.recipients.pop(ref, None)
        for version in timeline.versions if timeline else ():
            self._residents[version.household].discard(ref)

    def put_staff(self, staff: Staff) -> None:
        self._memory.clear()
        timeline = self.staff[staff.ref]
        timeline.put(staff)
        person = timeline.versions[-1].person
        self._refs_of[self._person_of.get(staff.ref, person)].discard(staff.ref)
        self._person_of[staff.ref] = person
        self._refs_of[person].add(staff.ref)

    def put_intervention(self, intervention: Intervention) -> None:
        self._memory.clear()
        self.interventions[intervention.ref].put(intervention)

    def put_order(self, *parts: Order) -> None:
        """Put an order: one, or its parts where it was put again from a day on."""
        ref = parts[0].ref
        self.drop_order(ref)
        self.orders[ref] = parts
        for part in parts:
            insort(self._orders_of[part.recipient], part, key=lambda kept: (kept.ref, kept.valid_from))

    def drop_order(self, ref: str) -> None:
        self._memory.clear()
        for old in self.orders.pop(ref, ()):
            self._orders_of[old.recipient].remove(old)

    def put_contract(self, contract: Contract) -> None:
        old = self.contracts.get(contract.ref)
        if old is not None:
            self._contracts_of[old.provider].remove(old)
        self.contracts[contract.ref] = contract
        self._contracts_of[contract.provider].append(contract)

    def put_tag(self, tag: Tag) -> None:
        old = self.tags.get(tag.ref)
        if old is not None:
            self._tag_of_uid.pop(old.uid, None)
        self.tags[tag.ref] = tag
        self._tag_of_uid[tag.uid] = tag.ref

    def person_of(self, staff: str) -> str:
        """The person behind a staff ref; an unknown ref counts as a person of its own until it is registered."""
        return self._person_of.get(staff, staff)

    def refs_of(self, person: str) -> list[str]:
        """The sorted staff refs whose `person_of` is this person."""
        refs = self._refs_of.get(person, set())
        return sorted(refs if person in self._person_of else {*refs, person})

    def employers_of(self, person: str) -> set[str]:
        """Every provider that the person works for, worked for or will work for."""
        return {version.provider for ref in self._refs_of.get(person, ()) for version in self.staff[ref].versions}

    def staff_on(self, ref: str, on: dt.date) -> Staff | None:
        """The employment of the day; before its first day the first one, after its last day the last one."""
        timeline = self.staff.get(ref)
        if timeline is None:
            return None
        return timeline.on(on) or timeline.versions[0]

    def is_employed(self, staff: str, at: dt.datetime) -> bool:
        """True when a staff ref has a current employment at an instant."""
        on = local_date(at)
        employment = self.staff_on(staff, on)
        return employment is not None and employment.holds(on)

    def provider_of(self, staff: str, at: dt.datetime) -> str | None:
        """The employer of a staff ref at an instant, by `staff_on`; None for an unknown one."""
        employment = self.staff_on(staff, local_date(at))
        return employment.provider if employment else None

    def recipient_on(self, ref: str, on: dt.date) -> Recipient | None:
        """The version of a recipient in force that day; None before the first."""
        timeline = self.recipients.get(ref)
        return timeline.on(on) if timeline else None

    def died_on(self, ref: str) -> dt.date | None:
        """The day of the recipient's death by the newest version, so a death reported late counts from its own day."""
        timeline = self.recipients.get(ref)
        return timeline.versions[-1].died_on if timeline else None

    def residents(self, household: str, on: dt.date) -> list[str]:
        """The refs of the recipients who live there that day, sorted.

        If nobody lives there that day, whoever moved out last, otherwise whoever moves in first. So a tap at a door
        where anybody was ever registered is somebody's visit, whatever day a move is registered for.
        """
        distances: list[tuple[tuple[int, dt.timedelta], str]] = []
        for ref in self._residents.get(household, ()):
            versions = self.recipients[ref].versions
            for version, following in zip_longest(versions, versions[1:]):
                if version.household != household:
                    continue
                if version.valid_from > on:
                    distances.append(((2, version.valid_from - on), ref))
                elif following is not None and following.valid_from <= on:
                    distances.append(((1, on - following.valid_from), ref))
                else:
                    distances.append(((0, ZERO), ref))
        nearest = min(distances)[0] if distances else None
        return sorted(ref for distance, ref in distances if distance == nearest)

    def period(self, household: str, on: dt.date) -> int:
        """The number of the household's period that the day is in: within one, residents and orders stay the same."""
        return bisect_right(self.remembered((household,), partial(self._turns, household)), on)

    def _turns(self, household: str) -> list[dt.date]:
        """The sorted days on which residents, deaths, orders or catalogue entries of the household change."""
        days: set[dt.date] = set()
        for ref in self._residents.get(household, ()):
            versions = self.recipients[ref].versions
            days.update(version.valid_from for version in versions)
            died_on = versions[-1].died_on
            if died_on is not None and died_on < dt.date.max:
                days.add(died_on + dt.timedelta(days=1))
            for order in self.orders_of(ref):
                days.update(turns(order))
                for line in order.lines:
                    if line.intervention in self.interventions:
                        days.update(version.valid_from for version in self.interventions[line.intervention].versions)
        return sorted(days)

    def has_household(self, household: str) -> bool:
        """True when anybody has ever lived there."""
        return household in self._residents

    def homes_of(self, recipients: Collection[str]) -> list[str]:
        """The sorted households where these recipients ever lived, and nobody else ever did."""
        versions = [
            version for ref in recipients if ref in self.recipients for version in self.recipients[ref].versions
        ]
        return sorted({one.household for one in versions if self._residents[one.household] <= {*recipients}})

    def household_of(self, recipient: str) -> set[str]:
        """The recipient, and everybody who ever lived in a household where the recipient ever did."""
        versions = self.recipients[recipient].versions if recipient in self.recipients else []
        return {recipient}.union(*(self._residents[version.household] for version in versions))

    def orders_of(self, recipient: str) -> list[Order]:
        """Every order of the recipient, sorted by ref and first day."""
        return self._orders_of.get(recipient, [])

    def category_of(self, intervention: str, on: dt.date) -> Category | None:
        """The category of an intervention that day; before its first day, the first one. None for an unknown one."""
        version = self._intervention_on(intervention, on)
        return version.category if version else None

    def minutes_of(self, intervention: str, line: OrderLine | None, on: dt.date) -> int:
        """The line's standard minutes, else the catalogue's that day, else 0."""
        if line is not None and line.standard_minutes is not None:
            return line.standard_minutes
        version = self._intervention_on(intervention, on)
        return version.standard_minutes if version else 0

    def licensed_of(self, intervention: str) -> Licensed | None:
        """The kind of licensed health care, by the newest version with that category; None for other interventions.

        If the catalogue does not state it, `rehab` is rehabilitation and everything else nursing.
        """
        timeline = self.interventions.get(intervention)
        kinds = [one.licensed for one in timeline.versions if one.category == LICENSED] if timeline else []
        return (kinds[-1] or ("rehabilitation" if intervention == "rehab" else "nursing")) if kinds else None

    def _intervention_on(self, ref: str, on: dt.date) -> Intervention | None:
        timeline = self.interventions.get(ref)
        if timeline is None:
            return None
        return timeline.on(on) or timeline.versions[0]

    def contract_of(self, provider: str, on: dt.date) -> Contract | None:
        """The provider's contract that day; None without one. Two of one provider never overlap."""
        for contract in self._contracts_of.get(provider, ()):
            if contract.valid_from <= on and (contract.valid_to is None or on <= contract.valid_to):
                return contract
        return None

    def tag_by_uid(self, uid: str) -> Tag | None:
        """The tag with this UID (upper-case hex)."""
        ref = self._tag_of_uid.get(uid)
        return self.tags[ref] if ref else None
