"""A generated municipality with everything that measures look at, and how one would count it by hand."""

import datetime as dt
import random
from collections import Counter, defaultdict
from dataclasses import asdict
from uuid import UUID

from postgres import changing
from pydantic_core import from_json, to_json
from service import LEDGER_KEY

from app.domain.measures.measures import EVIDENCE_LEVELS, KOLADA_CLASSIC, Candidate, is_candidate, weakest
from app.domain.register.granted import granted_seconds
from app.domain.register.intervention import Intervention
from app.domain.register.master import MasterData
from app.domain.register.notices import Notice
from app.domain.register.order import Order, OrderLine, Pause, until_death
from app.domain.register.recipient import Recipient
from app.domain.time import FIRST_DAY, STOCKHOLM, UTC, local_date, month_days
from app.domain.visits.split import Share
from app.domain.visits.visit import NO_DURATION, Visit, visit_id
from app.store.connection import Progress, Writing
from app.store.ledger.ledger import Leaves
from app.store.ledger.macs import Macs
from app.store.register import orders as store_orders
from app.store.visits import projection
from app.store.visits.visit_row import StoredVisit

FIRST = dt.date(2026, 10, 15)  # the clocks change on the 25th
MONTHS = (month_days("2026-10")[0], month_days("2026-11")[1])
INTERVENTIONS = {
    "dusch": "CARE", "tillsyn": "CARE", "städ": "SERVICE", "insulin": "DELEGATED_HSL", "larm": "ALARM",
    "lunch": "MEAL", "sårvård": "LICENSED_HSL",
}  # fmt: skip
NOWHERE = 0.03
"""How often a visit is one of no time, which is none."""
NEIGHBOURS = {"B-05": "B-06", "B-06": "B-05"}
ROLES = [
    "care_assistant",
    "assistant_nurse",
    "care_assistant",
    "trainee",
    "licensed",
    "night_patrol",
    "alarm_team",
    None,
]
STATUSES = ["complete"] * 12 + ["declined", "open", "incomplete", "omitted", "disputed", "no_answer"]
CLOCKS = ["00:30", "02:30", "06:59", "07:00", "08:10", "09:00", "12:00", "16:30", "17:00", "21:59", "22:00", "23:55"]


def _birth(number):
    if number % 10 == 7:
        return None
    return FIRST.replace(year=1961) + dt.timedelta(days=[-9000, 0, 1, -3000, -1][number % 5])


class Town:
    """A municipality with its orders and visits, by seed: regular recipients, and every kind of exception."""

    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.people = [
            (f"S-{number}", f"p{number % 9}", self.dice.choice(ROLES), self.dice.choice(["P-1", "P-2", "P-3"]))
            for number in range(14)
        ]
        self.births = {f"B-{number:02}": _birth(number) for number in range(17)}
        self.deaths = {"B-02": FIRST + dt.timedelta(days=9), "B-08": FIRST, "B-09": FIRST - dt.timedelta(days=30)}
        self.master = MasterData()
        for name, category in INTERVENTIONS.items():
            self.master.put_intervention(Intervention(name, FIRST_DAY, category, 15))
        for ref, died_on in self.deaths.items():
            self.master.put_recipient(Recipient(ref, FIRST_DAY, ref, "URBAN", died_on=died_on))
        self.orders = [order for number, ref in enumerate(self.births) for order in self._orders(number, ref)]
        self.visits = [visit for number, ref in enumerate(self.births) for visit in self._visits(number, ref)]
        self.visits = list(self._grouped())
        self.notices = list(self._notices())
        self.told = [(visit, share, told_of(visit, share)) for visit in self.visits for share in visit.shares]

    def _orders(self, number, recipient):
        regular = number % 3 > 0
        orders = []
        for provider in self.dice.sample(["P-1", "P-2"], 1 if regular else self.dice.randrange(3)):
            first = FIRST - dt.timedelta(days=60) if regular else FIRST + dt.timedelta(days=self.dice.randint(-40, 20))
            last = None if regular else first + dt.timedelta(days=self.dice.randint(0, 60))
            lines = tuple(
                OrderLine(str(at), name, self.dice.choice([None, 7, 20, 45]), self.dice.randint(0, 4),
                          self.dice.randint(1, 3), self.dice.choice(["d", "wk", "mo"]), self.dice.randint(1, 2))
                for at, name in enumerate(self.dice.sample(sorted(INTERVENTIONS), 3))
            )  # fmt: skip
            starts = FIRST + dt.timedelta(days=self.dice.randint(-20, 30))
            pause = Pause(starts, self.dice.choice([None, starts + dt.timedelta(days=self.dice.randint(0, 9))]))
            if number == 5:
                pause = Pause(FIRST + dt.timedelta(days=13), None)
            pauses = (pause,) if number == 5 or self.dice.random() < (0.1 if regular else 0.5) else ()
            orders.append(Order(f"O-{recipient}-{provider}", recipient, provider, first, last, lines, pauses))
        return orders

    def _visits(self, number, recipient):
        regular = number % 3 > 0
        for offset in range(-16, 33):
            on = FIRST + dt.timedelta(days=offset)
            if regular:
                yield self._visit(recipient, on, "08:00", "complete", care=True)
                yield self._visit(recipient, on, "16:00", "complete", care=True)
                yield self._visit(recipient, on, "20:00", self.dice.choice(STATUSES))
            for clock in self.dice.sample(CLOCKS, self.dice.randint(0, 1)):
                yield self._visit(recipient, on, clock, self.dice.choice(STATUSES))

    def _visit(self, recipient, on, clock, status, *, care=False):
        staff, person, role, provider = self.dice.choice(self.people)
        start = dt.datetime.combine(on, dt.time.fromisoformat(clock), STOCKHOLM).astimezone(UTC)
        shares = tuple(self._shares(recipient, care=care)) if status == "complete" else ()
        seconds = sum(share.seconds for share in shares)
        presence = UUID(int=self.dice.getrandbits(128))
        levels = EVIDENCE_LEVELS if status == "complete" else (*EVIDENCE_LEVELS, None)
        return Visit(
            id=visit_id(presence, recipient), presence=presence, recipient=recipient, group=presence,
            provider=provider if role else None, staff=staff, person=person, role=role, household=recipient,
            in_tap=presence, out_tap=None, started_at=start, ended_at=start + dt.timedelta(seconds=seconds),
            provisional=False, local_date=local_date(start), status=status, payable=False,
            evidence_in=self.dice.choice(levels), evidence_out=self.dice.choice(levels),
            presence_seconds=seconds, seconds=seconds, spans=(), shares=shares, anomalies=(), suggestions={},
        )  # fmt: skip

    def _shares(self, recipient, *, care):
        """Some with their line, cut in two or not, some without one, or with nothing at all; an intervention once."""
        if not care and self.dice.random() < 0.1:
            yield Share(None, None, None, self.dice.randrange(4000), False, "not_ordered")
            return
        names = self.dice.sample(sorted(INTERVENTIONS), self.dice.randint(1, 4))
        for name in dict.fromkeys([*names, "dusch"] if care else names):
            line = self.dice.choice([None, f"O-{recipient}-P-1/{name}"])
            for payable in self.dice.choice([[True], [False], [True, False]]):
                yield Share(INTERVENTIONS[name], name, line, self.dice.randrange(3000), payable, "reported")

    def _grouped(self):
        """Now and then a visit meets the one before it, and something is declined, perhaps by who has no visit."""
        dice = random.Random(7)
        group = {}
        for visit in self.visits:
            met = group.get((visit.recipient, visit.local_date), visit.group)
            group[visit.recipient, visit.local_date] = met = met if dice.random() < 0.3 else visit.group
            who = dice.choice([visit.recipient, visit.recipient, NEIGHBOURS.get(visit.recipient, visit.recipient)])
            declined = [(who, name) for name in dice.sample(sorted(INTERVENTIONS), dice.choice([0, 0, 0, 1, 2]))]
            told = visit._replace(group=met, declined=tuple(declined) if visit.status == "complete" else ())
            yield without_time(told) if dice.random() < NOWHERE else told

    def _notices(self):
        """Some of an order's help, some of nobody's, on days in force and not."""
        dice = random.Random(9)
        for order in self.orders:
            for _ in range(6):
                on = FIRST + dt.timedelta(days=dice.randint(-40, 40))
                at = dt.datetime.combine(on, dt.time(dice.choice([0, 8, 23]), 30), STOCKHOLM).astimezone(UTC)
                provider = dice.choice([order.provider, order.provider, order.provider, "P-3"])
                intervention = dice.choice([None, order.lines[0].intervention, "larm"])
                yield Notice(order.recipient, provider, intervention, at, at - dt.timedelta(days=2))

    async def settle(self, owner):
        """Write it all: orders as they are placed, visits with their months' sums as the projection keeps them."""
        await owner.execute("INSERT INTO municipality (municipality_id, name, as_of) VALUES (188, 'Norrtälje', now())")
        await owner.execute("INSERT INTO provider SELECT 188, 'P-' || n, 'external' FROM generate_series(1, 3) AS n")
        await owner.executemany(
            "INSERT INTO intervention_version VALUES (188, $1, '(,)', $2, 15)", list(INTERVENTIONS.items())
        )
        await owner.executemany(
            "INSERT INTO recipient_version VALUES (188, $1, $2, $3, 'URBAN', $4, $5, false)",
            [
                (ref, span, min(ref, NEIGHBOURS.get(ref, ref)), birth, self.deaths.get(ref))
                for ref, birth in self.births.items()
                for span in self._versions()
            ],
        )
        bodies = {
            order.ref: {
                "recipient": order.recipient, "provider": order.provider, "valid_from": order.valid_from,
                "valid_to": order.valid_to,
                "pauses": [{"from": pause.first_on, "to": pause.last_on} for pause in order.pauses],
                "lines": [{name: getattr(line, name) for name in ("ref", "intervention", "standard_minutes",
                           "frequency", "period", "period_unit", "staff_count")} for line in order.lines],
            }
            for order in self.orders
        }  # fmt: skip
        await store_orders.put_orders(changing(owner), from_json(to_json(bodies)), [])
        macs = Macs([LEDGER_KEY])
        writing = Writing(
            188,
            owner,
            dt.datetime.now(UTC),
            Progress(dt.datetime.now(UTC), 0),
            master=MasterData(),
            leaves=Leaves(188, 0, None),
            macs=macs,
        )
        await projection.write(writing, visits=[StoredVisit(visit, 1) for visit in self.visits])
        await owner.executemany(
            "INSERT INTO record VALUES (188, 'declines', $1, 1, $2, now(), 'system', false, $3)",
            [
                (f"A-{number}", number, to_json(asdict(notice) | {"withdrawn": False}).decode())
                for number, notice in enumerate(self.notices)
            ],
        )
        await owner.execute("ANALYZE")

    def _versions(self):
        """One version of a recipient since ever, or two, the later from the middle of the measured days."""
        from asyncpg import Range  # noqa: PLC0415 - the driver's own value, wanted here alone

        moved = FIRST + dt.timedelta(days=5)
        return self.dice.choice([[Range(None, None)], [Range(None, moved), Range(moved, None)]])

    def executed(self, question):
        """The rows of executed time from the definition, one share at a time."""
        sums = defaultdict(lambda: [0, 0, 0, {}])
        for visit, share, told in self.told:
            if question.days[0] <= visit.local_date <= question.days[1] and fits(question, told):
                row = sums[tuple(told[key] for key in question.by)]
                row[0] += share.seconds
                row[1] += share.seconds * share.payable
                row[3][visit.id] = weakest(visit.evidence_in, visit.evidence_out)
        for order in self.orders if question.has_granted else ():
            for line in order.lines:
                for category, seconds in granted_seconds(self.master, [(order, line)], question.days).items():
                    told = {
                        "recipient": order.recipient, "provider": order.provider, "intervention": line.intervention,
                        "category": category, "order_line": f"{order.ref}/{line.ref}",
                    }  # fmt: skip
                    if seconds and fits(question, told):
                        sums[tuple(told[key] for key in question.by)][2] += seconds
        return {
            key: (executed, payable, granted if question.has_granted else None, len(visits), *levels_of(visits))
            for key, (executed, payable, granted, visits) in sums.items()
        }

    def candidates(self, provider=None, recipient=None):
        for ref, birth in self.births.items():
            orders = [
                alive
                for one in self.orders
                if one.recipient == ref and provider in {None, one.provider}
                if (alive := until_death(one, self.deaths.get(ref)))
            ]
            visits = [one for one in self.visits if one.recipient == ref and provider in {None, one.provider}]
            candidate = Candidate(ref, birth, orders, visits)
            if (ref == recipient) if recipient else is_candidate(KOLADA_CLASSIC, FIRST, candidate):
                yield candidate


def without_time(visit):
    """The same with nothing between its ends."""
    return visit._replace(seconds=0, presence_seconds=0, shares=(), declined=(), anomalies=(NO_DURATION,))


def levels_of(visits):
    """How many of the visits are shown at each level, the weakest first, as `FIGURES` has them."""
    counts = Counter(visits.values())
    return [counts[level] for level in reversed(EVIDENCE_LEVELS)]


def told_of(visit, share):
    return {
        "recipient": visit.recipient, "provider": visit.provider, "staff": visit.staff, "category": share.category,
        "intervention": share.intervention, "order_line": share.order_line, "local_date": visit.local_date,
    }  # fmt: skip


def fits(question, told):
    wanted = {name: getattr(question, name) for name in ("recipient", "provider", "staff", "category")}
    return all(value is None or told.get(name) == value for name, value in wanted.items())
