"""Whom a planner's words may name: what is out of reach is as if it were not there."""

from collections.abc import Container, Sequence

from app.store.connection import Writing
from app.store.register import register


async def recipients_within(writing: Writing, provider: str | None, named: Sequence[str]) -> Container[str]:
    """Those of the named recipients who exist; for a provider's planner, whom it has or has had to do with."""
    if provider is None or not named:
        return writing.master.recipients
    return await register.dealt_with(writing, provider, named)
