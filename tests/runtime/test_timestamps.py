"""Reading moments, and writing them."""

import pytest

from dora_exporter.runtime.timestamps import iso, microseconds, rfc_3339_microseconds

NOON_US = 1_769_860_800_000_000
DAY_US = 86_400_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T12:00:00Z", NOON_US),
        ("2026-01-31t12:00:00z", NOON_US),
        ("2026-01-31 12:00:00Z", NOON_US),
        ("2026-01-31T13:30:00+01:30", NOON_US),
        ("2026-01-31T12:00:00.5Z", NOON_US + 500_000),
        ("2026-01-31T12:00:00.123456Z", NOON_US + 123_456),
        ("2026-01-31T12:00:00.123456999Z", NOON_US + 123_456),
        ("1970-01-01T00:00:00Z", 0),
        ("0001-01-01T00:00:00+14:00", -62_135_596_800_000_000 - 14 * 3_600_000_000),
    ],
)
def test_both_readers_agree_on_rfc_3339(text: str, expected: int) -> None:
    assert (microseconds(text), rfc_3339_microseconds(text)) == (expected, expected)


def test_a_fraction_of_rfc_3339_may_have_any_digits() -> None:
    assert rfc_3339_microseconds(f"2026-01-31T12:00:00.{'123456789' * 99}Z") == NOON_US + 123_456


@pytest.mark.parametrize("text", ["2026-01-31T23:59:60Z", "2026-01-31T23:59:60.9Z", "2026-02-01T05:29:60+05:30"])
def test_a_leap_second_is_the_beginning_of_the_next_day(text: str) -> None:
    assert rfc_3339_microseconds(text) == NOON_US + DAY_US // 2


@pytest.mark.parametrize("text", ["2026-01-31T12:00:60Z", "2026-01-31T23:59:60+05:30", "2026-01-31T23:59:61Z"])
def test_a_minute_within_a_day_has_no_leap_second(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        rfc_3339_microseconds(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2026-01-31T12:00:00", NOON_US), ("2026-01-31", NOON_US - DAY_US // 2), ("20260131T120000Z", NOON_US)],
)
def test_what_only_iso_8601_allows_is_utc_without_a_zone(text: str, expected: int) -> None:
    assert microseconds(text) == expected
    with pytest.raises(ValueError, match="RFC 3339"):
        rfc_3339_microseconds(text)


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-02-30T12:00:00Z", "2026-01-31T25:00:00Z", "2026-13-31T12:00:00Z", "9" * 5000]
)
def test_what_is_no_moment_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        microseconds(text)
    with pytest.raises(ValueError, match=r"\w"):
        rfc_3339_microseconds(text)


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0, "1970-01-01T00:00:00Z"), (1_769_860_800_000, "2026-01-31T12:00:00Z"), (1_500, "1970-01-01T00:00:01.500Z")],
)
def test_a_moment_is_written_with_a_fraction_only_when_it_has_one(ms: int, text: str) -> None:
    assert iso(ms) == text
    assert microseconds(text) == ms * 1000
