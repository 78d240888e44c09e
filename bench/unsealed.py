"""`taggad` without its ledger: no leaf is stored and nothing is sealed. It exists to be measured against."""

import asyncio
from typing import Any

from app import main
from app.__main__ import run
from app.store.ledger.ledger import Leaves


def _no_leaf(*_: Any) -> None:
    pass


async def _never(*_: object) -> None:
    await asyncio.Event().wait()


if __name__ == "__main__":
    Leaves.add = _no_leaf  # type: ignore[method-assign] # what is measured is its absence
    main._keep_sealing = _never  # noqa: SLF001 - as above
    run()
