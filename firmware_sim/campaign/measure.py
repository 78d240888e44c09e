"""A campaign played against a running service, and figures on how well the service detects attacks."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import groupby
from typing import Any

from firmware_sim.campaign.campaign import Campaign, Report, Tap
from firmware_sim.campaign.oracle import Expected
from firmware_sim.people.device import Device, Enrolled
from firmware_sim.people.phone import Phone, Post
from firmware_sim.wire import Answer, ServiceRefusedError, Wire

Say = Callable[[str], None]
OVERLAP = "overlap"
SAY_EVERY = 5000
COPIED_UID, SHARED_LOGIN = "copied_uid", "shared_login"


@dataclass
class Hands:
    """A clock that is set by hand, for the phones here and, where the service allows it, for the service."""

    now: datetime


@dataclass(frozen=True, slots=True)
class Heard:
    """The service's first verdict on one tap."""

    verdict: str
    code: str | None
    evidence: str | None


@dataclass
class Outcome:
    """The result of a campaign: the verdict by tap, the taps of overlapping visits, verdicts that changed."""

    campaign: Campaign
    heard: dict[str, Heard] = field(default_factory=dict)
    overlapping: list[set[str]] = field(default_factory=list)
    contradictions: list[str] = field(default_factory=list)
    reports: Counter[str] = field(default_factory=Counter)

    def caught(self, tap: Tap) -> bool:
        """True if the service has reported a problem with a tap."""
        heard = self.heard[tap.id]
        if tap.attack == COPIED_UID:
            return heard.verdict != "accepted" or heard.evidence == "static"
        return heard.verdict != "accepted" or (tap.attack == SHARED_LOGIN and self.overlaps(tap))

    def overlaps(self, tap: Tap) -> bool:
        """True if a visit of this tap overlaps another of the same person."""
        return tap.id in self._overlapping_taps

    @cached_property
    def _overlapping_taps(self) -> set[str]:
        return set().union(*self.overlapping)

    def surprises(self, expected: Mapping[str, Expected]) -> list[str]:
        """A line for each tap with another verdict than the expected one."""
        lines = []
        for tap in self.campaign.taps:
            wanted, heard = expected.get(tap.id), self.heard.get(tap.id)
            if wanted is None or heard is None:
                continue
            verdict, code = wanted
            if verdict != heard.verdict or (verdict != "accepted" and code != heard.code):
                lines.append(
                    f"{tap.attack or 'honest'} {tap.id} ({tap.note}): "
                    f"expected {verdict} {code}, heard {heard.verdict} {heard.code}"
                )
        return lines


async def play(
    wire: Wire,
    devices: Enrolled,
    admin_token: str,
    campaign: Campaign,
    hands: Hands,
    say: Say = lambda _: None,
) -> Outcome:
    """Send a campaign in its order, the clock set before each sending."""
    outcome = Outcome(campaign)
    phones: dict[str, Phone] = {}
    calls = sorted(campaign.calls, key=lambda one: one[0])
    done = 0
    written: list[Tap | Report] = sorted([*campaign.taps, *campaign.reports], key=lambda one: one.sent_at)
    for sent_at, together in groupby(written, key=lambda one: one.sent_at):
        while calls and calls[0][0] <= sent_at:
            hands.now, call = calls.pop(0)
            await wire.insist(call.method, call.path, token=admin_token, body=call.body)
        hands.now = sent_at
        sending = set()
        before = done
        for one in together:
            if one.phone not in phones:
                phone, post = campaign.phones[one.phone], _listening(devices[one.staff], outcome)
                phones[one.phone] = Phone(phone, post, random.Random(one.phone), now=lambda: hands.now, sleep=_shortly)
            phones[one.phone].write("tap" if isinstance(one, Tap) else "report", one.item)
            sending.add(one.phone)
            done += 1
        if not all(await asyncio.gather(*(phones[name].flush() for name in sorted(sending)))):
            raise ServiceRefusedError("taps are not taken")
        if done // SAY_EVERY > before // SAY_EVERY:
            say(f"{sent_at:%Y-%m-%d %H:%M}: {done} of {len(written)} taps and reports")
    outcome.contradictions = [one for phone in phones.values() for one in phone.contradictions]
    reported = {one.item["id"] for one in campaign.reports}
    outcome.reports = Counter(
        heard.verdict for phone in phones.values() for item, heard in phone.verdicts.items() if item in reported
    )
    async for visit in wire.items("/v1/visits", token=admin_token, query={"anomaly": OVERLAP, "limit": 500}):
        outcome.overlapping.append({one for one in visit["taps"].values() if one})
    return outcome


async def _shortly(_: float) -> None:
    # The clock stands still meanwhile, so waiting would change nothing.
    await asyncio.sleep(0.02)


def _listening(device: Device, outcome: Outcome) -> Post:
    """A sender for a phone that also stores the service's answers in `outcome`."""

    async def post(path: str, body: Any) -> Answer:
        answer = await device.send(path, body)
        results = answer.body.get("results", []) if isinstance(answer.body, dict) else []
        for item, result in zip(body.get("taps", []), results, strict=False):
            outcome.heard.setdefault(item["id"], Heard(result["verdict"], result["code"], result.get("evidence")))
        return answer

    return post


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one attack: `recall` of all its taps, `precision` of the codes that detected it."""

    attack: str
    taps: int
    refused: int
    disputed: int
    accepted: int
    caught: int
    precision: float | None

    @property
    def recall(self) -> float:
        """The share of the attack's taps that were caught."""
        return self.caught / self.taps if self.taps else 0.0


@dataclass(frozen=True, slots=True)
class Honest:
    """The figures of honest people: at doors that the adversary left alone, or at the doors it used."""

    taps: int
    harvested: int
    time_contradiction: int
    refused: int
    overlap: int


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of the report."""

    rows: tuple[Row, ...]
    quiet: Honest
    bystanders: Honest
    foretold: int
    surprises: tuple[str, ...]
    reports: Mapping[str, int]


def figures(outcome: Outcome, expected: Mapping[str, Expected]) -> Figures:
    """The figures of a played campaign."""
    taps = [one for one in outcome.campaign.taps if one.id in outcome.heard]
    attacks = sorted({one.attack for one in taps if one.attack})
    codes_by_tap = {one.id: _code(outcome, one) for one in taps}
    # The owner of a shared login overlaps with its misuse, and that is no false alarm.
    used_logins = {(one.staff, one.at.date()) for one in taps if one.attack}
    for one in taps:
        if one.attack is None and codes_by_tap[one.id] == OVERLAP and (one.staff, one.at.date()) in used_logins:
            codes_by_tap[one.id] = None
    by_code: Counter[str] = Counter(code for code in codes_by_tap.values() if code)
    guilty: Counter[str] = Counter(code for one in taps if one.attack and (code := codes_by_tap[one.id]))
    rows = []
    for attack in attacks:
        own = [one for one in taps if one.attack == attack]
        verdicts = Counter(outcome.heard[one.id].verdict for one in own)
        codes = {code for one in own if (code := codes_by_tap[one.id])}
        flagged = sum(by_code[code] for code in codes)
        rows.append(
            Row(
                attack,
                len(own),
                verdicts["refused"],
                verdicts["disputed"],
                verdicts["accepted"],
                sum(outcome.caught(one) for one in own),
                sum(guilty[code] for code in codes) / flagged if flagged else None,
            )
        )
    used = {one.message.uid for one in taps if one.attack and one.message}
    honest = [one for one in taps if one.attack is None and one.message]
    return Figures(
        tuple(rows),
        _honest(outcome, codes_by_tap, [one for one in honest if one.message and one.message.uid not in used]),
        _honest(outcome, codes_by_tap, [one for one in honest if one.message and one.message.uid in used]),
        sum(expected.get(one.id) is not None for one in taps),
        tuple(outcome.surprises(expected)),
        outcome.reports,
    )


def _code(outcome: Outcome, tap: Tap) -> str | None:
    """The code that the service reported for a tap, None without one."""
    heard = outcome.heard[tap.id]
    if heard.verdict != "accepted":
        return heard.code
    if tap.attack == COPIED_UID and heard.evidence == "static":
        return "static"
    return OVERLAP if tap.attack in {None, SHARED_LOGIN} and outcome.overlaps(tap) else None


def _honest(outcome: Outcome, codes_by_tap: Mapping[str, str | None], taps: list[Tap]) -> Honest:
    codes = Counter(codes_by_tap[one.id] for one in taps)
    refused = sum(outcome.heard[one.id].verdict == "refused" for one in taps)
    return Honest(len(taps), codes["harvested"], codes["time_contradiction"], refused, codes[OVERLAP])


def printed(shown: Figures) -> str:
    """The report as text."""
    lines = ["attack        taps  refused  disputed  accepted  recall  precision"]
    for row in shown.rows:
        precision = "      none" if row.precision is None else f"{row.precision:10.3f}"
        lines.append(
            f"{row.attack:12}{row.taps:6}{row.refused:9}{row.disputed:10}{row.accepted:10}{row.recall:8.3f} {precision}"
        )
    for who, honest in (("honest", shown.quiet), ("bystanders", shown.bystanders)):
        lines.append(
            f"{who}: {honest.taps} taps; contradictions proven {honest.harvested}, claimed "
            f"{honest.time_contradiction}; refused {honest.refused}; overlap {honest.overlap}"
        )
    lines.append(f"reports: {', '.join(f'{count} {said}' for said, count in sorted(shown.reports.items())) or 'none'}")
    lines.append(f"as foretold: {shown.foretold - len(shown.surprises)} of {shown.foretold}")
    lines += shown.surprises[:20]
    return "\n".join(lines)
