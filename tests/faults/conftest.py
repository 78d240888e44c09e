"""The harness stands on the reference model and on the processes of the tests of the house."""

import sys
from pathlib import Path

sys.path += [str(Path(__file__).parents[1] / name) for name in ("model", "house")]
