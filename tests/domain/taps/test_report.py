"""When a report was told, whatever its phone says of its clock."""

import datetime as dt
import uuid

import pytest

from app.domain.taps.report import Report

RECEIVED = dt.datetime(2026, 10, 24, 9, tzinfo=dt.UTC)
EARLIEST, LATEST = dt.datetime(1, 1, 1, tzinfo=dt.UTC), dt.datetime(9999, 12, 31, 23, tzinfo=dt.UTC)


@pytest.mark.parametrize("sent_at", [None, RECEIVED, RECEIVED - dt.timedelta(days=2000), EARLIEST, LATEST])
@pytest.mark.parametrize("reported_at", [EARLIEST, RECEIVED, LATEST])
def test_no_clock_raises_an_error_and_nothing_is_told_after_its_receipt(reported_at, sent_at):
    report = Report(uuid.uuid4(), "S-1", uuid.uuid4(), reported_at, RECEIVED, "performed", sent_at=sent_at)
    assert report.made_at <= RECEIVED
    assert report.order(RECEIVED - dt.timedelta(hours=1))[0] <= RECEIVED
