"""A sender that proves itself and sends what cannot be understood does not flood the log."""

import logging

import pytest
from tests.sources.webhook.webhook_daemon import a_daemon


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.name == "dora_exporter.sources.polling.sink"]


async def test_rows_that_cannot_be_understood_are_told_at_most_once_a_second(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with a_daemon() as daemon:
        for number in range(50):
            assert await daemon.push({"id": str(number), "services": ["a"]}) == 200
        assert 1 <= len(lines(caplog)) < 25
        assert lines(caplog)[0] == (
            "row skipped source=tool id='0' reason=started_at is missing: the body has nothing at began not_shown=0"
        )


async def test_ends_before_their_beginnings_are_told_at_most_once_a_second(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with a_daemon() as daemon:
        for number in range(50):
            body = {"id": str(number), "services": ["a"], "began": "2025-01-02T00:00:00Z"}
            assert await daemon.push({**body, "ended": "2025-01-01T00:00:00Z"}) == 200
        assert 1 <= len(lines(caplog)) < 25
        assert lines(caplog)[0].startswith("finished_at before started_at, clamped source=tool id='tool:0'")
