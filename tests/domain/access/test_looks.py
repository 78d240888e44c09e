"""The lists that covered somebody, by provider and days; and what a block and a sample are made of."""

import datetime as dt
import uuid

import pytest

from app.domain.access.access_log import AccessEntry, Dealings, block_digest, covers, sample

AT = dt.datetime(2026, 10, 20, 12, tzinfo=dt.UTC)
DEALINGS = Dealings(
    [
        ("P-1", dt.date(2026, 10, 5), dt.date(2026, 10, 5)),  # a visit
        ("P-2", dt.date(2026, 3, 1), dt.date(2026, 8, 31)),  # an order
    ]
)


def entry(asked, provider=None, number=1):
    return AccessEntry(uuid.UUID(int=number), AT, "s", "system", provider, "GET /v1/x", (), True, asked, None)


@pytest.mark.parametrize(
    ("asked", "provider", "covered"),
    [
        ("month=2026-10", None, True),
        ("month=2026-11", None, False),
        ("month=2026-10&provider=P-1", None, True),
        ("month=2026-10&provider=P-2", None, False),
        ("month=2026-10", "P-2", False),  # a planner's own
        ("from=2026-08-31&to=2026-09-30", "P-2", True),
        ("from=2026-09-01&to=2026-10-04", None, False),
        ("from=2026-10-05&to=2026-10-05", None, True),
        ("from=2026-10-01", None, True),  # days from then on, up to the look
        ("from=2026-10-06", None, False),
        ("from=2026-05", "P-2", True),  # half a year
        ("from=2026-11", None, False),
        ("", "P-1", True),
        ("", "P-3", False),
    ],
)
def test_a_list_covers_whom_it_asks_about(asked, provider, covered):
    assert covers(entry(asked, provider), DEALINGS) is covered
    assert not covers(entry(asked, provider), Dealings())


def test_a_block_is_its_entries_whatever_their_order_and_nothing_else():
    one, two = entry("month=2026-10"), entry("month=2026-10", number=2)
    assert block_digest([one, two]) == block_digest([two, one]) != block_digest([one])
    assert block_digest([one]) != block_digest([entry("month=2026-10", "P-1")])
    # Of one line of JSON with sorted keys and without spaces, computed by hand.
    assert block_digest([one]).hex() == "d1c20367a299234699b72bcb4f20e12575bd4ddd9a92f29c9ac70d14ea49753f"


def test_a_sample_is_drawn_by_its_seed():
    ids = [uuid.UUID(int=number) for number in range(100)]
    assert sample(ids, 5, "a") == sample(reversed(ids), 5, "a") != sample(ids, 5, "b")
    assert sample(ids, 5, "a") == sample(ids, 9, "a")[:5]
    assert sorted(sample(ids, 200, "a")) == ids
