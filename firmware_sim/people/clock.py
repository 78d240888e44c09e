"""A phone's clocks as pure functions of the true instant, and the ids made from them."""

import hashlib
import random
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class PhoneClock:
    """A wall clock that may be wrong and a monotonic clock that starts anew at every boot.

    `name` distinguishes phones in their boot ids; `jumps` are (true instant, seconds) steps that somebody or some net
    made; `boots` the true instants of the starts, ascending: before the first one, and without any, the phone has no
    monotonic clock. Drift is undone at every UTC midnight, as a phone that meets a net now and then would have it.
    """

    name: str
    offset_seconds: int = 0
    drift_ppm: int = 0
    jumps: tuple[tuple[datetime, int], ...] = ()
    boots: tuple[datetime, ...] = ()

    def wall(self, true_at: datetime) -> datetime:
        """The phone's wall clock at a true instant, to the millisecond, in UTC."""
        true_at = true_at.astimezone(UTC)
        midnight = true_at.replace(hour=0, minute=0, second=0, microsecond=0)
        jumped = sum(seconds for at, seconds in self.jumps if at <= true_at)
        drift_ms = (true_at - midnight) // timedelta(milliseconds=1) * self.drift_ppm // 1_000_000
        shown_at = true_at + timedelta(seconds=self.offset_seconds + jumped, milliseconds=drift_ms)
        return shown_at.replace(microsecond=shown_at.microsecond // 1000 * 1000)

    def uptime(self, true_at: datetime) -> tuple[str, int] | None:
        """(boot id, milliseconds since that boot) at a true instant; None without a monotonic clock."""
        started = [boot_at for boot_at in self.boots if boot_at <= true_at]
        if not started:
            return None
        digest = hashlib.sha256(f"{self.name}/{started[-1].astimezone(UTC).isoformat()}".encode()).digest()
        boot_id = str(uuid.UUID(bytes=digest[:16], version=4))
        return boot_id, (true_at - started[-1]) // timedelta(milliseconds=1)


def rfc3339(at: datetime) -> str:
    """An instant in RFC 3339: UTC, with milliseconds only if there are any."""
    at = at.astimezone(UTC)
    precision = "milliseconds" if at.microsecond else "seconds"
    return at.isoformat(timespec=precision).replace("+00:00", "Z")


def uuid7(rng: random.Random, shown_at: datetime) -> str:
    """A version 7 UUID (RFC 9562) from the phone's wall clock and a seeded generator."""
    unix_ms = (shown_at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    bits = (unix_ms & ((1 << 48) - 1)) << 80
    bits |= 0x7 << 76 | rng.getrandbits(12) << 64
    bits |= 0b10 << 62 | rng.getrandbits(62)
    return str(uuid.UUID(int=bits))
