"""Lengths of time as Prometheus writes them."""

import pytest

from dora_exporter.config.durations import parse, text_of

SECOND_MS = 1000
DAY_MS = 24 * 60 * 60 * SECOND_MS


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1ms", 1),
        ("30s", 30 * SECOND_MS),
        ("5m", 5 * 60 * SECOND_MS),
        ("12h", DAY_MS // 2),
        ("90d", 90 * DAY_MS),
        ("2w", 14 * DAY_MS),
        ("1y", 365 * DAY_MS),
        ("1h30m", 90 * 60 * SECOND_MS),
        ("1000y", 1000 * 365 * DAY_MS),
    ],
)
def test_a_length_of_time_is_the_sum_of_its_parts(text: str, ms: int) -> None:
    assert (parse(text).text, parse(text).ms) == (text, ms)


@pytest.mark.parametrize("text", ["", "5", "s", "1.5h", "-1h", "1 h", "1h ", "1H", "0s", "1000y1ms", 5, None])
def test_what_is_no_length_of_time_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="must be "):
        parse(text)


@pytest.mark.parametrize(
    ("ms", "text"),
    [(DAY_MS * 14, "14d"), (DAY_MS // 2, "12h"), (90 * 60 * SECOND_MS, "90m"), (1500, "1500ms"), (2000, "2s")],
)
def test_it_is_told_in_the_largest_unit_that_gives_a_whole_number(ms: int, text: str) -> None:
    assert text_of(ms) == text
