"""A limit on failed attempts of an address. Each process counts for itself."""

import ipaddress
import time

from starlette.requests import Request

from app.api.http.problems import Problem

MOST_FAILURES = 10
WITHIN_SECONDS = 600
MOST_ADDRESSES = 10_000


class Throttle:
    """Allows at most MOST_FAILURES failures of an address within WITHIN_SECONDS."""

    def __init__(self) -> None:
        self._counted: dict[str, tuple[float, int]] = {}

    def begin(self, request: Request) -> str:
        """Count an attempt as failed until it is `forgiven`. Raises Problem `too_many_attempts`."""
        now = time.monotonic()
        address = _network(request)
        since, count = self._counted.get(address, (now, 0))
        if now - since >= WITHIN_SECONDS:
            since, count = now, 0
        if count >= MOST_FAILURES:
            wait = int(since + WITHIN_SECONDS - now) + 1
            raise Problem("too_many_attempts", headers={"Retry-After": str(wait)})
        self._counted.pop(address, None)  # so that the address counted longest ago is always first
        if len(self._counted) >= MOST_ADDRESSES:
            del self._counted[next(iter(self._counted))]
        self._counted[address] = (since, count + 1)
        return address

    def forgive(self, address: str) -> None:
        """Take back the counted failure of a successful attempt: a whole office enrols its phones from one address."""
        since, count = self._counted.get(address, (0.0, 0))
        if count:
            self._counted[address] = (since, count - 1)


def _network(request: Request) -> str:
    """The caller's address; for IPv6 the network, because one subscriber has more addresses than can be counted."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 4:  # noqa: PLR2004 - IPv4
        return host
    # Of an address of IPv4 that is written as one of IPv6 the network would be that of all of them.
    return str(address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False))
