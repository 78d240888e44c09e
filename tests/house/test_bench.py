"""The measurements can be run, and tell what they are said to tell. What they find is no test's business."""

import json
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]


def _bench(*arguments):
    return subprocess.run(
        (sys.executable, "-m", "bench", *arguments), cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )


def test_the_figures_are_those_documented():
    listed = _bench("--list")
    assert listed.returncode == 0, listed.stderr
    told = {line.split()[0]: " ".join(line.split()[1:3]) for line in listed.stdout.splitlines()}
    rows = re.findall(r"^\| `(\w+)` \|.*\| ([≤≥] [\d.]+) \|$", (ROOT / "bench/README.md").read_text(), re.MULTILINE)
    assert told == dict(rows)
    assert len(rows) == 21


def test_a_tiny_run_tells_its_figures(server_url, run_dir, tmp_path):  # whoever has the server keeps the directory
    out = tmp_path / "bench.json"
    wanted = ["statements_per_batch", "visit_list_ms", "close_month_s"]
    with TemporaryDirectory(dir=run_dir) as data_dir:
        done = _bench("--tiny", "--only", ",".join(wanted), "--data-dir", data_dir, "--out", str(out))
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines() if line.startswith(tuple(wanted))][-3:] == wanted
    figures = json.loads(out.read_text())
    assert list(figures) == wanted
    for figure in figures.values():
        assert set(figure) == {"value", "floor", "unit"}
        assert figure["value"] > 0
        assert figure["floor"] is None or figure["floor"] > 0
    assert [figures[key]["unit"] for key in wanted] == ["statements", "ms", "s"]
