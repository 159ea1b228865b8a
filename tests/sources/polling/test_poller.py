"""What a pass leaves behind, whatever its source does."""

import logging

import pytest
from tests.builders import NOW_MS, ManualClock, deployment
from tests.sources.polling.test_sink import Place

from dora_exporter.dora.changes import Outcome
from dora_exporter.sources.contract import Memory, Misconfigured, Sink, Unreadable
from dora_exporter.sources.http.client import Refused, Traffic, Unreachable
from dora_exporter.sources.polling import Health
from dora_exporter.sources.polling.poller import RETRY_SECONDS, Poller


class Hasty:
    """A source that does not wait for its last page to be durable."""

    interval_ms = 1000
    fingerprint = "settings"
    unmapped_services = None

    def __init__(self) -> None:
        self.traffic = Traffic()

    async def poll(self, memory: Memory, sink: Sink, *, now_ms: int) -> Memory:
        await sink.write([deployment(id="pd:1", source="pd")])
        return {**memory, "cursor": now_ms}


async def test_the_cursor_is_written_only_after_the_last_page_is_durable() -> None:
    place = Place()
    place.log.fails_next = 1
    poller = Poller("pd", Hasty(), store=place.store, log=place.log, clock=ManualClock(), health=place.health)
    await poller.run(place.sink())
    assert (place.health.problem, place.store.cursors) == ("the disk was full", {})
    await poller.run(place.sink())
    assert place.store.cursors == {"pd": {"settings": "settings", "memory": {"cursor": NOW_MS}}}
    assert place.health.in_words() == "works"


class Slow(Hasty):
    """A source whose pass takes a second; it fails while it has a reason."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self.clock = clock
        self.reason: Exception | None = None

    async def poll(self, memory: Memory, sink: Sink, *, now_ms: int) -> Memory:
        self.clock.advance(1000)
        if self.reason is not None:
            raise self.reason
        return memory


@pytest.mark.parametrize(
    ("reason", "is_misconfigured", "again_within"),
    [
        (Unreachable("no answer"), False, None),
        (Unreadable("no list"), False, None),
        (Refused("no", status=404), False, None),
        (Refused("no", status=403), True, RETRY_SECONDS),
        (Misconfigured("no token"), True, RETRY_SECONDS),
    ],
)
async def test_health_says_when_a_pass_began_and_ended_and_how(
    reason: Exception, again_within: float | None, *, is_misconfigured: bool
) -> None:
    place, clock = Place(), ManualClock()
    source = Slow(clock)
    times = iter([1.0, 3.5, 10.0, 14.0, 20.0, 20.5])
    poller = Poller("pd", source, store=place.store, log=place.log, clock=clock, health=place.health)
    assert await poller.run(place.sink(), stopwatch=lambda: next(times)) is None
    health = place.health
    assert (health.is_up, health.is_misconfigured, health.pass_seconds) == (True, False, 2.5)
    assert (health.last_attempt_ms, health.last_success_ms) == (NOW_MS, NOW_MS + 1000)
    source.reason = reason
    assert await poller.run(place.sink(), stopwatch=lambda: next(times)) == again_within
    assert (health.is_up, health.is_misconfigured, health.pass_seconds) == (False, is_misconfigured, 4.0)
    assert (health.last_attempt_ms, health.last_success_ms) == (NOW_MS + 1000, NOW_MS + 1000)
    assert (health.consecutive_failures, health.problem) == (1, str(reason))
    source.reason = None
    assert await poller.run(place.sink(), stopwatch=lambda: next(times)) is None
    assert (health.is_up, health.is_misconfigured, health.pass_seconds) == (True, False, 0.5)
    assert (health.consecutive_failures, health.problem) == (0, None)
    assert health.last_success_ms == NOW_MS + 3000


async def test_a_failure_is_logged_once_with_its_reason_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    place, clock = Place(), ManualClock()
    source = Slow(clock)
    poller = Poller("pd", source, store=place.store, log=place.log, clock=clock, health=place.health)
    source.reason = Unreachable("GET host:1/a: connection refused, 5 times")
    for _ in range(3):
        await poller.run(place.sink())
    source.reason = None
    for _ in range(2):
        await poller.run(place.sink())
    assert [record.getMessage() for record in caplog.records] == [
        "source is failing source=pd problem=GET host:1/a: connection refused, 5 times",
        "source recovered source=pd after_failures=3",
    ]


async def test_an_error_in_the_program_ends_a_pass_like_any_failure_and_is_logged_once_with_its_place(
    caplog: pytest.LogCaptureFixture,
) -> None:
    place, clock = Place(), ManualClock()
    source = Slow(clock)
    source.reason = ZeroDivisionError("secret")
    times = iter([10.0, 14.0, 20.0, 20.5])
    poller = Poller("pd", source, store=place.store, log=place.log, clock=clock, health=place.health)
    health = place.health
    assert await poller.run(place.sink(), stopwatch=lambda: next(times)) is None
    assert (health.is_up, health.pass_seconds, health.problem) == (False, 4.0, "internal error: ZeroDivisionError")
    assert await poller.run(place.sink(), stopwatch=lambda: next(times)) is None
    assert (health.consecutive_failures, health.pass_seconds) == (2, 0.5)
    assert [(record.getMessage(), record.exc_info is not None) for record in caplog.records] == [
        ("source poll failed with an internal error source=pd", True)
    ]


def test_what_is_taken_back_counts_as_updated() -> None:
    health = Health()
    health.count([Outcome.CREATED, Outcome.DELETED, Outcome.UPDATED, Outcome.UNCHANGED])
    assert {name: count for name, count in health.items.items() if count} == {
        "created": 1,
        "updated": 2,
        "unchanged": 1,
    }


async def test_what_is_wrong_is_told_in_words() -> None:
    place = Place()
    assert place.health.in_words() == "has not been asked yet"
    place.health.last_attempt_ms = NOW_MS
    assert place.health.in_words() == "its first pass has not ended"
    place.health.failed("no answer", at_ms=NOW_MS, seconds=1.0)
    assert place.health.in_words() == "failed once: no answer"
    place.health.failed("no answer", at_ms=NOW_MS, seconds=1.0)
    assert place.health.in_words() == "failed 2 times in a row: no answer"
