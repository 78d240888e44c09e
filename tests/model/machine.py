"""Two days of a small municipality, made up step by step and told to the service and to the reference model alike.

After every step what the service says has changed is taken in, and all of it is compared with what the model derives.
"""

import datetime as dt
from urllib.parse import quote

from beginning import (
    BEGAN_AT,
    CATALOGUE,
    EVER,
    HOMES,
    HOUSEHOLDS,
    LEAVE,
    MORNING,
    NIGHT,
    SATURDAY,
    SINCE,
    STAFF,
    UIDS,
    first_facts,
    order_body,
    recipient_body,
    staff_body,
)
from comparing import comparable, difference
from driver import utc
from facts import Employment, Home, Line, Order, Report, at_instant
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from inbox import Inbox
from judging import DISPUTING, judge_report
from phones import ANY, BACK, Phones
from planners import Planners
from reference import visits_of

some = st.sampled_from
DAYS = some([-30, -1, 0, 1, 2])
LINE = st.builds(
    Line,
    ref=some(["1", "2", "3"]),
    intervention=some(sorted(CATALOGUE)),
    minutes=some([None, None, 0, 7, 20]),
    frequency=some([7, 2]),
    unit=some(["wk", "wk", "d", "mo"]),
    staff_count=some([1, 1, 2, 3]),
    weekdays=some([None, None, (6,), (1, 7)]),
    window=some([None, None, MORNING, NIGHT]),
)
ALARM = st.builds(
    Line, ref=some(["2", "4"]), intervention=st.just("larm"), answered_by=some([(), ("P-syd",), ("P-norr",)])
)
TOLD = st.tuples(
    some(sorted(CATALOGUE)),
    some([None, None, None, *sorted(HOMES)]),
    some([None, None, 0, 5, 30]),
    some(["done", "done", "done", "declined", "not_done"]),
)


class Days(Phones, Planners, Inbox, RuleBasedStateMachine):
    """One municipality from an early Saturday on. `town` is given to a subclass by the test."""

    town = None

    def __init__(self):
        super().__init__()
        self.code = self.town.another()
        self.facts = first_facts()
        self.now = BEGAN_AT
        self.after = "0"
        self.told = {}  # the service's visits by id, the one that changed last at the end
        self.found = {}  # the same as they are compared
        self.derived = {}  # the model's visits by id
        self.behind = {}  # what each of them comes from
        self.told_reports = []  # (who, what was sent, what was done, how far its clock was off)
        self.corrected = []  # what was said, as it was sent: (visit id, body, by whom)
        self.shown = []  # visits that the last step was answered with
        self.steps = 0
        self.agreed = False

    def ask(self, method, path, body=None, **who):
        self.agreed = False
        return self.town.ask(self.code, method, quote(path, safe="/?=&:"), body, **who)

    # Carers

    @precondition(lambda self: self.minted)
    @rule(
        which=ANY,
        outcome=some(["performed", "performed", "performed", "declined", "no_answer"]),
        told=st.lists(TOLD, max_size=3),
        minutes=some([0, 30, 31, 600, -600, 600_000]),
        off=some([None, None, 0, 20, -7200, 7200]),
        other=some([None, None, None, "S-1b", "S-2"]),
    )
    def report(self, which, outcome, told, minutes, off, other):
        """`off` is by how many seconds the clock is wrong; None where the phone does not tell when it sends."""
        who, named, at = self.minted[-1 - which % len(self.minted)]
        who = other or who
        wrong = dt.timedelta(seconds=off or 0)
        # In a second of its own, as what a clock is off is known but for the time on the way.
        apart = dt.timedelta(seconds=len(self.facts.report_items) + 1 if off else 0)
        reported_at = at + dt.timedelta(minutes=minutes) + apart + wrong
        items = [
            {"intervention": what, "recipient": recipient, "minutes": lasted, "outcome": how}
            for what, recipient, lasted, how in told
        ]
        body = {"id": self.new_id(), "tap": named["id"], "reported_at": reported_at, "outcome": outcome}
        self.tell(who, body | {"interventions": items}, tuple(told), off)

    @precondition(lambda self: self.told_reports)
    @rule(which=ANY)
    def report_again(self, which):
        self.tell(*self.told_reports[-1 - which % len(self.told_reports)])

    def tell(self, who, item, told, off):
        """One report; its verdict must be the one the model owes it."""
        self.told_reports.append((who, item, told, off))
        received_at = dt.datetime.now(dt.UTC)
        sent = {} if off is None else {"sent_at": received_at + dt.timedelta(seconds=off)}
        shift = dt.timedelta(seconds=-off if off and abs(off) > 30 else 0)
        found = Report(item["id"], who, item["tap"], item["reported_at"], item["outcome"], told, received_at, shift)
        given = {
            behind.meeting.presence.person
            for behind in self.behind.values()
            if found.tap in behind.meeting.presence.names
        }
        body, expect = sent | {"reports": [item]}, (200, 403)
        answer = self.ask("POST", "/v1/reports", body, role="staff", staff=who, expect=expect)
        judged = judge_report(self.facts, found, item, given)
        names = ("verdict", "code", "duplicate")
        owed = judged and [{"id": str(found.id), **dict(zip(names, judged, strict=True))}]
        assert answer.get("results") == owed, f"service {answer}\nmodel {owed}"

    # Municipality and providers

    @rule(
        ref=some(["O-1", "O-2", "O-3", "O-a", "O-b", "O-x"]),
        recipient=some(sorted(HOMES)),
        provider=some(["P-norr", "P-norr", "P-syd"]),
        lines=st.lists(st.one_of(LINE, LINE, ALARM), max_size=3, unique_by=lambda line: line.ref),
        days=st.tuples(DAYS, some([None, None, 0, 1])),
        pause=some([None, None, None, 0, 1]),
        applies=some([None, None, None, -1, 0, 1]),
    )
    def order(self, ref, recipient, provider, lines, days, pause, applies):
        first_on = SATURDAY + dt.timedelta(days=days[0])
        last_on = None if days[1] is None else max(first_on, SATURDAY + dt.timedelta(days=days[1]))
        pauses = () if pause is None else ((SATURDAY + dt.timedelta(days=pause), SATURDAY + dt.timedelta(days=pause)),)
        placed = Order(recipient, provider, first_on, last_on, tuple(lines), pauses)
        since = None if applies is None else SATURDAY + dt.timedelta(days=applies)
        self.ask("PUT", f"/v1/orders/{ref}", order_body(placed) | {"applies_from": since})
        earlier = self.facts.orders.get(ref, {}) if since else {}
        kept = {first: order for first, order in earlier.items() if first < since}
        self.facts.orders[ref] = kept | {since or EVER: placed}

    @rule(ref=some(["O-1", "O-2", "O-a", "O-b"]))
    def withdraw(self, ref):
        if self.facts.orders.pop(ref, None) is not None:
            self.ask("DELETE", f"/v1/orders/{ref}", expect=(204,))

    @rule(tag=some(sorted(UIDS.values())), household=some(HOUSEHOLDS), back=BACK)
    def hang_tag(self, tag, household, back):
        at = self.now - dt.timedelta(minutes=back)
        retired = at_instant(self.facts.states[tag], at) == "retired"
        body = {"household": household, "at": at}
        self.ask("POST", f"/v1/tags/{tag}/mount", body, expect=(409,) if retired else (200,))
        if not retired:
            self.facts.mounts[tag][at] = household
            if at_instant(self.facts.states[tag], at) in DISPUTING:
                self.facts.states[tag][at] = "mounted"  # found again

    @rule(tag=some(sorted(UIDS.values())), state=some(["active", "suspended", "lost", "retired"]), back=BACK)
    def state_of_a_tag(self, tag, state, back):
        at = self.now - dt.timedelta(minutes=back)
        self.ask("POST", f"/v1/tags/{tag}/state", {"state": state, "at": at, "reason": "other"})
        self.facts.states[tag][at] = state

    @rule(
        ref=some(sorted(STAFF)),
        since=some([SINCE, SATURDAY, SATURDAY + dt.timedelta(days=1)]),
        provider=some(["P-norr", "P-syd"]),
        role=some(["care_assistant", "licensed", "trainee", "night_patrol"]),
        days=some([None, None, 0, 1]),
        leave=some([(), LEAVE, (("insulin", SATURDAY, SATURDAY),)]),
    )
    def employment(self, ref, since, provider, role, days, leave):
        last_on = None if days is None else max(since, SATURDAY + dt.timedelta(days=days))
        self.employ(ref, Employment(since, provider, role, last_on, leave))

    def employ(self, ref, told):
        self.ask("PUT", f"/v1/staff/{ref}", staff_body(ref, told))
        self.facts.staff[ref][told.since_on] = told

    @rule(ref=some(sorted(HOMES)), days=some([0, 1]), household=some(HOUSEHOLDS), died=some([None, None, 0, 1]))
    def recipient_moves(self, ref, days, household, died):
        since_on = SATURDAY + dt.timedelta(days=days)
        died_on = None if died is None else since_on + dt.timedelta(days=died)
        told = Home(since_on, household, died_on)
        self.ask("PUT", f"/v1/recipients/{ref}", recipient_body(told))
        self.facts.recipients[ref][since_on] = told

    @precondition(lambda self: "B-new" not in self.facts.recipients)
    @rule()
    def somebody_moves_in(self):
        """Behind a door that nobody knew: what was refused for that is taken when it is told again."""
        home = Home(EVER, "H-none")
        self.ask("PUT", "/v1/recipients/B-new", recipient_body(home))
        self.facts.recipients["B-new"] = {EVER: home}

    @rule(
        provider=some(["P-norr", "P-norr", "P-syd"]),
        policy=some(["proportional", "hsl_first", "reported"]),
        demanded=some([False, False, True]),
        limit=some([None, None, 0, 30, 300]),
    )
    def contract(self, provider, policy, demanded, limit):
        body = {"provider": provider, "valid_from": SINCE, "split_policy": policy, "report_required": demanded}
        body["manual_attest_minutes"] = limit
        self.ask("PUT", f"/v1/contracts/C-{provider}", body | {"compensation": {}})
        self.facts.contracts[provider] = (policy, demanded, limit)

    # Time and machines

    @rule(minutes=some([1, 20, 60, 300, 959, 960, 1000]))
    def time_passes(self, minutes):
        self.agreed = False
        self.now += dt.timedelta(minutes=minutes)
        self.town.let_pass(self.code, self.now)
        self.facts.now = self.now

    @precondition(lambda self: self.steps % 20 == 10)  # it takes as long as a hundred steps
    @rule()
    def restart(self):
        self.town.restart()

    # Comparing

    @invariant()
    def the_service_says_what_the_model_derives(self):
        self.steps += 1
        if self.agreed:
            return  # nothing was said to either
        answer = self.ask("GET", f"/v1/changes?after={self.after}&limit=500")
        self.after = answer["next"]
        for change in answer["items"]:
            id_ = change["visit"]["id"] if "visit" in change else change["withdrawn"]
            self.told.pop(id_, None)  # it may also have come and gone within one step
            self.found.pop(id_, None)
            if "visit" in change:
                self.told[id_] = change["visit"]
                self.found[id_] = comparable(change["visit"])
        self.derived, self.behind = visits_of(self.facts)
        assert self.found == self.derived, difference(self.found, self.derived)
        self.what_was_answered_is_so()
        if self.steps % 10 == 0:
            self.everything_is_listed()
        self.agreed = True

    def what_was_answered_is_so(self):
        """What the last step was told of visits is what they are."""
        for visit in self.shown:
            assert visit == self.told[visit["id"]]
        of_taps = {id_: [] for id_ in self.answered}
        for id_, visit in self.derived.items():
            presence = self.behind[id_].meeting.presence
            for name in presence.names:
                if str(name) in of_taps and self.facts.is_of_their_own(self.facts.taps[name], presence):
                    of_taps[str(name)].append((id_, visit["recipient"], visit["status"]))
        owed = {name: sorted(visits) for name, visits in of_taps.items()}
        assert self.answered == owed, f"service {self.answered}\nmodel {owed}"
        self.shown, self.answered = [], {}

    def everything_is_listed(self):
        """The list says what the changes said, in its order."""
        listed, page = [], self.ask("GET", "/v1/visits?limit=500", role="controller")
        listed += page["items"]
        while page["next"]:
            page = self.ask("GET", f"/v1/visits?limit=500&cursor={page['next']}", role="controller")
            listed += page["items"]
        assert {visit["id"]: visit for visit in listed} == self.told
        order = [(utc(visit["started_at"] or visit["ended_at"]), visit["id"]) for visit in listed]
        assert order == sorted(order)
        self.what_waits_is_listed()

    def teardown(self):
        self.town.lengths.append(self.steps - 1)  # at the first look there is nothing
        if not self.agreed:
            return  # it has been told already
        self.everything_is_listed()
        faults = self.town.faults(self.code)
        assert faults == [], faults
        kept, owed = self.town.attempts(self.code), sorted((item["id"], code) for item, code in self.facts.attempts)
        assert kept == owed, f"service {kept}\nmodel {owed}"
