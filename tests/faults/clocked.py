"""`taggad` with a clock that can be set while it runs: `python clocked.py FILE serve …`.

The file holds by how many seconds what the service takes for its machine's clock is wrong.
"""

import sys
import time
from pathlib import Path

from app.store import clock, database

OFF = Path(sys.argv.pop(1))


def _wall():
    return time.time() + float(OFF.read_text(encoding="ascii"))


database.Clock = lambda: clock.Clock(_wall)

if __name__ == "__main__":
    from app.__main__ import run  # which takes hold of what is put in place above

    sys.exit(run())
