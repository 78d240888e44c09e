"""What planners and the municipality do with visits in the made-up days: corrections of every kind, manual visits."""

import datetime as dt
from dataclasses import replace
from uuid import uuid5

from beginning import CATALOGUE, EVER, HOMES, STAFF
from correcting import amended, holds
from facts import Correction, Manual, local
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from presences import LONGEST

some = st.sampled_from
LAST_ONES = some([0, 0, 0, 1, 1, 2, 3, 5, 9])  # what has just been corrected is often corrected again
MINUTES = some([-1000, -600, -45, -10, -1, 0, 1, 10, 30, 45, 120, 600])
DONE = st.lists(st.tuples(some(sorted(CATALOGUE)), some([None, None, 0, 5, 30])), min_size=1, max_size=2)
MANUAL = st.tuples(
    some(sorted(STAFF)),
    some(sorted(HOMES)),
    some([30, 300, 480, 1500]),
    some([0, 1, 30, 75, 960, 961]),
    DONE,
    some(["system_down", "system_down", "visit_outside_home", "phone_dead"]),
)
AMISS = {
    "nobody's": {"recipient": "B-none"},
    "by nobody": {"staff": "S-none"},
    "unknown help": {"interventions": [{"intervention": "none", "minutes": 1}]},
    "unsaid": {"reason": "other"},
}
HOW = some(["new", "new", "new", "again", "other", *AMISS])
STATUS = {"out_of_range": 422, "correction_not_applicable": 409}
SECOND = "S-9"  # who was never there and tells nothing, and so may attest what others tell
STATES = {"acknowledge": "acknowledged", "resolve": "resolved"}


def anything_told(days):
    """Whether there is a visit to correct."""
    return bool(days.told)


class Planners:
    """Rules of the state machine that has `told`, `derived` and `behind`, each visit by its id."""

    @precondition(anything_told)
    @rule(which=LAST_ONES, kind=some(["set_start", "set_end"]), minutes=MINUTES)
    def set_boundary(self, which, kind, minutes):
        id_, visit, presence = self.chosen(which)
        name = "started_at" if kind == "set_start" else "ended_at"
        at = (visit[name] or presence.anchor) + dt.timedelta(minutes=minutes)
        start, end = (at, presence.end) if kind == "set_start" else (presence.start, at)
        possible = start <= end <= start + LONGEST if start and end else abs(at - presence.anchor) <= LONGEST
        self.correct(id_, kind, at, {name: at}, None if possible else "out_of_range")

    @precondition(anything_told)
    @rule(which=LAST_ONES, done=DONE)
    def set_interventions(self, which, done):
        told = [{"intervention": what, "minutes": minutes} for what, minutes in done]
        self.correct(self.chosen(which)[0], "set_interventions", tuple(done), {"interventions": told})

    @precondition(anything_told)
    @rule(which=LAST_ONES, staff=some(sorted(STAFF)))
    def set_staff(self, which, staff):
        self.correct(self.chosen(which)[0], "set_staff", staff, {"staff": staff})

    @precondition(anything_told)
    @rule(which=LAST_ONES, recipient=some(sorted(HOMES)))
    def set_recipient(self, which, recipient):
        id_, _, _ = self.chosen(which)
        taken = any(self.derived[other]["recipient"] == recipient for other in self.beside(id_))
        refused = "correction_not_applicable" if taken else None
        self.correct(id_, "set_recipient", recipient, {"recipient": recipient}, refused)

    @precondition(anything_told)
    @rule(which=LAST_ONES, kind=some(["omit", "restore"]))
    def omit(self, which, kind):
        id_, visit, _ = self.chosen(which)
        useless = (visit["status"] == "omitted") == (kind == "omit")
        self.correct(id_, kind, None, {}, "correction_not_applicable" if useless else None)

    @precondition(lambda self: any(visit["anomalies"] for visit in self.derived.values()))
    @rule(which=LAST_ONES, kind=some(["acknowledge", "acknowledge", "resolve"]), number=some([0, 1, 2]))
    def settle_anomaly(self, which, kind, number):
        asking = [id_ for id_ in self.told if self.derived[id_]["anomalies"]]
        id_ = asking[-1 - which % len(asking)]
        states = self.derived[id_]["anomalies"]
        code = sorted(states)[number % len(states)]
        useless = states[code] in {STATES[kind], "resolved"} or (kind, code) == ("resolve", "attestation_missing")
        refused = "correction_not_applicable" if useless else None
        self.correct(id_, kind, code, {"anomaly": code}, refused)

    @precondition(anything_told)
    @rule(which=LAST_ONES, accept=some([True, True, False]))
    def settle_dispute(self, which, accept):
        held = [id_ for id_ in self.told if self.derived[id_]["status"] == "disputed"]
        found = held or list(self.told)
        refused = None if held else "correction_not_applicable"
        id_ = found[-1 - which % len(found)]
        self.correct(id_, "settle_dispute", accept, {"accept": accept}, refused, staff=SECOND)

    @precondition(anything_told)
    @rule(which=LAST_ONES)
    def attest(self, which):
        asking = {"attestation_missing", "received_too_late"}
        waiting = [id_ for id_ in self.told if asking & self.derived[id_]["anomalies"].keys()]
        found = waiting or list(self.told)
        id_ = found[-1 - which % len(found)]
        presence = self.behind[id_].meeting.presence
        refused = None if waiting else "correction_not_applicable"
        self.correct(id_, "attest", (presence.start, presence.end, presence.staff), {}, refused, staff=SECOND)

    @precondition(anything_told)
    @rule(which=LAST_ONES, number=some([0, 0, 0, 1, 2, 3]))
    def undo(self, which, number):
        """One of the visit's corrections is taken back, undos among them: the latest more often than others."""
        corrected = [id_ for id_ in self.told if self.derived[id_]["corrections"]]
        if not corrected:
            return
        id_ = corrected[-1 - which % len(corrected)]
        listed = [one for one, _ in self.derived[id_]["corrections"]]
        named = next(one for one in self.facts.corrections if str(one.id) == listed[-1 - number % len(listed)])
        gone = named.recipient is None or not holds(self.behind[id_].meeting.chain, named)
        refused = "correction_not_applicable" if gone else None
        self.correct(id_, "undo", named.id, {"correction": named.id}, refused, staff=SECOND)

    @precondition(anything_told)
    @rule(
        which=LAST_ONES,
        end=some([None, -10, 0, 30, 600]),
        done=st.none() | DONE,
        recipient=some([None, *sorted(HOMES)]),
        staff=some([None, None, *sorted(STAFF)]),
    )
    def repair(self, which, end, done, recipient, staff):
        """Several corrections that belong together: all are made or none."""
        id_, visit, presence = self.chosen(which)
        parts = []
        refused = None
        if recipient:
            parts.append(("set_recipient", recipient, {"recipient": recipient}))
            taken = any(self.derived[other]["recipient"] == recipient for other in self.beside(id_))
            refused = "correction_not_applicable" if taken else None
        if end is not None:
            at = (visit["ended_at"] or presence.anchor) + dt.timedelta(minutes=end)
            parts.append(("set_end", at, {"ended_at": at}))
            start = presence.start or presence.anchor
            possible = start <= at <= start + LONGEST if presence.start else abs(at - start) <= LONGEST
            refused = refused or (None if possible else "out_of_range")
        if done:
            told = [{"intervention": what, "minutes": minutes} for what, minutes in done]
            parts.append(("set_interventions", tuple(done), {"interventions": told}))
        if staff:
            parts.append(("set_staff", staff, {"staff": staff}))
        if len(parts) < 2:
            return
        said = {"corrections": [{"kind": kind} | own for kind, _, own in parts]}
        self.correct(id_, "repair", [(kind, value) for kind, value, _ in parts], said, refused)

    @rule(manual=MANUAL)
    def manual_visit(self, manual):
        body = self.by_hand(*manual)
        possible = self.refused_by_hand(body) is None
        answer = self.ask("POST", "/v1/visits", body, role="admin", expect=(201,) if possible else (422,))
        if possible:
            self.told_by_hand(body)
            self.shown = [answer]

    @rule(manuals=st.lists(st.tuples(MANUAL, HOW), min_size=1, max_size=4))
    def manual_visits(self, manuals):
        """Many at once, each with an answer of its own."""
        bodies = []
        for manual, how in manuals:
            body = self.by_hand(*manual)
            earlier = [*self.facts.by_hand.values(), *(one for one in bodies if self.refused_by_hand(one) is None)]
            if how in {"again", "other"} and earlier:
                body = earlier[-1 - len(bodies) % len(earlier)]
            if how == "other":
                body = body | {"ended_at": body["ended_at"] + dt.timedelta(minutes=1)}
            bodies.append(body | AMISS.get(how, {}))
        answer = self.ask("POST", "/v1/visits:batch", {"visits": bodies}, role="admin")
        owed = []
        for body in bodies:
            known = body["id"] in self.facts.by_hand
            code = self.refused_by_hand(body)
            owed.append((str(body["id"]), "refused" if code else "accepted", code, known and code is None))
            if not known and code is None:
                self.told_by_hand(body)
        found = [(one["id"], one["verdict"], one["code"], one["duplicate"]) for one in answer["results"]]
        assert found == owed, f"service {found}\nmodel {owed}"
        self.shown = [one["visit"] for one in answer["results"] if one["verdict"] == "accepted"]

    def by_hand(self, who, recipient, back, length, done, reason):
        start = self.now - dt.timedelta(minutes=back)
        return {
            "id": self.new_id(),
            "recipient": recipient,
            "staff": who,
            "started_at": start,
            "ended_at": start + dt.timedelta(minutes=length),
            "interventions": [{"intervention": what, "minutes": minutes} for what, minutes in done],
            "reason": reason,
        }

    def refused_by_hand(self, body):
        """Why a visit that is told by hand is not taken; None where it is."""
        if body["reason"] == "other" and not body.get("note"):
            return "note_required"
        if body["id"] in self.facts.by_hand:
            return None if self.facts.by_hand[body["id"]] == body else "id_conflict"
        if not body["started_at"] < body["ended_at"] <= body["started_at"] + LONGEST:
            return "out_of_range"
        done = {one["intervention"] for one in body["interventions"]}
        known = body["recipient"] in HOMES and body["staff"] in STAFF and done <= CATALOGUE.keys()
        return None if known else "unknown_ref"

    def told_by_hand(self, body):
        self.facts.by_hand[body["id"]] = body
        recipient, start = body["recipient"], body["started_at"]
        home = self.facts.home_of(recipient, local(start).date()) or self.facts.recipients[recipient][EVER]
        self.facts.manuals[body["id"]] = Manual(
            body["id"],
            body["staff"],
            recipient,
            home.household,
            start,
            body["ended_at"],
            tuple((one["intervention"], one["minutes"]) for one in body["interventions"]),
            body["reason"],
        )

    @precondition(lambda self: self.corrected and self.corrected[-1][0] in self.told)
    @rule()
    def correct_again(self):
        """What is delivered twice is answered, and changes nothing."""
        id_, body, who = self.corrected[-1]
        answer = self.ask("POST", f"/v1/visits/{id_}/corrections", body, role="admin", expect=(201,), **who)
        assert answer == self.told[id_]

    def chosen(self, which):
        """A visit that changed lately: its id, as it stands, and its presence."""
        id_ = list(self.told)[-1 - which % len(self.told)]
        return id_, self.derived[id_], self.behind[id_].meeting.presence

    def beside(self, id_):
        """The other visits of the same presence."""
        presence = self.behind[id_].meeting.presence
        return [other for other in self.told if other != id_ and self.behind[other].meeting.presence is presence]

    def correct(self, id_, kind, value, said, refused=None, **who):
        """Correct a visit, as one who looked at it as it stands."""
        body = {"id": self.new_id(), "kind": kind, "reason": "other", "note": "Sagt", **said}
        expect = (STATUS[refused] if refused else 201,)
        path, version = f"/v1/visits/{id_}/corrections", self.told[id_]["version"]
        answer = self.ask("POST", path, body, role="admin", expect=expect, version=version, **who)
        if refused:
            assert answer["code"] == refused or answer["errors"][0]["code"] == refused
            return
        if kind == "repair":
            self.note_repair(id_, body["id"], value)
        else:
            self.note(id_, body["id"], kind, value)
        self.corrected.append((id_, body, who))

    def note_repair(self, id_, first, parts):
        """Keep what was said together; the first has the id that it was sent under."""
        for place, (kind, value) in enumerate(parts):
            self.note(id_, uuid5(first, str(place)) if place else first, kind, value, first)

    def note(self, id_, correction_id, kind, value, together=None):
        """Keep for the model what was said of a visit as it stands."""
        facts, meeting = self.facts, self.behind[id_].meeting
        presence = meeting.presence
        there = {
            tap.id
            for tap in facts.taps.values()
            if facts.persons[tap.staff] == presence.tapped_by and facts.household_of(tap) == presence.household
        }
        named = next((tap.id for tap in (presence.tap_in, presence.tap_out) if tap is not None), presence.id)
        mine = [part for part in meeting.plan.parts if part.recipient == self.derived[id_]["recipient"]]
        said = Correction(
            correction_id,
            named,
            self.behind[id_].recipient,
            kind,
            value,
            frozenset(there | presence.names),
            alone=all(self.derived[other]["status"] == "omitted" for other in self.beside(id_)),
            cause=meeting.cause(value, mine) if kind in STATES else None,
            together=together,
        )
        if kind == "undo":  # it is said of the same tap and visit as what it takes back
            undone = next(one for one in facts.corrections if one.id == value)
            said = replace(said, tap=undone.tap, recipient=undone.recipient)
            changes = amended([*meeting.chain, said])
            whose = {self.behind[one].recipient for one in (id_, *self.beside(id_))}
            said = replace(said, alone=all(one in changes and changes[one].omitted for one in whose))
        facts.corrections.append(said)
