"""What a pass leaves behind, whatever its source does."""

from tests.builders import NOW_MS, ManualClock, deployment
from tests.polling.test_landing import Place

from dora_exporter.polling.poller import Poller
from dora_exporter.sources.source import Memory, Sink
from dora_exporter.sources.transport import Traffic


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
    poller = Poller(
        "pd", Hasty(), store=place.store, log=place.log, clock=ManualClock(), health=place.health, stopwatch=lambda: 0.0
    )
    await poller.run(place.landing())
    assert (place.health.problem, place.store.cursors) == ("the disk was full", {})
    await poller.run(place.landing())
    assert place.store.cursors == {"pd": {"settings": "settings", "memory": {"cursor": NOW_MS}}}
    assert place.health.in_words() == "works"


async def test_what_is_wrong_is_told_in_words() -> None:
    place = Place()
    assert place.health.in_words() == "has not been asked yet"
    place.health.last_attempt_ms = NOW_MS
    assert place.health.in_words() == "its first pass has not ended"
    place.health.failed("no answer", seconds=1.0)
    assert place.health.in_words() == "failed once: no answer"
    place.health.failed("no answer", seconds=1.0)
    assert place.health.in_words() == "failed 2 times in a row: no answer"
