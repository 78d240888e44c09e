"""The bill of materials: every package that runs in production, as it is pinned."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_bill_of_materials_lists_what_is_installed(tmp_path):
    [recipe] = re.findall(r"^sbom:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    command = recipe.replace("\\\n", " ").split("-m cyclonedx_py")[1].split()
    made = tmp_path / "sbom.json"
    command[command.index("--output-file") + 1] = str(made)
    subprocess.run([sys.executable, "-W", "ignore", "-m", "cyclonedx_py", *command], cwd=ROOT, check=True)
    bill = json.loads(made.read_text())
    pinned = re.findall(
        r"^([\w.-]+)(?:\[[\w,-]+\])?==([\w.]+)", (ROOT / "requirements/app.txt").read_text(), re.MULTILINE
    )
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "taggad")
    assert sorted((one["name"], one["version"]) for one in bill["components"]) == sorted(pinned)
    for one in bill["components"]:
        assert one["purl"].startswith("pkg:pypi/")
        assert any(reference["hashes"] for reference in one["externalReferences"]), one["name"]
