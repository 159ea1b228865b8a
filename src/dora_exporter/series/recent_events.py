"""What happened to one series lately, and what was decided about each event."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from dora_exporter.dora.events import Deployment, Incident, Series
from dora_exporter.dora.measures import History
from dora_exporter.dora.sliding_window import Window
from dora_exporter.series.engine import Readings
from dora_exporter.series.explanation import METRICS, CountedDeployment, CountedIncident, LeftOut, explain
from dora_exporter.series.series_state import Timeline

RECENT = 50


@dataclass(frozen=True)
class Chronicle:
    """The latest events of a series, newest first; ``left_out`` is what of them, or still to come, does not count."""

    history: History
    deployments: Sequence[CountedDeployment]
    incidents: Sequence[CountedIncident]
    left_out: Sequence[LeftOut]


async def chronicle(readings: Readings, series: Series) -> Chronicle | None:
    """The chronicle of a series as of the last update of the readings; None when no event of it is held."""
    timeline, group = readings.timeline(series), readings.tallies.series.get(series)
    if timeline is None or group is None:
        return None
    now_ms = readings.windows()[0].end_ms
    deployed = await explain(
        timeline, group.history, METRICS["dora_deployments"], _latest_deployments(timeline, now_ms)
    )
    suffered = await explain(timeline, group.history, METRICS["dora_incidents"], _latest_incidents(timeline, now_ms))
    return Chronicle(
        history=group.history,
        deployments=deployed.deployments[:RECENT],
        incidents=suffered.incidents[:RECENT],
        left_out=list(islice(_left_out(timeline, deployed.left_out), RECENT)),
    )


def _latest_deployments(timeline: Timeline, now_ms: int) -> Window:
    """A window with no more deployments than are shown, unless several finished in the same millisecond."""
    latest: list[Deployment] = timeline.judging.lineup.by_finish[-RECENT:]
    return _since(latest[0].finished_at if latest else now_ms, now_ms)


def _latest_incidents(timeline: Timeline, now_ms: int) -> Window:
    latest: list[Incident] = list(islice((each for each, reason in timeline.incidents() if reason is None), RECENT))
    return _since(latest[-1].started_at if latest else now_ms, now_ms)


def _since(first_ms: int, now_ms: int) -> Window:
    return Window("latest", now_ms - first_ms + 1, now_ms)


def _left_out(timeline: Timeline, of_deployments: Sequence[LeftOut]) -> Iterator[LeftOut]:
    """What does not count though it could: older events do, and are only not shown."""
    yield from (LeftOut("deployment", each.id, reason) for each, reason in timeline.waiting())
    yield from (LeftOut("incident", each.id, reason) for each, reason in timeline.incidents() if reason)
    yield from (each for each in of_deployments if each.kind != "deployment")
