"""The counter rule in the plainest way to say it, for the service to be held against."""

import datetime as dt

from app.domain.taps.read_counter import claimed


class Plain:
    """Every read there was, in a list, and the rule as it is written."""

    def __init__(self):
        self.reads = []

    def judge(self, counter, claimed_at, received_at, phone, verdict="accepted"):
        for seen, _, _, _, by in self.reads:
            if seen == counter:
                return "counter_replayed_same_device" if by == phone else "counter_replayed"
        low, high = claimed(claimed_at, received_at)
        later = [(one[2], one[3]) for one in self.reads if one[0] > counter]
        earlier = [one[1] for one in self.reads if one[0] < counter]
        code = None
        if any(reached < low for _, reached in later):
            code = "harvested"
        elif any(bound < low for bound, _ in later) or any(bound > high for bound in earlier):
            code = "time_contradiction"
        if code or verdict != "accepted":
            low, high = dt.datetime(1970, 1, 1, tzinfo=dt.UTC), received_at
        self.reads.append((counter, low, high, received_at, phone))
        return code or (None if verdict == "accepted" else "tag_lost")

    def bounds(self, counter):
        """LOW, HIGH and when this or any later read had reached us."""
        return (
            max(low for seen, low, *_ in self.reads if seen <= counter),
            min(high for seen, _, high, *_ in self.reads if seen >= counter),
            min(reached for seen, _, _, reached, _ in self.reads if seen >= counter),
        )
