"""The recent events of one series, and how each was classified."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from dora_exporter.dora.events import Deployment, Incident, Series
from dora_exporter.dora.measures import Measures
from dora_exporter.dora.sliding_window import Window
from dora_exporter.series.counted_events import CountedDeployment, CountedIncident, LeftOut
from dora_exporter.series.engine import Engine
from dora_exporter.series.explanation import METRICS, explain
from dora_exporter.series.series_state import SeriesState

RECENT = 50


@dataclass(frozen=True)
class RecentEvents:
    """The latest events of a series, newest first; ``left_out`` has those that do not count, or not yet."""

    measures: Measures
    deployments: Sequence[CountedDeployment]
    incidents: Sequence[CountedIncident]
    left_out: Sequence[LeftOut]


async def recent_events(engine: Engine, series: Series) -> RecentEvents | None:
    """The recent events of a series as of the last update of the engine; None if it has no event."""
    state, aggregate = engine.state(series), engine.aggregates.series.get(series)
    if state is None or aggregate is None:
        return None
    now_ms = engine.windows()[0].end_ms
    deployed = await explain(state, aggregate.measures, METRICS["dora_deployments"], _latest_deployments(state, now_ms))
    suffered = await explain(state, aggregate.measures, METRICS["dora_incidents"], _latest_incidents(state, now_ms))
    return RecentEvents(
        measures=aggregate.measures,
        deployments=deployed.deployments[:RECENT],
        incidents=suffered.incidents[:RECENT],
        left_out=list(islice(_left_out(state, deployed.left_out), RECENT)),
    )


def _latest_deployments(state: SeriesState, now_ms: int) -> Window:
    """A window with the deployments that are shown, and more only if several finished in the same millisecond."""
    latest: list[Deployment] = state.classifier.in_order.by_finish[-RECENT:]
    return _since(latest[0].finished_at if latest else now_ms, now_ms)


def _latest_incidents(state: SeriesState, now_ms: int) -> Window:
    latest: list[Incident] = list(
        islice((each for each, reason in state.incidents.newest_first() if reason is None), RECENT)
    )
    return _since(latest[-1].started_at if latest else now_ms, now_ms)


def _since(first_ms: int, now_ms: int) -> Window:
    return Window("latest", now_ms - first_ms + 1, now_ms)


def _left_out(state: SeriesState, of_deployments: Sequence[LeftOut]) -> Iterator[LeftOut]:
    """The events that do not count. Older ones do count, and are only not shown."""
    yield from (LeftOut("deployment", each.id, reason) for each, reason in state.waiting())
    yield from (
        LeftOut("deployment", each.id, f"its outcome is {each.outcome}: an attempt, but no deployment")
        for each in state.attempts.newest_first()
    )
    yield from (LeftOut("incident", each.id, reason) for each, reason in state.incidents.newest_first() if reason)
    yield from (each for each in of_deployments if each.kind != "deployment")
