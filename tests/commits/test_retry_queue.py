"""When a deployment is tried again."""

from tests.builders import DAY_MS, HOUR_MS, NOW_MS

from dora_exporter.commits.shipped_commits.deployment_sequence import SequenceKey
from dora_exporter.commits.shipped_commits.retry_queue import Retry, RetryQueue
from dora_exporter.dora.events import Series

KEY = SequenceKey(Series("checkout", "production"), "git.example/shop")


def test_an_attempt_waits_for_its_moment() -> None:
    queue = RetryQueue(give_up_after_ms=7 * DAY_MS)
    queue.put(KEY, "one", Retry(NOW_MS, NOW_MS + HOUR_MS))
    assert (queue.repositories(NOW_MS), queue.pop_due(KEY.repository, NOW_MS)) == ([], {})
    assert queue.repositories(NOW_MS + HOUR_MS) == [KEY.repository]


def test_a_clock_that_was_ahead_holds_no_attempt_up() -> None:
    queue = RetryQueue(give_up_after_ms=7 * DAY_MS)
    queue.put(KEY, "one", Retry(NOW_MS + DAY_MS, NOW_MS + DAY_MS))
    assert queue.repositories(NOW_MS) == [KEY.repository]
    assert list(queue.pop_due(KEY.repository, NOW_MS)[KEY].retries) == ["one"]
