"""Writes that are not taken over yet, by series: of each event how it was and how it is."""

from collections.abc import Iterator

from dora_exporter.dora.events import Deployment, Event, Incident, Series


class Pending:
    """The writes to the events of one series, each event once: what it counted as before, and what it counts as now."""

    __slots__ = ("_after", "_before")

    def __init__(self) -> None:
        """No write."""
        self._before: dict[tuple[type[Event], str], Event] = {}
        self._after: dict[tuple[type[Event], str], Event | None] = {}

    def add(self, before: Event | None, after: Event | None) -> None:
        """A write: the event before it and after it, None where it is not of the series."""
        event = before or after
        if event is None:
            return
        key = type(event), event.id
        if before is not None and key not in self._after:
            self._before[key] = before
        self._after[key] = after

    def __len__(self) -> int:
        """How many events were written."""
        return len(self._after)

    def changes(self) -> Iterator[tuple[Event | None, Event | None]]:
        """The writes, one for each event."""
        for key, after in self._after.items():
            before = self._before.get(key)
            if before is not after:
                yield before, after

    def events(self) -> tuple[list[Deployment], list[Incident]]:
        """What the series holds by now, if it held nothing before."""
        held = [each for each in self._after.values() if each is not None]
        return [each for each in held if isinstance(each, Deployment)], [
            each for each in held if isinstance(each, Incident)
        ]


def homes(event: Event) -> Iterator[Series]:
    """The series in which an event counts; one without a service is for an incident that names only a team."""
    if isinstance(event, Deployment):
        yield event.series
    elif event.merged_into is None:
        yield from event.series
        if not event.services and event.team:
            yield Series("", event.environment)
