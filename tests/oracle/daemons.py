"""Store and engine wired as in the daemon, with a clock that actions turn, beside what the oracle expects."""

import asyncio
from functools import lru_cache

from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from tests.builders import NOW_MS
from tests.oracle.gauges import Sample, expected
from tests.strategies import (
    RETENTION_MS,
    TEAM_OF,
    WINDOWS,
    Action,
    ClockStep,
    attribution_limits,
    incident_rules,
    trees,
)

from dora_exporter.dora import metrics
from dora_exporter.dora.failures.revert import Revert
from dora_exporter.dora.failures.rollback import Rollback
from dora_exporter.dora.store import EventStore
from dora_exporter.exposition.series_text import SeriesText
from dora_exporter.exposition.text_cache import TextCache
from dora_exporter.series.definitions import Definitions
from dora_exporter.series.engine import Engine

NOT_IN_THE_ORACLE = (
    "environment_info",
    "last_event_timestamp_seconds",
    "lead_time_stage_seconds",
    "unidentified_deployments",
)


class Daemon:
    """Store and engine as the daemon wires them, with a clock that its actions turn."""

    def __init__(self, definitions: Definitions) -> None:
        self.now_ms = NOW_MS
        self.store = EventStore()
        self.definitions = definitions
        self.restart()

    def restart(self) -> None:
        """Forgets what is not in the store."""
        self.engine = Engine(self.store, self.definitions)
        self.text = SeriesText(self.engine)
        asyncio.run(self.engine.load(self.now_ms))

    def perform(self, action: Action) -> None:
        """Writes, or lets time pass."""
        if isinstance(action, ClockStep):
            self.now_ms += action.ms
        else:
            self.store.apply(action)

    def samples(self) -> dict[Sample, float]:
        """What a scrape would show now, as far as the oracle knows it."""
        return {
            sample: value
            for line in self.lines()
            for sample, value in _samples(line)
            if not sample[0].endswith(NOT_IN_THE_ORACLE)
        }

    def lines(self) -> list[str]:
        """What a scrape would show now, in every digit, in the order of the alphabet."""
        while not self.text.update(self.now_ms):
            pass
        return sorted(line for cache in self.text.caches for line in _text(cache).splitlines())

    def expected(self) -> dict[Sample, float]:
        """What it should show."""
        return expected(
            self.store.deployments.values(),
            self.store.incidents.values(),
            now_ms=self.now_ms,
            windows=self.definitions.windows,
            retention_ms=self.definitions.retention_ms,
            attribution_limit_ms=self.definitions.attribution_limit_ms,
            team_of=self.definitions.teams,
            incident_rules=self.definitions.incidents,
            groups=self.definitions.groups,
            dimensions=self.definitions.dimensions,
            values_limit=self.definitions.values_limit,
            series_limit=self.definitions.series_limit,
            series_order=self.store.series_order,
            rollback_rule=bool(self.definitions.rules),
            revert_rule=len(self.definitions.rules) > 1,
        )


definitions = st.builds(
    Definitions,
    windows=st.just(WINDOWS),
    retention_ms=st.just(RETENTION_MS),
    series_limit=st.sampled_from([1, 2, 10]),
    attribution_limit_ms=attribution_limits,
    rules=st.sampled_from([(), (Rollback(),), (Rollback(), Revert())]),
    teams=st.sampled_from([{}, TEAM_OF]),
    incidents=incident_rules,
    groups=trees,
    dimensions=st.sampled_from([(), ("customer",), ("tier", "customer")]),
    values_limit=st.sampled_from([1, 2, 50]),
    metrics=st.just((*metrics.ALL, *metrics.BY_SEVERITY)),
)


@lru_cache(maxsize=100_000)
def _samples(line: str) -> list[tuple[Sample, float]]:
    """What is in a line, which most scrapes have in common with the one before."""
    return [
        ((sample.name, frozenset(sample.labels.items())), sample.value)
        for family in text_string_to_metric_families(f"{line}\n")
        for sample in family.samples
    ]


def _text(cache: TextCache) -> str:
    while not cache.refresh(1000):
        pass
    return b"".join(part for _, piece in cache.sections() for part in piece.parts).decode()
