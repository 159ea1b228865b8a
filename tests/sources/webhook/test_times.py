"""Moments in the forms that senders have."""

import pytest
from tests.builders import DAY_MS

from dora_exporter.runtime.timestamps import iso
from dora_exporter.sources.webhook.times import NotATime, moment

NOW_MS = 1_769_900_000_000


@pytest.mark.parametrize(
    ("value", "is_when"),
    [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
        ("2026-01-31t12:00:00z", "2026-01-31T12:00:00Z"),
        ("2026-01-31 12:00:00", "2026-01-31T12:00:00Z"),
        (" 2026-01-31T12:00:00 ", "2026-01-31T12:00:00Z"),
        ("2026-01-31 12:00:00 UTC", "2026-01-31T12:00:00Z"),
        ("2026-01-31 14:00:00 +0200", "2026-01-31T12:00:00Z"),
        ("2026-01-31T14:00:00.000+0200", "2026-01-31T12:00:00Z"),
        ("2026-01-31T14:00:00+02:00", "2026-01-31T12:00:00Z"),
        ("2026-01-31T14:00:00+02", "2026-01-31T12:00:00Z"),
        ("2026-01-31T12:00Z", "2026-01-31T12:00:00Z"),
        ("2026-01-31T12:00:00.5Z", "2026-01-31T12:00:00.500Z"),
        ("2026-01-31T12:00:00,123456789Z", "2026-01-31T12:00:00.123Z"),
        (1_769_860_800, "2026-01-31T12:00:00Z"),
        (1_769_860_800.25, "2026-01-31T12:00:00.250Z"),
        (1_769_860_800_123, "2026-01-31T12:00:00.123Z"),
        (1_769_860_800_123_456, "2026-01-31T12:00:00.123Z"),
        (1_769_860_800_123_456_789, "2026-01-31T12:00:00.123Z"),
        ("1769860800", "2026-01-31T12:00:00Z"),
        ("1769860800.5", "2026-01-31T12:00:00.500Z"),
        ("1769860800123", "2026-01-31T12:00:00.123Z"),
    ],
)
def test_a_moment_is_read_in_every_form(value: object, is_when: str) -> None:
    read = moment(value, now_ms=NOW_MS)

    assert read is not None
    assert iso(read) == is_when


@pytest.mark.parametrize("value", [0, -1, "0001-01-01T00:00:00Z", "1970-01-01 00:00:00", "0", 20260131])
def test_a_moment_long_ago_stands_for_none(value: object) -> None:
    assert moment(value, now_ms=NOW_MS) is None


@pytest.mark.parametrize(
    "value",
    [
        "yesterday", "2026-01-31", "2026-13-31T12:00:00Z", "2026-01-31T12:00:00+99:00", "2026-01-31T25:00:00Z", True,
        None, [], {}, float("inf"), float("nan"), -1e20, 10**400, "9" * 21, "१७६९८६०८००",
    ],
)  # fmt: skip
def test_what_is_no_moment_is_refused(value: object) -> None:
    with pytest.raises(NotATime):
        moment(value, now_ms=NOW_MS)


def test_a_moment_may_be_a_day_ahead_and_no_more() -> None:
    assert moment(NOW_MS + DAY_MS, now_ms=NOW_MS) == NOW_MS + DAY_MS
    with pytest.raises(NotATime):
        moment(NOW_MS + DAY_MS + 1, now_ms=NOW_MS)
