"""What people do from their lists in the made-up days: repairs that were suggested, and taps that wait for somebody."""

import datetime as dt
from uuid import UUID

from beginning import CATALOGUE
from driver import utc
from facts import Correction
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from planners import SECOND

some = st.sampled_from
ANY = st.integers(0, 31)
LAST_ONES = some([0, 0, 0, 1, 1, 2, 3, 5, 9])
REPAIRS = {
    "missing_in": "set_start",
    "missing_out": "set_end",
    "tag_mismatch": "set_end",
    "report_missing": "set_interventions",
    "received_too_late": "attest",
    "attestation_missing": "attest",
    "tag_suspended": "settle_dispute",
    "tag_lost": "settle_dispute",
    "tag_retired": "settle_dispute",
    "tag_tampered": "settle_dispute",
}
"""The correction that takes each anomaly away. Of any other somebody can only say to have seen it."""


class Inbox:
    """Rules of the state machine that has `facts`, `told`, `derived` and `behind`."""

    @precondition(lambda self: any(visit["anomalies"] for visit in self.derived.values()))
    @rule(which=LAST_ONES, number=some([0, 1, 2]), looked=some([True, False]))
    def apply(self, which, number, looked):
        """The one call makes the correction that was suggested, as it was suggested."""
        asking = [id_ for id_ in self.told if self.derived[id_]["anomalies"]]
        id_ = asking[-1 - which % len(asking)]
        states = self.derived[id_]["anomalies"]
        code = sorted(states)[number % len(states)]
        version = self.told[id_]["version"] if looked else None
        [suggestion] = [one["suggestion"] for one in self.told[id_]["anomalies"] if one["code"] == code]
        who = {"role": "admin", "version": version}
        if REPAIRS.get(code) in {"attest", "settle_dispute"}:
            who["staff"] = SECOND
        if states[code] != "open":
            assert suggestion is None
            self.ask("POST", f"/v1/anomalies/{id_}:{code}/apply", expect=(409,), **who)
            return
        body, parts = None, self.suggested(id_, code, suggestion)
        if "ordered" in suggestion:
            answer = self.ask("POST", f"/v1/anomalies/{id_}:{code}/apply", expect=(422,), **who)
            assert answer["code"] == "answer_required"
            done = [one["intervention"] for one in suggestion["ordered"]]
            body = {"interventions": done}
            parts[-1] = ("set_interventions", tuple((one, None) for one in done))
        answer = self.ask("POST", f"/v1/anomalies/{id_}:{code}/apply", body, expect=(201,), **who)
        known = {one["id"] for one in self.told[id_]["corrections"]}
        made = [one for one in answer["corrections"] if one["id"] not in known]
        assert [one["kind"] for one in made] == [kind for kind, _ in parts]
        kind, first = parts[0][0], UUID(made[0]["id"])
        if len(parts) > 1:
            self.note_repair(id_, first, parts)
        else:
            self.note(id_, first, *parts[0])
        after = {one["code"]: one["state"] for one in answer["anomalies"]}
        gone = {"acknowledge": "acknowledged"}.get(kind)
        assert after.get(code) == gone, f"{code} was to be {gone} by {suggestion}: {after}"

    def suggested(self, id_, code, suggestion):
        """The kinds and values of a suggestion, which must be one that a person can make of the anomaly."""
        meeting, visit = self.behind[id_].meeting, self.derived[id_]
        presence, ordered = meeting.presence, meeting.plan.ordered_minutes
        unknown = code == "missing_in" and not ordered
        mine = [part for part in meeting.plan.parts if part.recipient == visit["recipient"] and part.intervention]
        unsaid = [part for part in mine if "report_missing" in part.problems]
        if code == "report_missing":
            unknown = not unsaid
            if unsaid:
                assert suggestion["kind"] == "set_interventions", suggestion
                return [self.as_ordered(unsaid, suggestion, suggestion)]
        if code == "tag_mismatch" and unsaid:
            assert suggestion["kind"] == "repair", suggestion
            end, done = suggestion["corrections"]
            return [*self.suggested_end(id_, code, end), self.as_ordered(unsaid, done, suggestion)]
        kind = suggestion["kind"]
        assert kind == ("acknowledge" if unknown else REPAIRS.get(code, "acknowledge")), suggestion
        if kind == "acknowledge":
            assert suggestion["anomaly"] == code
            return [(kind, code)]
        if kind == "settle_dispute":
            return [(kind, suggestion["accept"])]
        if kind == "attest":
            return [(kind, (presence.start, presence.end, presence.staff))]
        return self.suggested_end(id_, code, suggestion)

    def as_ordered(self, parts, done, suggestion):
        """What was ordered is suggested as done, but for health care: of that somebody is asked."""
        names = dict.fromkeys(part.intervention for part in parts)
        categories = {name: CATALOGUE[name][0] for name in names}
        told = [name for name in names if not categories[name].endswith("_HSL")]
        assert [one["intervention"] for one in done["interventions"]] == told
        asked = [
            {"intervention": name, "category": categories[name], "ticked": name in told}
            for name in names
            if len(told) < len(names)
        ]
        assert suggestion.get("ordered", []) == asked
        return "set_interventions", tuple((name, None) for name in told)

    def suggested_end(self, id_, code, suggestion):
        """The kind and value of a suggested start or end."""
        meeting = self.behind[id_].meeting
        presence, kind = meeting.presence, suggestion["kind"]
        assert kind == REPAIRS[code]
        at = utc(suggestion["started_at" if kind == "set_start" else "ended_at"])
        if code == "missing_in":
            minutes = int(meeting.plan.ordered_minutes * 60)
            assert at == presence.end - dt.timedelta(seconds=minutes), "by what was ordered"
        elif code == "missing_out":
            assert at == self.derived[id_]["ended_at"], "as it stands provisionally"
        else:
            assert at in {tap.at for tap in presence.beside}, "when the other door was tapped"
        return [(kind, at)]

    @precondition(lambda self: self.facts.taps)
    @rule(which=ANY, accept=some([True, True, False]), held=some([True, True, True, False]))
    def settle_tap(self, which, accept, held):
        """A tap is decided of by itself, whether or not a visit has come of it."""
        waiting = self.waiting() | dict.fromkeys(self.beside_visits(), ())
        found = sorted(waiting if held and waiting else self.facts.taps)
        tap = found[which % len(found)]
        body = {"id": self.new_id(), "accept": accept, "reason": "equipment"}
        path = f"/v1/disputes/{tap}/settle"
        if tap not in waiting:
            answer = self.ask("POST", path, body, role="admin", expect=(409,), staff=SECOND)
            assert answer["code"] == "correction_not_applicable"
            return
        answer = self.ask("POST", path, body, role="admin", expect=(201,), staff=SECOND)
        if waiting[tap]:
            assert answer["id"] in waiting[tap]
            self.note(answer["id"], body["id"], "settle_dispute", accept)
        else:
            assert answer == {"id": str(body["id"]), "tap": str(tap), "accept": accept, "visits": []}
            alone = Correction(body["id"], tap, None, "settle_dispute", accept, frozenset({tap}))
            self.facts.corrections.append(alone)

    def waiting(self):
        """The taps that wait for a person, each with the visits that are held by it."""
        found = {}
        for id_, behind in self.behind.items():
            presence = behind.meeting.presence
            for tap in (presence.tap_in, presence.tap_out):
                if self.derived[id_]["status"] == "disputed" and presence.is_disputed(tap):
                    found.setdefault(tap.id, []).append(id_)
        for tap in self.facts.taps.values():
            alone = self.facts.household_of(tap) is None or tap.dispute == "too_many"
            if alone and tap.id not in self.decided():
                found[tap.id] = []
        return found

    def beside_visits(self):
        """Disputed taps that bound no visit: they hold none, but somebody may decide of them all the same."""
        presences = [behind.meeting.presence for behind in self.behind.values()]
        ends = {tap.id for one in presences for tap in (one.tap_in, one.tap_out) if tap is not None}
        return {
            tap.id
            for tap in self.facts.taps.values()
            if tap.dispute not in {None, "tag_unassigned"} and tap.id not in ends | self.decided()
        }

    def decided(self):
        """The taps that somebody named to decide of a dispute."""
        return {one.tap for one in self.facts.corrections if one.kind == "settle_dispute"}

    def what_waits_is_listed(self):
        """The list of disputes has what waits, oldest first."""
        answer = self.ask("GET", "/v1/disputes?limit=500", role="controller")
        assert answer["next"] is None
        found = [
            one | {"at": utc(one["at"]), "visits": sorted(one["visits"]), "received_at": None}
            for one in answer["items"]
        ]
        waiting = self.waiting()
        owed = [
            {
                "tap": str(tap.id),
                "code": tap.dispute,
                "direction": tap.direction,
                "at": tap.at,
                "received_at": None,
                "evidence": tap.evidence,
                "staff": tap.staff,
                "tag": tap.tag,
                "household": self.facts.household_of(tap),
                "visits": sorted(waiting[tap.id]),
            }
            for tap in sorted((self.facts.taps[id_] for id_ in waiting), key=lambda tap: (tap.at, tap.id))
        ]
        assert found == owed, f"service {found}\nmodel {owed}"
