"""The watch over every test sees what it is there for."""

import structlog
import untold


def test_a_personal_number_in_the_log_is_seen_and_an_id_is_none():
    structlog.get_logger("taggad").info("request", route="/v1/recipients/191212121212")
    structlog.get_logger("taggad").warning("of 121212-1212")
    assert len(untold.TOLD) == 2
    untold.TOLD.clear()
    structlog.get_logger("taggad").info("request", trace_id="1912121212120000aaaaaaaaaaaaaaaa", ms=12.5)
    assert untold.TOLD == []
