"""What phones do in the made-up days: taps told at once, late, twice, far too late, and such as nobody can take."""

import datetime as dt
import random
import uuid

from beginning import LONG_AGO, STAFF, UIDS, UTC
from driver import utc
from facts import local
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from judging import judge

some = st.sampled_from
WHO = some([*["S-1", "S-1", "S-2", "S-2", "S-1b", "S-3", "S-t", "S-l"] * 2, "S-none"])
"""The last is a staff ref that nobody has told of."""
DOOR = some(["04000000000001", "04000000000002", "04000000000003", "04000000000004", "H-1", "H-3", "H-par"])
BACK = some([0, 10, 30, 45, 90, 300, 480, 1000, 1500])
LENGTH = some([0, 1, 5, 12, 30, 31, 75, 960])
NEAR = some([0, 1, 20, 60, 61, 300, 900, 57_600, 57_601, -30, -600])
ANY = st.integers(0, 31)
FORGOTTEN = some([dt.datetime(2025, 9, on, 8, tzinfo=UTC) for on in (28, 28, 29)])
"""Days of which it is too late to tell in the days that are made up."""
DAYS_AT_ONCE = 2
"""So that with any clock they are no more than the service writes at once."""
UNTAKEN = [
    {"tag": {"uid": "04FFFFFFFFFFFF"}},
    {"tag": {"keyset": "k-none", "e": "0" * 32, "c": "0" * 16}},
    {"tag": {"household": "H-none", "reason": "tag_missing"}},
    {"tag": {"household": "H-1"}},
    {"direction": "sideways"},
    {"tapped_at": "2025-10-25T08:00:00"},
]
"""What no tap may say: an unknown tag, keyset or household, a door without a reason, no direction, no zone of time."""
OTHERWISE = [{"direction": "auto"}, {"tag": {"household": "H-3", "reason": "phone_dead"}}]
"""What makes another tap of one."""


class Phones:
    """Rules of the state machine that has `facts`, `now` and `ask`."""

    def __init__(self):
        super().__init__()
        self.ids = random.Random(0)
        self.minted = []  # taps a phone has made, sent or not: (who, item, when it was)
        self.held = {}  # by whom: what its phone has not sent yet
        self.sent = {}  # by whom: the batch it sent last
        self.phones = {}  # by whom: (seconds its wall clock is off, boot id or None)
        self.untaken = []  # items that were refused
        self.answered = {}  # what the last batch was told of its taps' visits, by tap id

    def item(self, who, door, direction, at):
        """A tap as the phone makes it: on its own clocks, and never before it happens."""
        at = min(at, self.now)
        off, boot = self.phones.get(who, (0, None))
        tag = {"uid": door} if door in UIDS else {"household": door, "reason": "tag_missing"}
        made = {"id": self.new_id(), "direction": direction, "tapped_at": at + dt.timedelta(seconds=off), "tag": tag}
        if boot is not None:
            made |= {"uptime_ms": int((at - LONG_AGO).total_seconds() * 1000) + 10**9, "boot_id": boot}
        self.minted.append((who, made, at))
        return made

    def send(self, who, items):
        """One batch; its verdicts must be those the model owes it, or it is not taken by either."""
        off, boot = self.phones.get(who, (0, None))
        sent_at = dt.datetime.now(UTC)
        envelope = {"sent_at": sent_at + dt.timedelta(seconds=off)}
        if boot is not None:
            envelope |= {"sent_uptime_ms": int((sent_at - LONG_AGO).total_seconds() * 1000) + 10**9, "boot_id": boot}
        expect = (200, 403)
        answer = self.ask("POST", "/v1/taps", envelope | {"taps": items}, role="staff", staff=who, expect=expect)
        received_at = utc(answer.get("received_at")) or sent_at
        late_after = dt.timedelta(days=self.town.late_days)
        owed = judge(self.facts, who, envelope, items, received_at, late_after, UIDS)
        if owed is None or "results" not in answer:
            assert (owed, answer.get("code")) == (None, "not_employed"), f"service {answer}\nmodel {owed}"
            return
        found = [
            (one["id"], one["verdict"], one["duplicate"], one["code"], utc(one["at"]), one["evidence"])
            for one in answer["results"]
        ]
        assert found == owed, f"service {found}\nmodel {owed}"
        self.answered = {
            one["id"]: sorted((visit["id"], visit["recipient"], visit["status"]) for visit in one["visits"])
            for one in answer["results"]
            if one["verdict"] != "refused"
        }
        if not self.facts.is_employed(who, local(received_at).date()):
            assert not any(self.answered.values()), f"told to {who}, who is nobody's: {self.answered}"
            self.answered = {}
        for one in answer["results"]:
            assert one["verdict"] != "refused" or not one["visits"]
        self.sent[who] = items

    def new_id(self):
        return uuid.UUID(int=self.ids.getrandbits(128), version=4)

    @rule(who=WHO, door=DOOR, back=BACK, length=LENGTH, way=some(["both", "both", "reversed", "in", "out", "twice"]))
    def visit(self, who, door, back, length, way):
        start = self.now - dt.timedelta(minutes=back)
        end = start + dt.timedelta(minutes=length)
        tap_in, tap_out = self.item(who, door, "in", start), self.item(who, door, "out", end)
        batch = {"both": [tap_in, tap_out], "in": [tap_in], "out": [tap_out], "twice": [tap_in, tap_out, tap_in]}
        items = batch.get(way, [tap_out, tap_in])
        self.held.setdefault(who, []).extend(item for item in (tap_in, tap_out) if item not in items)
        self.send(who, items)

    @rule(who=WHO, door=DOOR, direction=some(["in", "in", "out", "out", "auto"]), beside=ANY, seconds=NEAR)
    def tap(self, who, door, direction, beside, seconds):
        others = [at for _, _, at in self.minted] or [self.now]
        at = others[-1 - beside % len(others)] + dt.timedelta(seconds=seconds)
        self.send(who, [self.item(who, door, direction, at)])

    @rule(who=WHO, door=DOOR, near=st.lists(NEAR, min_size=2, max_size=4), start=BACK)
    def many_taps(self, who, door, near, start):
        at = self.now - dt.timedelta(minutes=start)
        items = []
        for number, seconds in enumerate(near):
            at += dt.timedelta(seconds=seconds)
            items.append(self.item(who, door, ("auto", "in", "out")[number % 3], at))
        self.send(who, items)

    @rule(who=WHO, door=DOOR, start=BACK, apart=some([30, 61, 120, 2400]), count=some([12, 22]))
    def flood(self, who, door, start, apart, count):
        """More than anybody can tap, or nearly."""
        began_at = self.now - dt.timedelta(minutes=start)
        times = [began_at + number * dt.timedelta(seconds=apart) for number in range(count)]
        ways = ("in", "out", "auto", "out")
        self.send(who, [self.item(who, door, ways[number % 4], at) for number, at in enumerate(times)])

    @rule(
        team=st.lists(some(sorted(STAFF)), min_size=2, max_size=3, unique=True),
        door=DOOR,
        back=BACK,
        gaps=st.tuples(some([0, 5, 10]), some([0, 5, 20]), some([20, 30, 41])),
    )
    def team(self, team, door, back, gaps):
        start = self.now - dt.timedelta(minutes=back)
        for number, who in enumerate(team):
            began_at = start + dt.timedelta(minutes=number * gaps[0])
            ended_at = began_at + dt.timedelta(minutes=gaps[2] - number * gaps[1] // 2)
            self.send(who, [self.item(who, door, "in", began_at), self.item(who, door, "out", ended_at)])

    @rule(who=WHO, seed=ANY)
    def net_again(self, who, seed):
        """What waited is sent, mixed with what was sent before: of some days, as more are not written at once."""
        items = self.held.pop(who, []) + self.sent.get(who, [])
        days = {id(item): str(item["tapped_at"])[:10] for item in items}
        some_days = sorted(set(days.values()))[:DAYS_AT_ONCE]
        self.held[who] = [item for item in items if days[id(item)] not in some_days]
        items = [item for item in items if days[id(item)] in some_days]
        if items:
            random.Random(seed).shuffle(items)
            self.send(who, items)

    @rule(who=WHO, off=some([0, 20, 45, -45, 400, -7200]), boot=some([None, None, "b1", "b2"]))
    def clock_of_a_phone(self, who, off, boot):
        self.phones[who] = (off, boot)

    @rule(who=WHO, door=DOOR, morning=FORGOTTEN, minutes=BACK, length=LENGTH, way=some(["both", "both", "in", "apart"]))
    def visit_of_long_ago(self, who, door, morning, minutes, length, way):
        """What lay in a drawer for a month; `apart`: its end was told to the minute by another's phone."""
        start = morning + dt.timedelta(minutes=minutes)
        tap_in = self.item(who, door, "in", start)
        tap_out = self.item(who, door, "out", start + dt.timedelta(minutes=length))
        if way == "apart":
            self.send(who, [tap_out])
        self.send(who, [tap_in, tap_out] if way == "both" else [tap_in])

    @rule(
        who=WHO,
        door=DOOR,
        back=BACK,
        which=ANY,
        untaken=st.lists(some(UNTAKEN), min_size=1, max_size=2),
        otherwise=some(OTHERWISE),
        seed=ANY,
    )
    def taps_that_cannot_be(self, who, door, back, which, untaken, otherwise, seed):
        """Among a good one and an earlier one told otherwise, some that nobody can take."""
        at = self.now - dt.timedelta(minutes=back)
        items = [self.item(who, door, "auto", at), *({**self.item(who, door, "in", at), **said} for said in untaken)]
        earlier = [item for whose, item, _ in self.minted if whose == who]
        items.append(earlier[-1 - which % len(earlier)] | otherwise)
        self.untaken += [(who, item) for item in items[1:]]
        random.Random(seed).shuffle(items)
        self.send(who, items)

    @precondition(lambda self: self.untaken)
    @rule(which=ANY, door=DOOR, mended=some([True, True, False]))
    def untaken_again(self, which, door, mended):
        """What was refused is told once more, as it was or mended under the same id."""
        who, item = self.untaken[-1 - which % len(self.untaken)]
        if mended:
            tag = {"uid": door} if door in UIDS else {"household": door, "reason": "tag_missing"}
            item = item | {"tag": tag, "direction": "in", "tapped_at": self.now - dt.timedelta(minutes=which)}
        self.send(who, [item])
