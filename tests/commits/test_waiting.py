"""When a deployment is looked at again."""

from tests.builders import DAY_MS, HOUR_MS, NOW_MS

from dora_exporter.commits.shipped_commits.deployment_sequence import LineKey
from dora_exporter.commits.shipped_commits.retry_queue import Wait, WaitingRoom
from dora_exporter.dora.events import Series

KEY = LineKey(Series("checkout", "production"), "git.example/shop")


def test_an_attempt_waits_for_its_moment() -> None:
    room = WaitingRoom(give_up_after_ms=7 * DAY_MS)
    room.ask(KEY, "one", Wait(NOW_MS, NOW_MS + HOUR_MS))
    assert (room.repositories(NOW_MS), room.take(KEY.repository, NOW_MS)) == ([], {})
    assert room.repositories(NOW_MS + HOUR_MS) == [KEY.repository]


def test_a_clock_that_was_ahead_holds_no_attempt_up() -> None:
    room = WaitingRoom(give_up_after_ms=7 * DAY_MS)
    room.ask(KEY, "one", Wait(NOW_MS + DAY_MS, NOW_MS + DAY_MS))
    assert room.repositories(NOW_MS) == [KEY.repository]
    assert list(room.take(KEY.repository, NOW_MS)[KEY].waits) == ["one"]
