"""The families about each source."""

from collections.abc import Callable, Iterable

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from dora_exporter.runtime.clock import in_seconds
from dora_exporter.sources.contract import Ignored, Webhook
from dora_exporter.sources.polling.manager import RunningSource, RunningSources

_PREFIX = "dora_exporter_source_"


class SourceCollector:
    """Reads from the running sources. An event that has not happened yet has no sample."""

    def __init__(self, sources: RunningSources) -> None:
        """``sources`` are the running ones."""
        self._sources = sources

    def collect(self) -> Iterable[Metric]:
        """Every family, each with a sample for the sources that have one."""
        for name, help_text, read in self._gauges():
            gauge = GaugeMetricFamily(_PREFIX + name, help_text, labels=("source",))
            for running in self._sources:
                value = read(running)
                if value is not None:
                    gauge.add_metric((running.name,), value)
            yield gauge
        for name, help_text, count in _COUNTERS:
            counter = CounterMetricFamily(_PREFIX + name, help_text, labels=("source",))
            for running in self._sources:
                counter.add_metric((running.name,), count(running))
            yield counter
        for name, help_text, counts in _COUNTERS_BY_OUTCOME:
            by_outcome = CounterMetricFamily(_PREFIX + name, help_text, labels=("source", "outcome"))
            for running in self._sources:
                for outcome, value in sorted(counts(running).items()):
                    by_outcome.add_metric((running.name, outcome), value)
            if name == "items":
                self._add_ignored(by_outcome)
            yield by_outcome

    def _add_ignored(self, items: CounterMetricFamily) -> None:
        """Deliveries that wrote nothing: a sample for each reason; other outcomes have none."""
        for running in self._sources:
            if isinstance(running.source, Webhook):
                for reason in Ignored:
                    labels = {"source": running.name, "outcome": "ignored", "reason": reason.value}
                    items.add_sample(f"{items.name}_total", labels, running.health.ignored[reason])

    def _gauges(self) -> Iterable[tuple[str, str, Callable[[RunningSource], float | None]]]:
        yield "up", "1 if the last poll succeeded, 0 if it failed.", lambda each: each.health.is_up
        yield (
            "misconfigured",
            "1 while the upstream rejects the credentials or they cannot be read, else 0.",
            lambda each: each.health.is_misconfigured,
        )
        yield (
            "last_success_timestamp_seconds",
            "When the last successful poll ended.",
            lambda each: in_seconds(each.health.last_success_ms),
        )
        yield (
            "last_attempt_timestamp_seconds",
            "When the last poll started.",
            lambda each: in_seconds(each.health.last_attempt_ms),
        )
        yield "consecutive_failures", "Failed polls since the last success.", _consecutive_failures
        yield "pass_duration_seconds", "Duration of the last poll.", lambda each: each.health.pass_seconds
        yield (
            "ratelimit_remaining",
            "Remaining requests of the upstream's rate limit, as last reported.",
            lambda each: each.source.traffic.ratelimit_remaining,
        )
        yield "open_items", "Open incidents of the source.", self._sources.open_items
        yield (
            "cursor_timestamp_seconds",
            "Time up to which the upstream has been read.",
            lambda each: in_seconds(self._sources.cursor_ms(each)),
        )
        yield (
            "unmapped_services",
            "Upstream services without an entry in the source's map.",
            lambda each: each.source.unmapped_services,
        )


_COUNTERS: tuple[tuple[str, str, Callable[[RunningSource], float]], ...] = (
    (
        "throttled_seconds",
        "Seconds spent waiting because of the upstream's rate limit.",
        lambda each: each.source.traffic.throttled_seconds,
    ),
    (
        "overflow",
        "Time ranges with more rows than the upstream API returns.",
        lambda each: each.health.overflows,
    ),
    (
        "ends_clamped",
        "Items that ended before they started, clamped to a duration of 0.",
        lambda each: each.health.ends_clamped,
    ),
)

_COUNTERS_BY_OUTCOME: tuple[tuple[str, str, Callable[[RunningSource], dict[str, int]]], ...] = (
    ("requests", "Requests to the upstream by outcome.", lambda each: each.source.traffic.requests),
    ("items", "Items received from the upstream, by outcome.", lambda each: each.health.items),
    (
        "names_changed",
        "Names and texts from the upstream that were changed to fit the limits of events, by change.",
        lambda each: each.health.names_changed,
    ),
)


def _consecutive_failures(running: RunningSource) -> float | None:
    """Absent for a source that is never polled."""
    return None if running.source.interval_ms is None else running.health.consecutive_failures
