"""What readings know at a moment: enough for others, of the same events and definitions, to go on from there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dora_exporter.events import Deployment, Incident, Series
from dora_exporter.group import Measured
from dora_exporter.timeline import Outline


@dataclass(frozen=True, slots=True, eq=False)
class Everything:
    """All events of a series that has to be judged anew."""

    deployments: Sequence[Deployment]
    incidents: Sequence[Incident]


@dataclass(frozen=True, slots=True)
class SeriesStanding:
    """A series: its events, sorted out or to be judged, and its numbers."""

    series: Series
    events: Outline | Everything
    measured: Measured


@dataclass(frozen=True, slots=True)
class Standing:
    """All series and teams, as of a moment."""

    now_ms: int
    series: Sequence[SeriesStanding]
    teams: Mapping[tuple[str, ...], Measured]
