"""Logs that the database is away and that it is back, once each, however many tasks notice."""

from time import monotonic

import structlog

from app.api.http.refusals import is_busy
from app.store.clock import ClockError

log = structlog.get_logger("taggad")


class Outage:
    """One process's view of the database's availability."""

    def __init__(self) -> None:
        self._since: float | None = None

    def failed(self, what: str, error: BaseException) -> None:
        """Log a failed task: an outage once until the next `passed`, any other fault each time."""
        if isinstance(error, ClockError):
            log.error(what, error=str(error))
        elif not is_busy(error):
            log.error(what, error=type(error).__name__)
        elif self._since is None:
            self._since = monotonic()
            log.error("database_gone", error=type(error).__name__)

    def passed(self) -> None:
        """Note that the database answered, and log the end of an outage."""
        if self._since is not None:
            log.info("database_back", after_s=round(monotonic() - self._since, 1))
            self._since = None
