"""The law: after any sequence of writes, deletes, clock steps and restarts, what is exposed is what the oracle says."""

import asyncio
import math
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from tests import strategies
from tests.builders import NOW_MS
from tests.oracle.gauges import expected

from dora_exporter.failures.rollback import Rollback
from dora_exporter.readings import Definitions, Readings
from dora_exporter.store import EventStore

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
NOT_OF_THE_ORACLE = ("dora_unidentified", "dora_last_event", "dora_team_unidentified", "dora_team_last_event")


@dataclass(frozen=True)
class Rules:
    """The settings of a run."""

    attribution_limit_ms: int | None
    team_of: dict[str, str]
    rollback: bool
    series_limit: int

    def readings(self, store: EventStore, now_ms: int) -> Readings:
        """What a daemon that starts now reads from a store."""
        readings = Readings(
            store,
            Definitions(
                windows=strategies.WINDOWS,
                retention_ms=strategies.RETENTION_MS,
                series_limit=self.series_limit,
                attribution_limit_ms=self.attribution_limit_ms,
                rules=[Rollback()] if self.rollback else [],
                teams=self.team_of,
            ),
        )
        asyncio.run(readings.load(now_ms))
        return readings

    def expected(self, store: EventStore, now_ms: int) -> Samples:
        """What the oracle says of the same events."""
        return expected(
            store.deployments.values(),
            store.incidents.values(),
            now_ms=now_ms,
            windows=strategies.WINDOWS,
            retention_ms=strategies.RETENTION_MS,
            attribution_limit_ms=self.attribution_limit_ms,
            team_of=self.team_of,
            series_limit=self.series_limit,
            series_order=list(store.series_order),
            rollback_rule=self.rollback,
        )


def exposed(readings: Readings, now_ms: int) -> Samples:
    """The samples in the text caches, brought to a moment."""
    while not readings.update(now_ms):
        pass
    samples = {}
    for cache in (readings.series_text, readings.team_text):
        while not cache.refresh(1000):
            pass
        for _, piece in cache.sections():
            for family in text_string_to_metric_families(b"".join(piece.parts).decode()):
                for sample in family.samples:
                    if not sample.name.startswith(NOT_OF_THE_ORACLE):
                        samples[sample.name, frozenset(sample.labels.items())] = sample.value
    return samples


def differences(actual: Samples, wanted: Samples) -> list[str]:
    """What differs, one line each."""
    return [
        f"{key}: {actual.get(key)} instead of {wanted.get(key)}"
        for key in sorted({*actual, *wanted}, key=repr)
        if key not in actual or key not in wanted or not math.isclose(actual[key], wanted[key], rel_tol=1e-12)
    ]


all_rules = st.builds(
    Rules,
    attribution_limit_ms=strategies.attribution_limits,
    team_of=st.sampled_from([{}, strategies.TEAM_OF]),
    rollback=st.booleans(),
    series_limit=st.sampled_from([1, 2, 10_000]),
)


@settings(max_examples=300, deadline=None)
@given(rules=all_rules, steps=st.lists(st.tuples(strategies.actions(), st.booleans(), st.integers(0, 20)), max_size=30))
def test_what_is_exposed_is_what_the_oracle_says(
    rules: Rules, steps: list[tuple[strategies.Action, bool, int]]
) -> None:
    store = EventStore()
    now_ms = NOW_MS
    readings = rules.readings(store, now_ms)
    for action, looks, restart in steps:
        if isinstance(action, strategies.ClockStep):
            now_ms += action.ms
        else:
            store.apply(action)
        if restart == 0:
            restarted = EventStore()
            for series in store.series_order:
                restarted.series_order.setdefault(series, len(restarted.series_order))
            restarted.deployments = dict(store.deployments)
            restarted.incidents = dict(store.incidents)
            store = restarted
            readings = rules.readings(store, now_ms)
        if looks:
            assert differences(exposed(readings, now_ms), rules.expected(store, now_ms)) == []
    assert differences(exposed(readings, now_ms), rules.expected(store, now_ms)) == []
