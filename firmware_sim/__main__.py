"""The command line: `staff` names the staff, `live` lives against a service, `provision` plays steps to blank chips."""

import argparse
import asyncio
import json
import random
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from firmware_sim.chip.station import provision
from firmware_sim.chip.tag import Chip
from firmware_sim.people.day import Day
from firmware_sim.people.district import staff_of
from firmware_sim.people.live import enrol_all, live_on, past_days, put_world, upload
from firmware_sim.people.records import STOCKHOLM
from firmware_sim.people.world import World, build_world
from firmware_sim.wire import ServiceRefusedError, Wire

DONE, REFUSED, MISUSED = 0, 1, 2


def say(text: str) -> None:
    """Print one plain line at once, for whoever reads along."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """Print one plain line to standard error."""
    sys.stderr.write(f"{text}\n")


def main(arguments: list[str] | None = None) -> int:
    """Run one verb. Returns 0 if done or stopped by a signal, 1 if the service refused, 2 for wrong arguments."""
    options = _parser().parse_args(arguments)
    try:
        return {"staff": _staff, "live": _live, "provision": _provision}[options.verb](options)
    except ValueError as error:
        complain(str(error))
        return MISUSED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m firmware_sim", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    staff = verbs.add_parser("staff", help="print the staff of the district as JSON")
    live = verbs.add_parser("live", help="put the district and live in it; tokens as JSON on standard input")
    for verb in (staff, live):
        verb.add_argument("--seed", type=int, default=1)
        verb.add_argument("--staff", type=int, default=25, help="how many, at least 20 [25]")
    provision = verbs.add_parser("provision", help="play the steps on standard input to simulated blank chips")
    provision.add_argument("--chips", type=Path, required=True, help='the chips: {"uid", "signature"}, one a line')
    live.add_argument("--base-url", required=True)
    live.add_argument("--recipients", type=int, default=60)
    live.add_argument("--speed", type=float, default=60.0, help="how much shorter than usual real-time visits are [60]")
    live.add_argument("--sun-share", type=float, default=0.8, help="how many of the tags are NTAG 424 DNA [0.8]")
    live.add_argument("--truth", type=Path, help="write the truth logs of the past days to this file")
    return parser


def _staff(options: argparse.Namespace) -> int:
    staff = [
        {"ref": one.ref, "role": one.role, "provider": one.provider} for one in staff_of(options.seed, options.staff)
    ]
    say(json.dumps(staff))
    return DONE


def _provision(options: argparse.Namespace) -> int:
    known = [json.loads(line) for line in options.chips.read_text(encoding="utf-8").splitlines()]
    chips = {
        one["uid"].upper(): Chip(bytes.fromhex(one["uid"]), random.Random(one["uid"]), bytes.fromhex(one["signature"]))
        for one in known
    }
    refused = False
    for line in provision((json.loads(line) for line in sys.stdin), chips):
        say(json.dumps(line))
        refused |= "error" in line
    return REFUSED if refused else DONE


def _live(options: argparse.Namespace) -> int:
    if options.speed <= 0:
        raise ValueError("--speed must be above 0")
    if not 0 <= options.sun_share <= 1:
        raise ValueError("--sun-share must be between 0 and 1")
    now = datetime.now(UTC)
    today = now.astimezone(STOCKHOLM).date()
    world = build_world(options.seed, today, options.recipients, options.staff, sun_share=options.sun_share)
    tokens = _tokens(sys.stdin.read())
    days = past_days(world, now)
    if options.truth:
        logs = ",\n".join(day.truth.to_json() for day in days)
        options.truth.write_text(f"[{logs}]\n", encoding="utf-8")
    return asyncio.run(_until_signalled(options, world, days, tokens))


def _tokens(text: str) -> dict[str, str]:
    """The tokens on standard input. Raises ValueError, naming no secret, unless both are there."""
    try:
        tokens = json.loads(text)
        complete = isinstance(tokens["system_token"], str) and isinstance(tokens["admin_token"], str)
    except (ValueError, TypeError, KeyError):
        complete = False
    if not complete:
        raise ValueError('standard input must be {"admin_token": "...", "system_token": "..."}')
    return dict(tokens)


async def _until_signalled(options: argparse.Namespace, world: World, days: list[Day], tokens: dict[str, str]) -> int:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    living = asyncio.create_task(_all_of_it(options, world, days, tokens))
    stopping = asyncio.create_task(stopped.wait())
    await asyncio.wait({living, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    living.cancel()
    try:
        await living
    except asyncio.CancelledError:
        say("stopped")
    except ServiceRefusedError as error:
        complain(str(error))
        return REFUSED
    return DONE


async def _all_of_it(options: argparse.Namespace, world: World, days: list[Day], tokens: dict[str, str]) -> None:
    async with Wire(options.base_url) as wire:
        await put_world(wire, tokens["system_token"], world, say, admin_token=tokens["admin_token"])
        devices = await enrol_all(wire, tokens["admin_token"], world)
        say(f"{len(devices)} phones enrolled")
        for day in days:
            phones = await upload(devices, day, say)
            waiting = sum(phone.waiting for phone in phones)
            say(f"{day.on}: lived, {len(day.truth.presences)} visits, {waiting} items still waiting")
        say(f"now in real time, visits {options.speed:g} times as short as usual")
        await live_on(devices, world, options.speed, say)


if __name__ == "__main__":
    sys.exit(main())
