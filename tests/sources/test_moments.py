"""Reading moments as upstreams write them."""

import pytest
from tests.builders import NOW_MS

from dora_exporter.sources.http.timestamps import authored, moment, written


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2025-06-15T15:06:40Z", NOW_MS),
        ("2025-06-15T15:06:40", NOW_MS),
        ("2025-06-15T17:06:40+02:00", NOW_MS),
        ("2025-06-15T15:06:40.25Z", NOW_MS + 250),
        ("2025-06-15T15:06:40.123456789Z", NOW_MS + 123),
        ("2025-06-16T15:06:40Z", NOW_MS + 86_400_000),
        ("2025-06-16T15:06:41Z", None),
        ("2000-01-01T00:00:00Z", 946_684_800_000),
        ("1999-12-31T23:59:59Z", None),
        ("0001-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        (1_750_000_000, None),
    ],
)
def test_a_moment_is_read_as_utc_unless_it_says_otherwise(text: object, ms: int | None) -> None:
    assert moment(text, now_ms=NOW_MS) == ms


@pytest.mark.parametrize(
    ("text", "ms"),
    [("2025-06-18T15:06:40Z", NOW_MS + 259_200_000), ("1999-12-31T23:59:59Z", None), ("soon", None), (None, None)],
)
def test_the_clock_of_an_author_may_be_ahead(text: object, ms: int | None) -> None:
    assert authored(text) == ms


def test_a_moment_is_written_to_the_second_with_its_zone() -> None:
    assert written(NOW_MS + 999) == "2025-06-15T15:06:40Z"
