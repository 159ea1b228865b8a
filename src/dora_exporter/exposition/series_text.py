"""The text of all series and rollups, rendered anew where the engine says that numbers changed."""

from collections.abc import Sequence

from dora_exporter.dora.metrics import OF_DIMENSIONS
from dora_exporter.dora.metrics.contract import Metric
from dora_exporter.exposition.sample_text import AggregateLines, line
from dora_exporter.exposition.text_cache import Family, TextCache
from dora_exporter.runtime.clock import Stopwatch, stopwatch
from dora_exporter.series.aggregate import Aggregate
from dora_exporter.series.engine import Engine

_SERVICE_INFO = Family("dora_service_info", "The team and the repository of a service, from its latest deployment.")
_SLICE_SECONDS = 0.004


class SeriesText:
    """The text caches of an engine: ``update`` until it returns True, and they hold the numbers of that moment."""

    def __init__(self, engine: Engine, *, stopwatch: Stopwatch = stopwatch) -> None:
        """Empty caches."""
        self.engine = engine
        self._stopwatch = stopwatch
        metrics = engine.definitions.metrics
        self.series = TextCache([*(Family(each.name, each.help) for each in metrics), _SERVICE_INFO])
        self.rollups: dict[str, TextCache] = {}
        self._metrics: dict[TextCache, Sequence[Metric]] = {self.series: metrics}
        for kind in engine.membership.kinds:
            its = [each for each in metrics if _exists_of(each, kind)]
            names = [each.name.replace("dora_", f"dora_{kind}_", 1) for each in its]
            cache = TextCache([Family(name, each.help) for name, each in zip(names, its, strict=True)])
            self.rollups[kind], self._metrics[cache] = cache, its
        self._is_rendering = False
        self._is_mending = False
        self._aggregate: Aggregate | None = None
        self._writer: AggregateLines | None = None
        self._lines: list[bytes] = []
        """Those of the aggregate that is being rendered, a family each."""

    @property
    def caches(self) -> Sequence[TextCache]:
        """Those of the series, of the teams, and of the groups and dimensions where there are any."""
        return (self.series, *self.rollups.values())

    def is_behind(self) -> bool:
        """Whether so much was written that scrapes are not to wait for it."""
        return self.engine.is_behind

    def apply_pending(self) -> bool:
        """Has the engine take over what was written, a few milliseconds a call; True once it has.

        While text is rendered that waits, or the text would be that of two moments.
        """
        return self._is_rendering or self.engine.apply_pending()

    def update(self, now_ms: int) -> bool:
        """Brings the engine and the text to a moment, a few milliseconds a call; True when nothing is left to do."""
        if not self._is_rendering:
            self._is_rendering = self.engine.update(now_ms)
            return False
        if self._is_mending:
            self._is_mending = not self.engine.mend()
            return False
        self._is_rendering = not self._render_a_slice()
        return not self._is_rendering

    def _render_a_slice(self) -> bool:
        """Renders for a few milliseconds; True when nothing is left to do."""
        end = self._stopwatch() + _SLICE_SECONDS
        while self._stopwatch() < end and not self._is_mending:
            self._aggregate = self._aggregate or self.engine.pop_changed()
            if self._aggregate is None:
                return True
            try:
                is_done = self._advance(self._aggregate)
            except Exception as defect:  # noqa: BLE001  # whatever it is, all other aggregates are to be shown
                self._fail(self._aggregate, defect)
                is_done = True
            if is_done:
                self._aggregate, self._writer, self._lines = None, None, []
        return False

    def _advance(self, aggregate: Aggregate) -> bool:
        """Renders an aggregate a step further: a family, or its text is put in its place; True once that is so."""
        cache = self._cache(aggregate)
        if not self.engine.aggregates.is_exposed(aggregate):
            self._drop(aggregate)
        elif not (self._lines or aggregate.measures.prepare(self.engine.windows())):
            return False
        elif len(self._lines) < len(self._metrics[cache]):
            index = len(self._lines)
            if self._writer is None:
                self._writer = AggregateLines(aggregate, self.engine.windows())
            self._lines.append(self._writer.of(self._metrics[cache][index], cache.families[index].name))
            return False
        else:
            lines_of_info = [self._service_info(aggregate)] if cache is self.series else []
            for index, its in enumerate([*self._lines, *lines_of_info]):
                cache.set(index, aggregate.key, its)
        self.engine.rendered(aggregate)
        return True

    def _fail(self, aggregate: Aggregate, defect: Exception) -> None:
        self._is_mending = True
        if self.engine.failed(aggregate, defect):
            self._drop(aggregate)

    def _drop(self, aggregate: Aggregate) -> None:
        if not self.engine.aggregates.is_replaced(aggregate):
            self._cache(aggregate).drop(aggregate.key)

    def _cache(self, aggregate: Aggregate) -> TextCache:
        return self.rollups.get(aggregate.kind, self.series)

    def _service_info(self, aggregate: Aggregate) -> bytes:
        series = self.engine.aggregates.of_series(aggregate)
        state = self.engine.state(series) if series else None
        latest = state.latest if state else None
        if latest is None:
            return b""
        described = {"team": "".join(self.engine.membership.teams.of(latest)), "repository": latest.repository or ""}
        return line(_SERVICE_INFO.name, {**aggregate.labels, **described}, 1)


def _exists_of(metric: Metric, kind: str) -> bool:
    return metric.name in OF_DIMENSIONS if kind == "dimension" else metric.is_per_team
