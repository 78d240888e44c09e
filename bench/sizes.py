"""How large the workload is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """The named workload; a smaller one shows that everything runs, and measures nothing."""

    shared_buffers: str = "1GB"
    rounds: int = 3
    connections: int = 64
    floor_seconds: int = 5
    hello_requests: int = 15_000

    # The municipality and its history.
    recipients: int = 2_000
    staff: int = 400
    history_days: int = 61
    visits_a_day: int = 10

    # Taps that arrive as they happen: today's visits of every staff.
    visits_today: int = 15
    lone_taps: int = 1_500
    open_rate: int = 500
    open_seconds: int = 20

    # Taps that arrive late: batches of one phone each.
    batch: int = 100
    phones_of_staff: int = 5
    taps_of_phone: int = 50
    live_rate: int = 50

    # Two years of a few staff and households, beside as many with a single day.
    long_days: int = 730
    long_staff: int = 20
    long_doors: int = 60
    long_rounds: int = 7

    # Planners who correct visits of the history.
    planners: int = 16
    corrections: int = 4_000

    # What is read: a whole month of a large municipality, the other months of its year thinner.
    read_recipients: int = 10_000
    read_staff: int = 1_500
    visits_of_month: int = 1_000_000
    other_months: float = 0.1
    reads: int = 9

    # What other people's servers are asked.
    peer_requests: int = 3_000

    # All of Sweden in one service: its busiest second for some minutes, then what nine hours of an outage held back.
    municipalities: int = 290
    recipients_of_all: int = 170_000
    rate_of_all: int = 105
    minutes: float = 10
    outage_visits: int = 6

    @property
    def few(self) -> int:
        """Connections that send batches: enough that one is always waiting."""
        return max(1, self.connections // 4)

    @property
    def days_of_batch(self) -> int:
        """Days of one staff that fill a batch."""
        return -(-self.batch // (2 * self.visits_a_day))

    @property
    def days_of_backlog(self) -> int:
        """Days of one staff that fill all of its phones."""
        return -(-self.taps_of_phone * self.phones_of_staff // (2 * self.visits_a_day))

    @property
    def days_untold(self) -> int:
        """Days before today that the history leaves to what is sent late."""
        return self.rounds * self.days_of_batch + self.days_of_backlog + 2


TINY = Sizes(
    shared_buffers="32MB",
    rounds=1,
    connections=4,
    floor_seconds=1,
    hello_requests=200,
    recipients=20,
    staff=20,
    history_days=35,
    visits_a_day=2,
    visits_today=3,
    lone_taps=20,
    open_rate=50,
    open_seconds=1,
    batch=10,
    phones_of_staff=2,
    taps_of_phone=4,
    live_rate=20,
    long_days=5,
    long_staff=4,
    long_doors=4,
    long_rounds=1,
    planners=2,
    corrections=20,
    read_recipients=40,
    read_staff=10,
    visits_of_month=2_000,
    other_months=0.1,
    reads=3,
    peer_requests=40,
    municipalities=4,
    recipients_of_all=80,
    minutes=0.02,
    outage_visits=2,
)
