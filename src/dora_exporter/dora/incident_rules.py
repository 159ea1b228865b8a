"""The rules that say which incidents count, how severe they are, and which of them are one."""

from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dora_exporter.dora.events import Incident
from dora_exporter.dora.sorted_in_steps import Steps

_PER_STEP = 256
SEVERITIES = (1, 2, 3, 4, 5)
"""From the worst to the least."""
UNKNOWN = "none"
"""Stands for the severity of an incident that has none that is known, where severities are configured."""


@dataclass(frozen=True, slots=True)
class IncidentRules:
    """By default every incident counts, by itself and without a severity.

    ``severities`` has the number of each spelling, in lower case; ``counted`` are the numbers that count.
    ``unknown_severity`` is the number of an incident with another spelling or none; without it such an incident counts.
    One that ended within less than ``minimum_ms`` does not count. ``reopened_within_ms`` is how long after the end of
    an incident another one of the same services, environment and team is the same one, reopened.
    """

    severities: Mapping[str, int] = field(default_factory=dict)
    counted: frozenset[int] = frozenset(SEVERITIES)
    unknown_severity: int | None = None
    minimum_ms: int = 0
    reopened_within_ms: int | None = None

    @property
    def know_severities(self) -> bool:
        """Whether incidents have a severity."""
        return bool(self.severities) or self.unknown_severity is not None

    def severity(self, incidents: Iterable[Incident]) -> str | None:
        """The worst severity of incidents that are one, ``UNKNOWN`` without any; None where none is configured."""
        if not self.know_severities:
            return None
        known = [number for each in incidents if (number := self._number(each)) is not None]
        return str(min(known)) if known else UNKNOWN

    def refused_severity(self, incident: Incident) -> int | None:
        """The severity of an incident, if incidents of it do not count; else None."""
        number = self._number(incident)
        return None if number is None or number in self.counted else number

    def is_too_short(self, began: int, restored_at: int | None) -> bool:
        """Whether an incident ended too soon to count. One that is open counts."""
        return restored_at is not None and restored_at - began < self.minimum_ms

    def _number(self, incident: Incident) -> int | None:
        return self.severities.get((incident.severity or "").strip().lower(), self.unknown_severity)


@dataclass(slots=True, eq=False)
class Outage:
    """Incidents that are one, in order of their beginnings; ``restored_at`` is the end of the last, None while open."""

    incidents: list[Incident]
    restored_at: int | None


def outages(incidents: Mapping[str, tuple[Incident, int | None]], within_ms: int) -> Steps[Sequence[Outage]]:
    """Joins incidents, each with its end or None, that began at most ``within_ms`` after the end of another one.

    It works step by step.

    In order of their beginnings each one continues the incident that ended last, of those that had ended by then, and
    recently enough, and that no other one continues.
    """
    found: list[Outage] = []
    ended: list[tuple[int, int, str, int]] = []
    ordered = sorted(incidents.values(), key=lambda each: (each[0].started_at, each[0].id))
    for count, (incident, restored_at) in enumerate(ordered):
        if count % _PER_STEP == _PER_STEP - 1:
            yield
        latest = bisect_right(ended, incident.started_at, key=lambda each: each[0]) - 1
        if latest >= 0 and ended[latest][0] >= incident.started_at - within_ms:
            number = ended.pop(latest)[-1]
            found[number].incidents.append(incident)
            found[number].restored_at = restored_at
        else:
            number = len(found)
            found.append(Outage([incident], restored_at))
        if restored_at is not None:
            insort(ended, (restored_at, incident.started_at, incident.id, number))
    return found
