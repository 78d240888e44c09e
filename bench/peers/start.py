"""`python -m bench.peers.start NAME PORT`: become the server of a peer, as its own documents start it."""

import os
import shutil
import sys

from bench.peers import BUILT, HERE


def command(name: str, port: str) -> list[str]:
    """Django with two workers, one a core; the others as they come."""
    tools, home = BUILT / "bin", os.environ["PEER_HOME"]
    found = {
        "django": [
            *(f"{tools}/gunicorn", "--chdir", f"{HERE}", "--bind", f"127.0.0.1:{port}", "--log-level", "warning"),
            *("--workers", "2", "--threads", "32", "django_checkins:application"),
        ],
        "kinto": [f"{tools}/kinto", "start", "--ini", f"{home}/kinto.ini", "--port", port],
        "pocketbase": [f"{tools}/pocketbase", "serve", "--http", f"127.0.0.1:{port}", "--dir", home],
        "directus": [shutil.which("node") or "node", f"{BUILT}/node_modules/directus/cli.js", "start"],
    }
    return found[name]


if __name__ == "__main__":
    os.environ["PORT"] = sys.argv[2]
    words = command(*sys.argv[1:])
    os.chdir(os.environ["PEER_HOME"])  # where some write what they need
    os.execv(words[0], words)  # noqa: S606 - the peer takes this process's place
