"""Tells that the database went and came, once each, however many tasks notice."""

from time import monotonic

import structlog

from app.api.http.refusals import is_busy
from app.store.clock import ClockError

log = structlog.get_logger("taggad")


class Outage:
    """One process's view of whether the database is there."""

    def __init__(self) -> None:
        self._since: float | None = None

    def failed(self, what: str, error: BaseException) -> None:
        """Log that a task failed: an outage the first time since the last `passed`, any other fault each time."""
        if isinstance(error, ClockError):
            log.error(what, error=str(error))
        elif not is_busy(error):
            log.error(what, error=type(error).__name__)
        elif self._since is None:
            self._since = monotonic()
            log.error("database_gone", error=type(error).__name__)

    def passed(self) -> None:
        """The database answered."""
        if self._since is not None:
            log.info("database_back", after_s=round(monotonic() - self._since, 1))
            self._since = None
