"""The time of a request, by the service's clock."""

import datetime as dt

from fastapi import Request

from app.domain.time import local_date
from app.store.clock import Clock


def clock(request: Request) -> Clock:
    """The service's clock."""
    service_clock: Clock = request.app.state.clock
    return service_clock


def now(request: Request) -> dt.datetime:
    """The time now, right or wrong: for what is only read."""
    return clock(request).now()


def received(request: Request) -> dt.datetime:
    """The time of receipt, for what is stored. Raises ClockError while the clock is wrong."""
    return clock(request).received()


def today(request: Request) -> dt.date:
    """The calendar day in Sweden."""
    return local_date(now(request))
