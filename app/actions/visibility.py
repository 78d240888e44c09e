"""Recipients that a planner may name: one that it may not see is treated as unknown."""

from collections.abc import Container, Sequence

from app.store.connection import Writing
from app.store.register import register


async def recipients_within(writing: Writing, provider: str | None, named: Sequence[str]) -> Container[str]:
    """The recipients that exist; for a provider's planner, those named with whom it has or has had dealings."""
    if provider is None or not named:
        return writing.master.recipients
    return await register.dealt_with(writing, provider, named)
