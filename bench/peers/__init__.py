"""Other people's servers, given the smallest part of our work: a check-in with a token, stored durably."""

from pathlib import Path

HERE = Path(__file__).parent
BUILT = HERE.parents[1] / "build" / "peers"
"""Where `make bench-peers` installs them."""
