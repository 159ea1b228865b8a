"""Writes to the store that the engine has not applied yet."""

from collections import deque
from collections.abc import Collection, Iterator, Sequence

from dora_exporter.dora.catalogue.catalogue import Catalogue
from dora_exporter.dora.changes import Change
from dora_exporter.dora.events import Deployment, Event, Incident, Series

_PER_STEP = 64


class SeriesWrites:
    """The writes to one series, each event once: as it was before the first write, and as it is after the last."""

    __slots__ = ("_after", "_before")

    def __init__(self) -> None:
        """No write."""
        self._before: dict[tuple[type[Event], str], Event] = {}
        self._after: dict[tuple[type[Event], str], Event | None] = {}

    def add(self, before: Event | None, after: Event | None) -> None:
        """Adds a write: the event before and after it, None if it was not or is not in the series."""
        event = before or after
        if event is None:
            return
        key = type(event), event.id
        if before is not None and key not in self._after:
            self._before[key] = before
        self._after[key] = after

    def __len__(self) -> int:
        """The number of written events."""
        return len(self._after)

    def changes(self) -> Iterator[tuple[Event | None, Event | None]]:
        """The changes, one for each event."""
        for key, after in self._after.items():
            before = self._before.get(key)
            if before is not after:  # else it came and went, and was never applied
                yield before, after

    def events(self) -> tuple[list[Deployment], list[Incident]]:
        """All events of the series, if it had none before."""
        held = [each for each in self._after.values() if each is not None]
        return [each for each in held if isinstance(each, Deployment)], [
            each for each in held if isinstance(each, Incident)
        ]


class PendingWrites:
    """Writes in order of arrival, and those already sorted by series; its length is the number left to apply."""

    def __init__(self, catalogue: Catalogue) -> None:
        """No write. ``catalogue`` says in which series each event counts."""
        self._homes = catalogue.homes
        self._written: deque[Change] = deque()
        self._admitted = 0
        self._by_series: dict[Series, SeriesWrites] = {}

    def __len__(self) -> int:
        """The number of unsorted writes, plus the number of written events of each series."""
        return len(self._written) + sum(map(len, self._by_series.values()))

    def note(self, changes: Sequence[Change]) -> None:
        """Queues writes: a client that sends many does not wait until each is classified."""
        self._written.extend(changes)

    def admit(self) -> None:
        """Admits the writes until now. Later ones wait for the next round, so that this one ends."""
        self._admitted = len(self._written)

    @property
    def are_admitted(self) -> bool:
        """Whether there are admitted writes to sort by series."""
        return self._admitted > 0

    @property
    def are_sorted(self) -> bool:
        """Whether a series has writes to apply."""
        return bool(self._by_series)

    def sort_admitted(self) -> Iterator[None]:
        """Sorts the admitted writes by series, step by step."""
        return self._sort(self._admitted, ())

    def sort_all(self, *, except_for: Collection[Series]) -> Iterator[None]:
        """Sorts all writes until now by series, and drops those of some series."""
        # These are computed anew from the store, which has the writes already.
        for series in except_for:
            self._by_series.pop(series, None)
        return self._sort(len(self._written), except_for)

    def items(self) -> Iterator[tuple[Series, SeriesWrites]]:
        """The sorted writes of each series."""
        return iter(self._by_series.items())

    def pop(self) -> tuple[Series, SeriesWrites]:
        """Removes and returns the sorted writes of the series that has waited longest."""
        series = next(iter(self._by_series))
        return series, self._by_series.pop(series)

    def _sort(self, count: int, except_for: Collection[Series]) -> Iterator[None]:
        for number in range(count):
            before, after = self._written.popleft()
            # Not below 0: ``sort_all`` takes those too that are not admitted.
            self._admitted = max(self._admitted - 1, 0)
            if before is not after:  # the store tells of writes that changed nothing, too
                was = set(self._homes(before) if before else ())
                is_ = self._homes(after) if after else ()
                for series in is_:
                    if series not in except_for:
                        self._of(series).add(before if series in was else None, after)
                for series in was.difference(is_):
                    if series not in except_for:
                        self._of(series).add(before, None)
            if number % _PER_STEP == _PER_STEP - 1:
                yield

    def _of(self, series: Series) -> SeriesWrites:
        writes = self._by_series.get(series)
        if writes is None:
            writes = self._by_series[series] = SeriesWrites()
        return writes
