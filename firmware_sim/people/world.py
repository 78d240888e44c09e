"""The district: recipients, staff and tags with their places, and the calls that put them into the service.

Everything follows from (seed, scale, day); persons, homes and tags from (seed, scale) alone, so that a district put
again on a later day is the same district.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property

from firmware_sim.people.catalogue import INTERVENTIONS, PROVIDERS, Provider
from firmware_sim.people.chips import Doors, Keyset, keyset_of
from firmware_sim.people.clock import rfc3339
from firmware_sim.people.district import homes_and_orders, staff_of, tags_of
from firmware_sim.people.records import STOCKHOLM, Body, Order, Recipient, Staff, Tag


@dataclass(frozen=True, slots=True)
class Call:
    """One request to the service: method, path below the base URL, JSON body."""

    method: str
    path: str
    body: Body


@dataclass(frozen=True)
class World:
    """A whole district. `starts_on` is when every order, employment and mount began."""

    seed: int
    starts_on: date
    recipients: tuple[Recipient, ...]
    staff: tuple[Staff, ...]
    orders: tuple[Order, ...]
    tags: tuple[Tag, ...]

    @cached_property
    def households(self) -> dict[str, list[Recipient]]:
        """The recipients by household ref."""
        homes: dict[str, list[Recipient]] = {}
        for recipient in self.recipients:
            homes.setdefault(recipient.household, []).append(recipient)
        return homes

    @cached_property
    def orders_of(self) -> dict[str, list[Order]]:
        """The orders by recipient ref."""
        orders: dict[str, list[Order]] = {recipient.ref: [] for recipient in self.recipients}
        for order in self.orders:
            orders[order.recipient].append(order)
        return orders

    @cached_property
    def tag_at(self) -> dict[str, Tag]:
        """The tag on a household's wall, by household ref."""
        return {tag.household: tag for tag in self.tags}

    @property
    def keyset(self) -> Keyset:
        """The keys of the district's dynamic tags."""
        return keyset_of(self.seed)

    def doors(self) -> Doors:
        """The chips of the dynamic tags, new."""
        return Doors.of(self.tags, self.keyset, self.seed, self.starts_on)

    @cached_property
    def _recipients_by_ref(self) -> dict[str, Recipient]:
        return {one.ref: one for one in self.recipients}

    def recipient(self, ref: str) -> Recipient:
        """The recipient with this ref."""
        return self._recipients_by_ref[ref]

    def lives_alone(self, ref: str) -> bool:
        """True if the recipient is the only one in the household."""
        return len(self.households[self.recipient(ref).household]) == 1

    @cached_property
    def providers(self) -> dict[str, Provider]:
        """Providers by ref."""
        return {one.ref: one for one in PROVIDERS}

    @cached_property
    def staff_by_ref(self) -> dict[str, Staff]:
        """Staff by ref."""
        return {one.ref: one for one in self.staff}

    def admin_calls(self) -> list[Call]:
        """An admin's calls before all others: the keys of the dynamic tags, if there are any."""
        dynamic = any(one.keyset for one in self.tags)
        return [_put("keysets", self.keyset.ref, self.keyset.body())] if dynamic else []

    def calls(self) -> list[list[Call]]:
        """The calls that put the district, in phases: within one the order is free, each needs the phases before it."""
        return [
            [_put("providers", one.ref, {"name": one.name, "form": one.form}) for one in PROVIDERS]
            + [
                _put(
                    "interventions",
                    one.ref,
                    {"title": one.title, "category": one.category, "standard_minutes": one.standard_minutes},
                )
                for one in INTERVENTIONS
            ]
            + [_put("recipients", one.ref, _recipient_body(one)) for one in self.recipients]
            + [_put("tags", one.ref, one.body()) for one in self.tags],
            [_put("staff", one.ref, self._staff_body(one)) for one in self.staff]
            + [_put("contracts", f"C-{one.ref[2:]}", self._contract_body(one)) for one in PROVIDERS]
            + [
                Call("POST", f"/v1/tags/{one.ref}/mount", {"household": one.household, "at": self._mounted_at()})
                for one in self.tags
            ]
            + [_put("orders", one.ref, self._order_body(one)) for one in self.orders],
        ]

    def _mounted_at(self) -> str:
        return rfc3339(datetime.combine(self.starts_on, time(8), STOCKHOLM))

    def _staff_body(self, staff: Staff) -> Body:
        # Delegations are renewed yearly in life; here they cover every day that the district can be asked to live.
        last = date(self.starts_on.year + 2, 12, 31)
        return {
            "provider": staff.provider,
            "role": staff.role,
            "valid_from": self.starts_on.isoformat(),
            "delegations": [
                {"intervention": ref, "valid_from": self.starts_on.isoformat(), "valid_to": last.isoformat()}
                for ref in staff.delegations
            ],
        }

    def _contract_body(self, provider: Provider) -> Body:
        return {
            "provider": provider.ref,
            "valid_from": self.starts_on.isoformat(),
            "split_policy": provider.split_policy,
            "report_required": provider.report_required,
            "compensation": {},
        }

    def _order_body(self, order: Order) -> Body:
        return {
            "recipient": order.recipient,
            "provider": order.provider,
            "valid_from": self.starts_on.isoformat(),
            "lines": [line.body() for line in order.lines],
            "pauses": [
                {"from": first.isoformat(), "to": last.isoformat(), "reason": reason}
                for first, last, reason in order.pauses
            ],
        }


def _put(kind: str, ref: str, body: Body) -> Call:
    return Call("PUT", f"/v1/{kind}/{ref}", body)


def _recipient_body(recipient: Recipient) -> Body:
    body: Body = {"birth_date": recipient.birth_on.isoformat(), "area": recipient.area}
    if recipient.household != recipient.ref:
        body["household"] = recipient.household
    if recipient.protected:
        body["protected"] = True
    return body


def build_world(
    seed: int,
    day_on: date,
    recipients: int = 60,
    staff: int = 25,
    *,
    starts_on: date | None = None,
    sun_share: float = 0.0,
) -> World:
    """The district on a local day; its orders began on `starts_on` [1 January of the year before].

    `sun_share` of the tags are dynamic (NTAG 424 DNA), the others static.

    Pauses cover the three calendar weeks around `day_on`. Raises ValueError for fewer than 20 staff.
    """
    monday = day_on - timedelta(days=day_on.weekday())
    pause = (monday - timedelta(days=7), monday + timedelta(days=13), "hospital")
    homes, orders = homes_and_orders(seed, recipients, pause)
    return World(
        seed=seed,
        starts_on=starts_on or date(day_on.year - 1, 1, 1),
        recipients=homes,
        staff=staff_of(seed, staff),
        orders=orders,
        tags=tags_of(seed, dict.fromkeys(one.household for one in homes), sun_share, keyset_of(seed).ref),
    )
