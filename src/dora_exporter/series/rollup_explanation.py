"""Explains a number of a rollup, such as a team, by joining the explanations of its series."""

from collections.abc import Iterator

from dora_exporter.dora.events import Event, Series
from dora_exporter.dora.failures.order import finish_order
from dora_exporter.dora.metrics.contract import WindowMetric
from dora_exporter.dora.sliding_window import Window
from dora_exporter.runtime.cooperative import in_turns
from dora_exporter.series.counted_events import CountedIncident
from dora_exporter.series.engine import Engine
from dora_exporter.series.explanation import Explanation, fill
from dora_exporter.series.membership import Rollup
from dora_exporter.series.series_state import SeriesState

_TRIES = 3


async def explain_rollup(
    engine: Engine, place: tuple[Rollup, str], metric: WindowMetric, window: Window
) -> Explanation | None:
    """Explains a metric of ``explanation.METRICS`` for a rollup in an environment; None if it has no event.

    It works in slices. Series that change between two are explained again, and after some tries in one go.
    """
    parts = _Parts(engine, place, metric, window)
    for _ in range(_TRIES):
        async for _ in in_turns(parts.refresh()):
            pass
    for _ in parts.refresh():
        pass
    aggregate = engine.aggregates.rollup(*place)
    return (
        parts.together(dict(metric.read(aggregate.measures, window))) if aggregate and aggregate.present > 0 else None
    )


class _Parts:
    """The explanations of the series, each with the version of the state that it explains."""

    def __init__(self, engine: Engine, place: tuple[Rollup, str], metric: WindowMetric, window: Window) -> None:
        self._engine = engine
        self._rollup, self._environment = place
        self._metric = metric
        self._window = window
        self._parts: dict[Series, tuple[int, Explanation]] = {}

    def refresh(self) -> Iterator[None]:
        """Explains each series whose explanation is out of date, one event a step."""
        states = self._engine.states()
        for gone in self._parts.keys() - states.keys():
            del self._parts[gone]
        for series, state in states.items():
            yield
            if series.environment == self._environment and self._is_stale(series, state):
                yield from self._explain(series, state)

    def together(self, values: dict[tuple[str, ...], float]) -> Explanation:
        """The joined explanation, newest first. An incident counts once, attributed if it is in any service."""
        whole = Explanation(self._metric, values)
        incidents: dict[str, CountedIncident] = {}
        for _, part in self._parts.values():
            whole.deployments.extend(part.deployments)
            whole.left_out.extend(part.left_out)
            for each in part.incidents:
                if each.attributed_to is not None or each.incident.id not in incidents:
                    incidents[each.incident.id] = each
        whole.deployments.sort(key=lambda each: finish_order(each.deployment), reverse=True)
        whole.incidents.extend(sorted(incidents.values(), key=lambda each: each.incident.started_at, reverse=True))
        whole.left_out[:] = dict.fromkeys(whole.left_out)
        return whole

    def _explain(self, series: Series, state: SeriesState) -> Iterator[None]:
        """Explains a series; nothing is stored if it changes before the end."""
        version, part = state.version, Explanation(self._metric, {})
        for _ in fill(part, state, self._window, self._belongs):
            yield
            if state.version != version:
                return
        self._parts[series] = version, part

    def _is_stale(self, series: Series, state: SeriesState) -> bool:
        known = self._parts.get(series)
        return known is None or known[0] != state.version

    def _belongs(self, event: Event) -> bool:
        return self._rollup in self._engine.membership.of(event)
