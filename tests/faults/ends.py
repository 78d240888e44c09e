"""What must hold when all is quiet again, whatever was broken. Each check gives a line for whatever does not."""

import datetime as dt
import json
from collections import Counter, defaultdict
from hashlib import sha256

from beginning import UIDS
from comparing import comparable, difference
from driver import utc
from place import ORE_AN_HOUR

SLACK = dt.timedelta(seconds=45)
"""What a tap's instant may be off: a clock that is half a minute wrong counts as right, and a net takes its time."""
SHOWN = 3


def acknowledged_is_stored(town, stored, _):
    """What a phone was told is taken care of is there: as it was judged, in the body that was judged so."""
    for kind, known in _of_phones(town):
        rows = {row["id"]: row for row in stored[kind]}
        refused = {(row["item_id"], row["code"]) for row in stored["attempt"] if row["kind"] == kind}
        for id_, sent in known.items():
            for body, told in sent.acknowledged():
                fault = _missing(kind, body, told, rows.get(id_), kept=(id_, told.code) in refused)
                if fault:
                    yield f"{kind} {id_}: {told.verdict}, and {fault}"
    corrected = {row["id"] for row in stored["correction"]}
    for id_, sent in town.corrections.items():
        if sent.answered and sent.life == town.life and id_ not in corrected:
            yield f"correction {id_}: answered, and not stored"
    closed = {f"{row['month']:%Y-%m}": row for row in stored["period_close"]}
    for month, told in town.closes.items():
        if month not in closed or told["total_ore"] != closed[month]["total_ore"]:
            yield f"close of {month}: answered, and not stored so"


def stored_is_what_was_sent(town, stored, _):
    """Nothing is there that nobody sent, nor otherwise than it was sent."""
    for kind, known in _of_phones(town):
        for row in stored[kind]:
            sent = known.get(row["id"])
            if sent is None or row["staff"] != sent.staff or not any(_same(kind, body, row) for body in sent.bodies):
                yield f"{kind} {row['id']}: nobody sent it so"
        for row in stored["attempt"]:
            if row["kind"] == kind and row["item_id"] not in known:
                yield f"attempt {row['id']}: nobody sent it"
    for row in stored["correction"]:
        sent = town.corrections.get(row["id"])
        if sent is None or not _says(sent.body, row):
            yield f"correction {row['id']}: nobody sent it so"
    if len(stored["period_close"]) != len(town.closes):
        yield f"{len(stored['period_close'])} closes, {len(town.closes)} asked for"


def once(town, stored, _):
    """Each thing happened once: one answer said that it was new, and everybody else was told the same."""
    attempts = Counter((row["kind"], row["item_id"], row["code"], row["body_hash"]) for row in stored["attempt"])
    yield from (f"attempt {key[1]}: kept {count} times" for key, count in attempts.items() if count > 1)
    instants = {str(row["id"]): row["at"] for row in stored["tap"]}
    for kind, known in _of_phones(town):
        for id_, sent in known.items():
            for told in sent.answers.values():
                now = [one for one in told if one.life == town.life]
                if sum(not one.duplicate for one in now) > 1:
                    yield f"{kind} {id_}: new more than once"
                if len({(one.verdict, one.code, utc(one.at)) for one in now}) > 1:
                    yield f"{kind} {id_}: answered in different ways"
                if any(one.at and utc(one.at) != instants.get(str(id_)) for one in now):
                    yield f"{kind} {id_}: answered with another instant than is stored"
            if sum(bool(told) and told[-1].verdict != "refused" for told in sent.answers.values()) > 1:
                yield f"{kind} {id_}: two bodies were taken"


def times_are_true(town, stored, run):
    """Taps are when they were, on whatever clock; nothing was received before or after the experiment."""
    for row in stored["tap"]:
        sent = town.taps.get(row["id"])
        if sent and abs(row["at"] - sent.truth) > SLACK:
            yield f"tap {row['id']}: at {row['at']}, and was at {sent.truth}"
    for kind in ("tap", "report", "attempt"):
        for row in stored[kind]:
            if not run.began_at <= row["received_at"] <= run.ended_at:
                yield f"{kind} {row['id']}: received at {row['received_at']}, by a wrong clock"


def corrections_are_a_chain(town, _, run):
    """No two corrections of a visit were made of the same version of it: the later would have been blind."""
    made = defaultdict(list)
    for id_, sent in town.corrections.items():
        if sent.answered and sent.life == town.life:
            made[sent.visit, sent.version].append(id_)
            if sent.answered <= sent.version:
                yield f"correction {id_}: of version {sent.version}, answered with {sent.answered}"
    for (visit, version), ids in made.items():
        if len(ids) > 1:
            yield f"visit {visit}: {len(ids)} corrections of version {version}"
    run.counts["corrections acknowledged"] += sum(map(len, made.values()))


def visits_are_the_models(_, __, run):
    """The list says what the reference model derives from the facts."""
    found = {id_: comparable(visit) for id_, visit in run.listed.items()}
    if found != run.derived:
        yield from difference(found, run.derived).splitlines()


def the_feed_told_everything(_, __, run):
    """Who pulled the changes all the time has the visits as they are."""
    pulled = run.follower.visits
    for id_ in sorted({*pulled, *run.listed}):
        if pulled.get(id_) != run.listed.get(id_):
            yield f"visit {id_}: pulled {_version(pulled.get(id_))}, listed {_version(run.listed.get(id_))}"


def seconds_are_conserved(_, __, run):
    """The sums of the months are those of the visits; shares come to their visit."""
    wanted = defaultdict(lambda: [0, 0])
    for id_, visit in run.derived.items():
        if sum(share["seconds"] for share in visit["shares"]) != visit["seconds"]:
            yield f"visit {id_}: its shares do not come to it"
        for share in visit["shares"]:
            sums = wanted[visit["local_date"][:7], visit["recipient"], share["category"]]
            sums[0] += share["seconds"]
            sums[1] += share["seconds"] * share["payable"]
    found = {key: sums for key, sums in run.executed.items() if any(sums)}
    for key in sorted({*found, *wanted}, key=str):
        if found.get(key, [0, 0]) != wanted.get(key, [0, 0]):
            yield f"{key}: {found.get(key)} seconds told, {wanted.get(key)} in visits"


def closes_are_of_their_facts(_, stored, __):
    """All that was settled up to a close is what the facts that stand before it in the ledger give, by the model."""
    for close in stored["period_close"]:
        cut = stored.place["period_close", close["id"]]
        before = [one for one in stored["period_close"] if stored.place["period_close", one["id"]] <= cut]
        months = {one["month"] for one in before}
        for month in months:
            visits = stored.derived(cut, f"{month:%Y-%m}").values()
            seconds = sum(
                share["seconds"]
                for visit in visits
                if visit["provider"] == close["provider"]
                for share in visit["shares"]
                if share["payable"]
            )
            paid = sum(
                line["amount_ore"]
                for line in stored["period_line"]
                if line["of_month"] == month and line["month"] in months
            )
            if paid != seconds * ORE_AN_HOUR // 3600:
                yield f"{month:%Y-%m} as of the close of {close['month']:%Y-%m}: {paid} öre for {seconds} s"


def the_tree_is_recomputed(town, stored, run):
    """The root over the leaves is the head's, so was every head's that was seen, and a receipt is of its fact."""
    leaves = [row["leaf"] for row in stored["ledger_leaf"]]
    if [row["leaf_index"] for row in stored["ledger_leaf"]] != list(range(len(leaves))):
        yield "the leaves are not numbered without a gap"
    facts = {("tap", row["id"]) for row in stored["tap"]} | {("report", row["id"]) for row in stored["report"]}
    facts |= {("correction", row["id"]) for row in stored["correction"]}
    facts |= {("attempt", row["id"]) for row in stored["attempt"]}
    yield from (f"{kind} {id_} has no leaf" for kind, id_ in facts - stored.place.keys())
    if run.head["size"] != len(leaves):
        yield f"{len(leaves)} leaves, and {run.head['size']} sealed"
    for size, root in {**run.auditor.heads, run.head["size"]: run.head["root"]}.items():
        if size > len(leaves) or _root(leaves[:size]).hex() != root:
            yield f"the tree of {size} leaves is not the one that was signed"
    of_fact = {(row["kind"], row["fact"]): row["leaf"].hex() for row in stored["ledger_leaf"]}
    for id_, receipt in run.auditor.receipts.items():
        if receipt["leaf"] != of_fact.get(("tap", id_)) or str(id_) not in receipt["note"]:
            yield f"the receipt for tap {id_} is of another"
    run.counts["receipts"] += len(run.auditor.receipts)


CHECKS = {
    "acknowledged": acknowledged_is_stored,
    "sent": stored_is_what_was_sent,
    "once": once,
    "times": times_are_true,
    "chain": corrections_are_a_chain,
    "model": visits_are_the_models,
    "feed": the_feed_told_everything,
    "seconds": seconds_are_conserved,
    "closes": closes_are_of_their_facts,
    "tree": the_tree_is_recomputed,
}


def findings(town, stored, run):
    """`check: what is wrong`, the first few of each check."""
    for name, check in CHECKS.items():
        lines = list(check(town, stored, run))
        yield from (f"{name}: {line}" for line in lines[:SHOWN])
        if len(lines) > SHOWN:
            yield f"{name}: and {len(lines) - SHOWN} more"


def _of_phones(town):
    return ("tap", town.taps), ("report", town.reports)


def _missing(kind, body, told, row, *, kept):
    """What is wrong with what is stored of an acknowledged body."""
    if told.verdict == "refused":
        return None if kept else f"nothing tells of its being {told.code}"
    if row is None:
        return "not stored"
    return None if _same(kind, body, row) else "another body is stored"


def _same(kind, body, row):
    if kind == "report":
        told = [
            [one["intervention"], one.get("recipient"), one["minutes"], one["outcome"]] for one in body["interventions"]
        ]
        names = ("tap", "outcome", "note", "reported_at")
        return all(row[name] == body[name] for name in names) and json.loads(row["interventions"]) == told
    tag = body["tag"]
    where = (UIDS.get(tag.get("uid")), tag.get("household"), tag.get("reason"), tag.get("note"))
    names = ("direction", "tapped_at")
    said = tuple(row[name] for name in ("tag", "household", "reason", "note"))
    return all(row[name] == body[name] for name in names) and said == where


def _says(body, row):
    told = json.loads(row["body"])
    if (row["kind"], row["note"]) != (body["kind"], body["note"]):
        return False
    if row["kind"] == "set_end":
        return utc(told["ended_at"]) == body["ended_at"]
    return told["interventions"] == body["interventions"]


def _version(visit):
    return visit and visit["version"]


def _root(leaves):
    """RFC 9162, 2.1.1, of leaf hashes."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\1" + _root(leaves[:split]) + _root(leaves[split:])).digest()
