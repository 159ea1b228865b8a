"""Keeps the lines of the first page for a minute: they take long to compute, and change little."""

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

from dora_exporter.dora.catalogue.tiers import TIERS
from dora_exporter.dora.events import DAY_MS
from dora_exporter.dora.sliding_window import Window
from dora_exporter.series.definitions import Definitions
from dora_exporter.series.engine import Engine
from dora_exporter.series.overview import Candidate, SeriesQuery, selected, tiers_of
from dora_exporter.series.summary import lines

REFRESH_SECONDS = 60
_OLDEST_MS, _MOST_KEPT = 90_000, 16
_USUAL_DAYS = 30


@dataclass(frozen=True, slots=True)
class Lines:
    """The points of each number up to a moment, oldest first, and the definitions that they follow."""

    end_ms: int
    points: Mapping[str, Sequence[float | None]]
    definitions: Definitions


class KeptLines:
    """The lines of the last questions. ``refresh`` every minute, so that the page as it opens need not wait."""

    def __init__(self, *, engine: Callable[[], Awaitable[Engine]], edition: Callable[[], str]) -> None:
        """No line."""
        self._engine = engine
        self._edition = edition
        self._kept: dict[Hashable, Lines] = {}

    async def refresh(self) -> None:
        """Computes the lines of the page as it opens, a few milliseconds at a time."""
        engine = await self._engine()
        question = usual_question(engine, self._edition())
        await self._compute(engine, question, (await selected(engine, question)).series)

    async def lines(self, engine: Engine, question: SeriesQuery, found: Sequence[Candidate]) -> Lines:
        """The lines of the series that a question selected, about a minute old at most."""
        kept = self._kept.get(_key(question))
        if kept and kept.definitions is engine.definitions and 0 <= question.window.end_ms - kept.end_ms < _OLDEST_MS:
            return kept
        return await self._compute(engine, question, found)

    async def _compute(self, engine: Engine, question: SeriesQuery, found: Sequence[Candidate]) -> Lines:
        end_ms, key = question.window.end_ms, _key(question)
        computed = Lines(end_ms, await lines(found, end_ms, question.edition), engine.definitions)
        self._kept.pop(key, None)
        while len(self._kept) >= _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = computed
        return computed


def usual_window(windows: list[Window]) -> Window:
    """The window that is shown unless another is asked for."""
    return min(windows, key=lambda window: abs(window.length_ms - _USUAL_DAYS * DAY_MS))


def usual_question(engine: Engine, edition: str) -> SeriesQuery:
    """The question of the page as it opens: the first tier, where there is any series of it."""
    tier = TIERS[0] if TIERS[0] in tiers_of(engine) else ""
    return SeriesQuery(window=usual_window(engine.windows()), edition=edition, tier=tier)


def _key(question: SeriesQuery) -> Hashable:
    """What decides which series are selected."""
    level = (question.level, question.window.text) if question.level else None
    return question.tier, question.environment, question.team, question.text, level, question.edition
