"""The calls of README.md give the answers that stand there."""

import datetime as dt
import json
import re
import shlex
from pathlib import Path

from service import day

README = (Path(__file__).parents[2] / "README.md").read_text()
CONSOLES = re.findall(r"^```console\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
TOLD_ON = re.search(r"\d{4}-\d\d-\d\d(?=T\d\d:\d\d:\d\dZ)", CONSOLES[-1])[0]
STEP = re.compile(r"\.(\w+)(\[\])?")


def _calls(console):
    """Each command with the lines that it answers."""
    for one in console.removeprefix("$ ").split("\n$ "):
        lines = one.splitlines()
        first = next((at for at, text in enumerate(lines[1:], 1) if not text.startswith("    ")), len(lines))
        yield "\n".join(lines[:first]), lines[first:]


async def _curl(service, words):
    """What curl would print, given these arguments."""
    words = iter(words)
    method, body, headers, url = None, None, {}, None
    for word in words:
        match word:
            case "-s":
                pass
            case "-X":
                method = next(words)
            case "-H":
                headers.update([next(words).split(": ", 1)])
            case "--json":
                body = json.loads(next(words))
            case _:
                url = word
    given = {} if body is None else {"json": body}
    answer = await service.client().request(method or ("POST" if body else "GET"), url, headers=headers, **given)
    assert answer.is_success, f"{url}: {answer.text}"
    return answer.json()


def _jq(program, value):
    """What jq -c would print for a path and, after a pipe, the fields to keep."""
    path, _, fields = program.partition(" | ")
    found = [value]
    for name, each in STEP.findall(path):
        found = [one[name] for one in found]
        found = [item for one in found for item in one] if each else found
    names = re.findall(r"\w+", fields)
    return [{name: one[name] for name in names} if names else one for one in found]


async def test_the_calls_of_the_readme_give_the_answers_told_there(service):
    told_on = f"{day(-2):%Y-%m-%d}"
    shell = {
        "$API": f"{service.url}/v1",
        "$SYSTEM": f"Authorization: Bearer {service.token('system')}",
        "$STAFF": f"Authorization: Bearer {service.token('staff', staff='S-07')}",
        "$DAY": told_on,
        "$(date -Is)": dt.datetime.now(dt.UTC).isoformat(),
    }
    compared = 0
    for command, told in (call for console in CONSOLES for call in _calls(console)):
        for name, value in shell.items():
            command = command.replace(name, value)  # noqa: PLW2901 - as a shell does
        curl, _, filtered = command.partition("|\n" if "|\n" in command else " | jq")
        answer = await _curl(service, shlex.split(curl)[1:])
        if told:
            wanted = [json.loads(line.replace(TOLD_ON, told_on)) for line in told]
            assert _jq(shlex.split(filtered)[-1], answer) == wanted, command
            compared += 1
    assert compared == 5
