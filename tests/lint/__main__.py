"""Have spectral and redocly read the API's description, where node is: `make check` does."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
NODE = Path(sys.prefix) / "node"
MADE_OF = ("package.json", "package-lock.json")
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_COLOR": "1"}


def description():
    """The document as the service hands it out. No database is asked for it."""
    sys.path.insert(0, str(HERE.parent))
    from service import SECRETS  # noqa: PLC0415 - found only by now

    from app.main import create_app  # noqa: PLC0415 - as above
    from app.settings import Settings  # noqa: PLC0415 - as above

    return create_app(Settings.model_validate(SECRETS), "postgresql://").openapi()


def installed():
    """Where the linters are: what the lock names, with its hashes, fetched once."""
    if any(not (NODE / name).exists() or (NODE / name).read_text() != (HERE / name).read_text() for name in MADE_OF):
        shutil.rmtree(NODE, ignore_errors=True)
        NODE.mkdir()
        for name in MADE_OF:
            shutil.copy(HERE / name, NODE)
        done = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=NODE, check=False
        )
        if done.returncode:
            shutil.rmtree(NODE)  # or the next time would take what is half there for whole
            sys.exit("npm could not fetch the linters of the API's description")
    return NODE / "node_modules" / ".bin"


def main():
    """Exit 1 when either finds anything."""
    if not shutil.which("npm"):
        sys.stderr.write("No node here: the API's description is not linted (Debian: apt-get install npm)\n")
        return 0
    binaries = installed()
    with TemporaryDirectory() as directory:
        document = Path(directory) / "openapi.json"
        document.write_text(json.dumps(description(), indent=1))
        linters = [
            ["spectral", "lint", "--quiet", "--fail-severity", "hint", "--ruleset", HERE / ".spectral.yaml", document],
            ["redocly", "lint", "--config", HERE / "redocly.yaml", "--format", "stylish", document],
        ]
        failed = 0
        for name, *arguments in linters:
            done = subprocess.run(
                [binaries / name, *arguments], env=os.environ | QUIET, text=True, capture_output=True, check=False
            )
            if done.returncode or "warning" in done.stdout:
                sys.stderr.write(f"{name}:\n{done.stdout}{done.stderr}")
                failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
