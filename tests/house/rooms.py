"""The rooms of each floor as text, drawn from the imports. Run as a program it writes them into app/README.md."""

import re
from collections import defaultdict
from pathlib import Path

import grimp

DRAWN_IN = Path(__file__).parents[2] / "app/README.md"
DRAWING = re.compile(r"(?<=<!-- rooms -->\n```\n).*?(?=```\n)", re.DOTALL)
FLOORS = ("api", "actions", "store", "domain")
ROOMS = ("register", "taps", "visits", "money", "measures", "ledger", "access")
FRAME = "frame"


def room_of(module):
    """Floor and room of a module, or None where it is on none of the floors. What is in no room is the frame's."""
    _, floor, *rest = module.split(".")
    if floor not in FLOORS or not rest:
        return None
    return floor, rest[0] if rest[0] in ROOMS else FRAME


def arrows():
    """By floor and room, the other rooms of the same floor that it imports from."""
    graph = grimp.build_graph("app", cache_dir=None)
    found = defaultdict(set)
    for module in graph.modules - {"app"}:
        if here := room_of(module):
            there = map(room_of, graph.find_modules_directly_imported_by(module))
            found[here] |= {room for floor, room in filter(None, there) if floor == here[0] and room != here[1]}
    return found


def draw():
    """A line for each room, `a ─▶ b` where a module of `a` imports one of `b`."""
    found, lines = arrows(), []
    for floor in FLOORS:
        for room in (*ROOMS, FRAME):
            if (floor, room) in found:
                to = ", ".join(sorted(found[floor, room], key=(*ROOMS, FRAME).index))
                lines.append(f"{floor:9}{room:10}{'─▶ ' + to if to else ''}".rstrip())
        lines.append("")
    return "\n".join(lines[:-1]) + "\n"


if __name__ == "__main__":
    DRAWN_IN.write_text(DRAWING.sub(lambda _: draw(), DRAWN_IN.read_text()))
