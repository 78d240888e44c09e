"""`python -m bench`: run the figures, print a table, write `build/bench.json`."""

import argparse
import asyncio
import platform
import sysconfig
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from pathlib import Path

from bench import closing, corrections, reading, sealing, sun, sweden, taps
from bench.cluster import ROOT, Cluster, cluster
from bench.figures import FIGURES, HEADING, Result, write
from bench.sizes import TINY, Sizes

Group = Callable[[Cluster, Sizes, Collection[str]], Awaitable[dict[str, Result]]]
PARTS: dict[str, list[tuple[Group, tuple[str, ...]]]] = {
    "taps": [
        (taps.single, (*taps.LONE, *taps.SINGLE, "open_loop_p99_ms")),
        (taps.batches, (*taps.BATCHES, "backlog_s", "worker_rss_mb")),
        (taps.statements, ("statements_per_batch",)),
        (taps.history, ("history_cost_ratio",)),
        (sun.verifying, ("sun_verify_us",)),
        (taps.rebuilding, ("rebuild_visits_per_s",)),
        (sealing.figures, ("sealing_ratio",)),
    ],
    "correct": [
        (corrections.figures, ("corrections_per_s",)),
    ],
    "read": [
        (reading.figures, tuple(reading.FIGURES)),
    ],
    "sweden": [
        (sweden.figures, ("sweden_cpu_share", "sweden_flush_per_s")),
    ],
    "close": [
        (closing.figures, ("close_month_s",)),
    ],
}


def _wanted(text: str) -> list[str]:
    keys: list[str] = []
    for name in text.split(","):
        if name in PARTS:
            keys += [key for _, own in PARTS[name] for key in own]
        elif name in FIGURES:
            keys.append(name)
        else:
            raise argparse.ArgumentTypeError(f"{name} is none of {', '.join((*PARTS, *FIGURES))}")
    return keys


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", type=_wanted, default=list(FIGURES), help="parts or keys, with commas between")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench.json", help="where the figures are written")
    parser.add_argument("--data-dir", type=Path, help="the measured cluster, kept from run to run [build/bench]")
    parser.add_argument("--minutes", type=float, help="how long all of Sweden taps [10]")
    parser.add_argument("--tiny", action="store_true", help="only show that everything runs: the numbers mean nothing")
    parser.add_argument("--list", action="store_true", help="list the figures")
    return parser.parse_args()


def interpreter() -> str:
    """What runs the service, the hello-world and the load: the version, and how it says that it was built."""
    variables = sysconfig.get_config_vars()
    configured = str(variables.get("CONFIG_ARGS", ""))
    flags = {"PGO": "--enable-optimizations", "LTO": "--with-lto"}
    built = " and ".join(name for name, flag in flags.items() if flag in configured) or "neither PGO nor LTO"
    level = next((flag for flag in str(variables.get("OPT", "")).split() if flag.startswith("-O")), "no -O")
    return f"Python {platform.python_version()}, {platform.python_compiler()}, configured with {built}, {level}"


async def run(wanted: Collection[str], data_dir: Path, sizes: Sizes) -> dict[str, Result]:
    """The figures asked for, group by group."""
    found: dict[str, Result] = {}
    async with cluster(data_dir, sizes.shared_buffers) as server:
        for group, keys in (one for part in PARTS.values() for one in part):
            asked = [key for key in keys if key in wanted]
            if not asked:
                continue
            began = time.monotonic()
            results = await group(server, sizes, asked)
            found |= {key: results[key] for key in asked}
            print(f"{', '.join(asked)}: took {time.monotonic() - began:.0f} s", flush=True)
    return found


def main() -> None:
    arguments = _arguments()
    if arguments.list:
        for key, figure in FIGURES.items():
            print(f"{key:<27}{figure.sign} {figure.goal:<6g} {figure.what}")
        return
    sizes = TINY if arguments.tiny else Sizes()
    if arguments.minutes:
        sizes = replace(sizes, minutes=arguments.minutes)
    data_dir = arguments.data_dir or ROOT / "build" / ("bench-tiny" if arguments.tiny else "bench")
    print(interpreter(), flush=True)
    results = asyncio.run(run(arguments.only, data_dir, sizes))
    print(f"\n{HEADING}")
    for key, result in results.items():
        print(result.row(key))
    write(results, arguments.out)


if __name__ == "__main__":
    main()
