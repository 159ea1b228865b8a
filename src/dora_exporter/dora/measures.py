"""What happened in a group (a series, a team, or the surplus series), in time order: the metrics are read from it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple, Self

import msgspec

from dora_exporter.dora.events import Deployment
from dora_exporter.dora.lead_time_stages import STAGES
from dora_exporter.dora.sliding_window import Samples, Times, Window

CAUSES = ("verdict", "rollback", "revert", "rule", "incident")
"""Why a deployment is known to have failed, by precedence."""


_OF_SOURCE = "source:"


def is_identified(deployment: Deployment) -> bool:
    """Whether it can be told what was deployed, and so whether it was deployed before."""
    return bool(deployment.version or deployment.commit_sha)


class DeploymentFacts(msgspec.Struct, frozen=True, gc=False):
    """What a deployment adds to the numbers.

    ``cause`` is one of ``CAUSES`` when it failed; ``recovery`` is the moment at which that was remedied and how long
    it took; ``lead_times`` are those of the commits it shipped first, ``stages`` their parts; ``dropped`` counts the
    commits whose author time lies too far ahead. All lengths are in milliseconds.
    """

    finished_at: int
    source: str
    identified: bool = True
    cause: str | None = None
    recovery: tuple[int, int] | None = None
    rework: bool = False
    lead_times: tuple[int, ...] = ()
    stages: tuple[tuple[str, int], ...] = ()
    dropped: int = 0

    @classmethod
    def of(cls, deployment: Deployment) -> Self:
        """What a deployment says of which nothing else is known."""
        return cls(deployment.finished_at, deployment.source, is_identified(deployment))


class PlainFacts(NamedTuple):
    """What many deployments of one series add that say no more than ``DeploymentFacts.of`` each: moments of finish."""

    finished: Sequence[int]
    unidentified: Sequence[int]
    by_source: Mapping[str, Sequence[int]]

    @classmethod
    def of(cls, deployments: Sequence[Deployment]) -> Self:
        """What the deployments say."""
        finished = list(map(attrgetter("finished_at"), deployments))
        unidentified = [each.finished_at for each in deployments if not (each.version or each.commit_sha)]
        sources = set(map(attrgetter("source"), deployments))
        if len(sources) == 1:
            return cls(finished, unidentified, {sources.pop(): finished})
        by_source = {name: [each.finished_at for each in deployments if each.source == name] for name in sources}
        return cls(finished, unidentified, by_source)


class IncidentFacts(msgspec.Struct, frozen=True, gc=False):
    """What an incident adds to the numbers; ``restored_at`` is None while it is open."""

    started_at: int
    source: str
    restored_at: int | None
    attributed: bool


class Measures:
    """The measurements of a group, each of which can be taken out again."""

    __slots__ = (
        "_is_by_source",
        "causes",
        "deployments",
        "dropped",
        "incidents",
        "lead_times",
        "open_incidents",
        "recoveries",
        "restores",
        "reworks",
        "sources",
        "stages",
        "unattributed",
        "unidentified",
    )

    def __init__(self, *, is_by_source: bool = True) -> None:
        """A group in which nothing happened. What came from which source is held apart only where that is asked for."""
        self._is_by_source = is_by_source
        self.deployments = Times()
        self.unidentified = Times()
        self.causes: dict[str, Times] = {cause: Times() for cause in CAUSES}
        self.lead_times = Samples()
        self.stages: dict[str, Samples] = {stage: Samples() for stage in STAGES}
        self.recoveries = Samples()
        self.reworks = Times()
        self.incidents = Times()
        self.unattributed = Times()
        self.open_incidents = Times()
        self.restores = Samples()
        self.sources: dict[str, Times] = {}
        self.dropped = 0

    def emptied(self) -> "Measures":
        """Another one of its kind, in which nothing happened."""
        return Measures(is_by_source=self._is_by_source)

    def failures(self, window: Window) -> int:
        """How many deployments of the window failed."""
        return sum(times.count(window) for times in self.causes.values())

    def add_deployment(self, facts: DeploymentFacts) -> None:
        """Adds what a deployment says."""
        for times in self._tracks_of_deployment(facts):
            times.add(facts.finished_at)
        for value in facts.lead_times:
            self.lead_times.add(facts.finished_at, value)
        for stage, value in facts.stages:
            self.stages[stage].add(facts.finished_at, value)
        if facts.recovery:
            self.recoveries.add(*facts.recovery)
        self.dropped += facts.dropped

    def remove_deployment(self, facts: DeploymentFacts) -> None:
        """Takes out what a deployment said."""
        for times in self._tracks_of_deployment(facts):
            times.remove(facts.finished_at)
        for value in facts.lead_times:
            self.lead_times.remove(facts.finished_at, value)
        for stage, value in facts.stages:
            self.stages[stage].remove(facts.finished_at, value)
        if facts.recovery:
            self.recoveries.remove(*facts.recovery)
        self.dropped -= facts.dropped

    def add_plain_deployments(self, facts: Sequence[PlainFacts]) -> None:
        """Adds what many deployments say, at the cost of a sort."""
        self.deployments.extend(chain.from_iterable([each.finished for each in facts]))
        self.unidentified.extend(chain.from_iterable([each.unidentified for each in facts]))
        for source in {name: None for each in facts for name in each.by_source} if self._is_by_source else ():
            self._source(source).extend(chain.from_iterable([each.by_source.get(source, ()) for each in facts]))

    def add_incident(self, facts: IncidentFacts) -> None:
        """Adds what an incident says."""
        for times, moment in self._moments_of_incident(facts):
            times.add(moment)
        if facts.restored_at is not None:
            self.restores.add(facts.restored_at, facts.restored_at - facts.started_at)

    def remove_incident(self, facts: IncidentFacts) -> None:
        """Takes out what an incident said."""
        for times, moment in self._moments_of_incident(facts):
            times.remove(moment)
        if facts.restored_at is not None:
            self.restores.remove(facts.restored_at, facts.restored_at - facts.started_at)

    def absorb(self, other: "Measures") -> None:
        """Adds all that another measures has."""
        for track, its in self._paired(other):
            track.absorb(its)
        self.dropped += other.dropped

    def release(self, other: "Measures") -> None:
        """Takes out all of another measures that was absorbed."""
        for track, its in self._paired(other):
            track.release(its)
        self.dropped -= other.dropped

    def changes_after(self, windows: Iterable[Window]) -> int | None:
        """The first moment at which something leaves a window; None when nothing will."""
        return min(self._departures(windows), default=None)

    def fixed(self) -> dict[str, Times | Samples]:
        """The measurements that every measures has, by name."""
        return {
            "deployments": self.deployments,
            "unidentified": self.unidentified,
            "lead_times": self.lead_times,
            "recoveries": self.recoveries,
            "reworks": self.reworks,
            "incidents": self.incidents,
            "unattributed": self.unattributed,
            "open_incidents": self.open_incidents,
            "restores": self.restores,
            **{f"cause:{cause}": times for cause, times in self.causes.items()},
            **{f"stage:{stage}": samples for stage, samples in self.stages.items()},
        }

    def _paired(self, other: "Measures") -> Iterator[tuple[Any, Any]]:
        """Each measurement with that of the same name, and so of the same kind, in another measures."""
        fixed = self.fixed()
        for name, its in other.fixed().items():
            yield fixed[name], its
        for name, times in other.sources.items():
            yield self._source(name), times

    def _departures(self, windows: Iterable[Window]) -> Iterator[int]:
        tracks: list[Times | Samples] = [
            self.deployments,
            self.lead_times,
            self.recoveries,
            self.incidents,
            self.restores,
        ]
        for window in windows:
            for track in tracks:
                first = track.first_in(window)
                if first is not None:
                    yield first + window.length_ms

    def _tracks_of_deployment(self, facts: DeploymentFacts) -> Iterator[Times]:
        yield self.deployments
        if self._is_by_source:
            yield self._source(facts.source)
        if facts.cause:
            yield self.causes[facts.cause]
        if facts.rework:
            yield self.reworks
        if not facts.identified:
            yield self.unidentified

    def _moments_of_incident(self, facts: IncidentFacts) -> Iterator[tuple[Times, int]]:
        yield self.incidents, facts.started_at
        ends = [] if facts.restored_at is None else [facts.restored_at]
        if self._is_by_source:
            yield from ((self._source(facts.source), moment) for moment in (facts.started_at, *ends))
        if not facts.attributed:
            yield self.unattributed, facts.started_at
        if facts.restored_at is None:
            yield self.open_incidents, facts.started_at

    def _source(self, name: str) -> Times:
        times = self.sources.get(name)
        if times is None:
            times = self.sources[name] = Times()
        return times
