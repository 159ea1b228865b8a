"""The incidents of one series, and the phase that each is in at a moment.

An incident counts from its started_at until it is older than the retention. An open one never is.
"""

import enum
from collections.abc import Iterator
from heapq import heappop, heappush
from operator import attrgetter

from dora_exporter.dora.events import Incident
from dora_exporter.dora.failures.updates import Updates
from dora_exporter.series.counting_incidents import CountingIncidents

_started_at = attrgetter("started_at")


class _Phase(enum.Enum):
    """The phase of an incident at the present moment."""

    FUTURE = enum.auto()
    OPEN = enum.auto()
    RESTORED = enum.auto()
    GONE = enum.auto()


_COUNTS = (_Phase.OPEN, _Phase.RESTORED)


class IncidentPhases:
    """Passes on which incidents count at the present moment, and which make the series known."""

    def __init__(self, updates: Updates, counting: CountingIncidents, *, retention_ms: int) -> None:
        """No incident. Those that have begun are passed on to ``counting``, which has to be settled.

        ``due`` is a heap of the moments at which one of those ``held`` begins, ends or ceases to count.
        """
        self._updates = updates
        self._counting = counting
        self._retention_ms = retention_ms
        self.held: dict[str, Incident] = {}
        self._phases: dict[str, _Phase] = {}
        self.due: list[tuple[int, str]] = []

    def put(self, incident: Incident, now_ms: int) -> None:
        """Adds an incident."""
        self.held[incident.id] = incident
        # As if it had never counted, so that advancing passes on all that it is by now.
        self._phases[incident.id] = _Phase.GONE
        self._advance(incident, now_ms)

    def remove(self, incident: Incident) -> None:
        """Removes an incident."""
        phase = self._phases.pop(incident.id)
        if phase in _COUNTS:
            self._counting.remove(incident)
        if phase is not _Phase.GONE:
            self._updates.presence([incident], -1)
        del self.held[incident.id]

    def seeking(self, now_ms: int, *, backwards: bool) -> Iterator[None]:
        """Moves to a moment, step by step."""
        if backwards:
            # The queue has what comes next. A clock that was set back may return any of them to an earlier phase.
            for incident in self.held.values():
                self._advance(incident, now_ms)
                yield
        while self.due and self.due[0][0] <= now_ms:
            # It may have gone or been written again since. To advance one before its time changes nothing.
            incident_due = self.held.get(heappop(self.due)[1])
            if incident_due:
                self._advance(incident_due, now_ms)
            yield

    def newest_first(self) -> Iterator[tuple[Incident, str | None]]:
        """All incidents, and why one does not count."""
        reasons = {_Phase.FUTURE: "begins later", _Phase.GONE: "is older than the retention"}
        for incident in sorted(self.held.values(), key=_started_at, reverse=True):
            phase = self._phases[incident.id]
            yield incident, self._counting.reason(incident) if phase in _COUNTS else reasons[phase]

    def present(self) -> list[Incident]:
        """The incidents that make the series known."""
        return [each for each in self.held.values() if self._phases[each.id] is not _Phase.GONE]

    def parts(self) -> Iterator[object]:
        """What it consists of."""
        yield from (self.held, self._phases, self.due)

    def _advance(self, incident: Incident, now_ms: int) -> None:
        """Moves an incident to its phase at a moment."""
        before, phase = self._phases[incident.id], self._phase(incident, now_ms)
        self._phases[incident.id] = phase
        if (before is _Phase.GONE) != (phase is _Phase.GONE):
            self._updates.presence([incident], 1 if before is _Phase.GONE else -1)
        if phase in _COUNTS:
            self._counting.put(incident, incident.finished_at if phase is _Phase.RESTORED else None)
        elif before in _COUNTS:
            self._counting.remove(incident)
        due = {
            _Phase.FUTURE: incident.started_at,
            _Phase.OPEN: incident.finished_at,
            _Phase.RESTORED: (incident.finished_at or 0) + self._retention_ms + 1,
        }.get(phase)
        if due is not None:
            heappush(self.due, (due, incident.id))

    def _phase(self, incident: Incident, now_ms: int) -> _Phase:
        if incident.started_at > now_ms:
            return _Phase.FUTURE
        if incident.finished_at is None or incident.finished_at > now_ms:
            return _Phase.OPEN
        return _Phase.RESTORED if incident.finished_at >= now_ms - self._retention_ms else _Phase.GONE
