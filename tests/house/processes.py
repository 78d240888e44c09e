"""`taggad` as a process of its own, and what is asked of it over HTTP."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 120


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(url, token=None):
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})  # noqa: S310 - our own
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as answer:
        return answer.read().decode()


class Process:
    """`taggad` as a process, of this tree or another; what it prints goes to a file."""

    def __init__(self, path, *arguments, command=("-m", "app"), tree=ROOT, **environment):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TAGGAD_")}
        self.said = path / f"{arguments[0]}.out"
        with self.said.open("w") as said:
            self.popen = subprocess.Popen(
                [sys.executable, *command, *arguments],
                cwd=tree,
                env=kept | environment,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def until(self, ready, what):
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                found = ready()
            except (OSError, urllib.error.URLError):
                found = None
            if found:
                return found
            if self.popen.poll() is not None or time.monotonic() > give_up_at:
                raise AssertionError(f"never: {what}\n{self.said.read_text()}")
            time.sleep(0.2)

    def end(self, number=signal.SIGTERM):
        """Ask it to end; gives its exit code and the processes it had started that are still there."""
        started = psutil.Process(self.popen.pid).children(recursive=True)
        self.popen.send_signal(number)
        code = self.popen.wait(timeout=PATIENCE_SECONDS)
        _, alive = psutil.wait_procs(started, timeout=10)
        return code, alive

    def kill(self):
        if self.popen.poll() is None:
            for one in (*psutil.Process(self.popen.pid).children(recursive=True), self.popen):
                one.kill()
            self.popen.wait()
