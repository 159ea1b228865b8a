"""The measurements of a group (a series, a team or the surplus series) in time order, which the metrics read."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from itertools import chain
from typing import Any, Self, TypeVar

import msgspec

from dora_exporter.dora.events import FAILED_OUTCOMES, SUCCEEDED, Deployment
from dora_exporter.dora.lead_time_stages import STAGES
from dora_exporter.dora.plain_facts import PlainFacts
from dora_exporter.dora.samples import Samples
from dora_exporter.dora.sliding_window import Times, Window

CAUSES = ("verdict", "rollback", "revert", "rule", "incident")
"""Why a deployment counts as failed, by precedence."""


class DeploymentFacts(msgspec.Struct, frozen=True, gc=False):
    """What a deployment adds to the metrics of its series.

    ``cause`` is one of ``CAUSES`` if it failed; ``recovery`` is the moment at which it recovered, and the time that
    took; ``lead_times`` are those of the commits it shipped first, ``stages`` their parts; ``dropped`` counts the
    commits whose author time lies too far ahead. Durations are in milliseconds. ``outcome`` is that of an attempt that
    did not succeed, which is no deployment and has none of the others.
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
    outcome: str | None = None

    @classmethod
    def of(cls, deployment: Deployment) -> Self:
        """The facts of an attempt, or of a deployment that did not fail, remedied nothing and has no known commits."""
        return cls(deployment.finished_at, deployment.source, deployment.is_identified, outcome=deployment.outcome)


class IncidentFacts(msgspec.Struct, frozen=True, gc=False):
    """What an incident adds to the metrics of its series.

    ``restored_at`` is None while it is open, ``severity`` where none are configured.
    """

    started_at: int
    source: str
    restored_at: int | None
    attributed: bool
    severity: str | None = None


@dataclass(slots=True, eq=False)
class Measures:
    """The sliding windows of a group, from which each event can be removed again.

    These fields are the one table of them: what is added, merged and removed as a whole goes through all of them.
    ``is_by_source`` says whether moments are kept by source, too.
    """

    # Only series have a family by source: rollups save the memory.
    is_by_source: bool = field(default=True, kw_only=True)
    deployments: Times = field(default_factory=Times, init=False)
    attempts: dict[str, Times] = field(
        default_factory=lambda: {outcome: Times() for outcome in FAILED_OUTCOMES}, init=False
    )
    unidentified: Times = field(default_factory=Times, init=False)
    causes: dict[str, Times] = field(default_factory=lambda: {cause: Times() for cause in CAUSES}, init=False)
    reworks: Times = field(default_factory=Times, init=False)
    lead_times: Samples = field(default_factory=Samples, init=False)
    stages: dict[str, Samples] = field(default_factory=lambda: {stage: Samples() for stage in STAGES}, init=False)
    recoveries: Samples = field(default_factory=Samples, init=False)
    incidents: Times = field(default_factory=Times, init=False)
    unattributed: Times = field(default_factory=Times, init=False)
    open_incidents: Times = field(default_factory=Times, init=False)
    restores: Samples = field(default_factory=Samples, init=False)
    sources: dict[str, Times] = field(default_factory=dict, init=False)
    severities: dict[str, Times] = field(default_factory=dict, init=False)
    restores_by_severity: dict[str, Samples] = field(default_factory=dict, init=False)
    dropped: int = field(default=0, init=False)
    """Commits without a lead time because their author time lies too far ahead."""

    def emptied(self) -> "Measures":
        """New measures of the same kind, without an event."""
        return Measures(is_by_source=self.is_by_source)

    def within(self, window: Window) -> "Measures":
        """A copy to read windows within this one from: those that are configured are kept ready, no others."""
        copy = self.emptied()
        for name in _SLIDING:
            setattr(copy, name, getattr(self, name).within(window))
        for name in (*_KEYED, *_COME_LATER):
            setattr(copy, name, {key: each.within(window) for key, each in getattr(self, name).items()})
        return copy

    @property
    def outcomes(self) -> dict[str, Times]:
        """The ends of all attempts to deploy by outcome: those that succeeded are the deployments."""
        return {SUCCEEDED: self.deployments, **self.attempts}

    @property
    def first_event(self) -> int | None:
        """The earliest end of an attempt to deploy, or beginning of an incident; None without one."""
        firsts = [times.first for times in (*self.outcomes.values(), self.incidents)]
        return min([first for first in firsts if first is not None], default=None)

    def failures(self, window: Window) -> int:
        """The number of deployments of the window that failed."""
        return sum([times.count(window) for times in self.causes.values() if len(times)])

    def add_deployment(self, facts: DeploymentFacts) -> None:
        """Adds a deployment to every window that its facts concern."""
        for times in self._times_of_deployment(facts):
            times.add(facts.finished_at)
        for samples, moment, values in self._samples_of_deployment(facts):
            samples.add_all(moment, values)
        self.dropped += facts.dropped

    def remove_deployment(self, facts: DeploymentFacts) -> None:
        """Removes a deployment that was added with these facts."""
        for times in self._times_of_deployment(facts):
            times.remove(facts.finished_at)
        for samples, moment, values in self._samples_of_deployment(facts):
            samples.remove_all(moment, values)
        self.dropped -= facts.dropped

    def add_plain_deployments(self, facts: Sequence[PlainFacts]) -> None:
        """Adds many deployments at the cost of one sort."""
        for times, added in self._plain_times(facts):
            times.extend(chain.from_iterable(added))

    def adding_plain_deployments(self, facts: Sequence[PlainFacts]) -> Iterator[None]:
        """Adds many deployments at the cost of one sort, a step at a time."""
        for times, added in self._plain_times(facts):
            yield from times.absorbing(added)

    def prepare(self, windows: Sequence[Window]) -> bool:
        """Gets ready to be read for windows, some milliseconds a call; True when it is."""
        keyed = (*self.stages.values(), *self.restores_by_severity.values())
        samples = (self.lead_times, self.recoveries, self.restores, *keyed)
        return all(each.prepare(window) for each in samples for window in windows)

    def add_incident(self, facts: IncidentFacts) -> None:
        """Adds an incident to every window that its facts concern."""
        for times, moment in self._times_of_incident(facts):
            times.add(moment)
        for samples, moment, value in self._samples_of_incident(facts):
            samples.add(moment, value)

    def remove_incident(self, facts: IncidentFacts) -> None:
        """Removes an incident that was added with these facts."""
        for times, moment in self._times_of_incident(facts):
            times.remove(moment)
        for samples, moment, value in self._samples_of_incident(facts):
            samples.remove(moment, value)

    def absorbing(self, others: Sequence["Measures"]) -> Iterator[None]:
        """Adds everything in other measures, a step at a time."""
        for mine, theirs in self._paired(others):
            yield from mine.absorbing(theirs)
        self.dropped += sum(each.dropped for each in others)

    def releasing(self, others: Sequence["Measures"]) -> Iterator[None]:
        """Removes everything in other measures that were absorbed, a step at a time."""
        for mine, theirs in self._paired(others):
            yield from mine.releasing(theirs)
        self.dropped -= sum(each.dropped for each in others)

    def changes_after(self, windows: Iterable[Window]) -> int | None:
        """The first moment at which an event leaves a window; None without an event in any."""
        return min(self._departures(windows), default=None)

    def _paired(self, others: Sequence["Measures"]) -> Iterator[tuple[Any, list[Any]]]:
        """Each sliding window with those of the same name, so of the same type, in others, as far as they hold any."""
        pairs = [(getattr(self, name), [getattr(each, name) for each in others]) for name in _SLIDING]
        for name in _KEYED:
            pairs += [
                (mine, [getattr(each, name)[key] for each in others]) for key, mine in getattr(self, name).items()
            ]
        for table, kind in _COME_LATER.items():
            held = [getattr(each, table) for each in others]
            for name in {name: None for each in held for name in each}:
                mine = _of(getattr(self, table), name, kind)
                pairs.append((mine, [each[name] for each in held if name in each]))
        for mine, theirs in pairs:
            filled = [each for each in theirs if len(each)]
            if filled:
                yield mine, filled

    def _departures(self, windows: Iterable[Window]) -> Iterator[int]:
        # Only these: every moment in another sliding window is a moment of one of them.
        sliding: Iterable[Times | Samples] = (
            self.deployments,
            *self.attempts.values(),
            self.recoveries,
            self.incidents,
            self.restores,
        )
        for window in windows:
            for each in sliding:
                first = each.first_in(window)
                if first is not None:
                    # No + 1: a window does not hold the moment at which it begins.
                    yield first + window.length_ms

    def _plain_times(self, facts: Sequence[PlainFacts]) -> Iterator[tuple[Times, list[Sequence[int]]]]:
        yield self.deployments, [each.finished for each in facts]
        yield self.unidentified, [each.unidentified for each in facts]
        for source in {name: None for each in facts for name in each.by_source} if self.is_by_source else ():
            yield _of(self.sources, source, Times), [each.by_source.get(source, ()) for each in facts]

    def _times_of_deployment(self, facts: DeploymentFacts) -> Iterator[Times]:
        if self.is_by_source:
            yield _of(self.sources, facts.source, Times)
        if facts.outcome:
            yield self.attempts[facts.outcome]
            return
        yield self.deployments
        if facts.cause:
            yield self.causes[facts.cause]
        if facts.rework:
            yield self.reworks
        if not facts.identified:
            yield self.unidentified

    def _samples_of_deployment(self, facts: DeploymentFacts) -> Iterator[tuple[Samples, int, Sequence[int]]]:
        if facts.lead_times:
            yield self.lead_times, facts.finished_at, facts.lead_times
        by_stage: defaultdict[str, list[int]] = defaultdict(list)
        for stage, value in facts.stages:
            by_stage[stage].append(value)
        for stage, values in by_stage.items():
            yield self.stages[stage], facts.finished_at, values
        if facts.recovery:
            moment, lasted = facts.recovery
            yield self.recoveries, moment, (lasted,)

    def _times_of_incident(self, facts: IncidentFacts) -> Iterator[tuple[Times, int]]:
        yield self.incidents, facts.started_at
        # ``dora_last_event_timestamp_seconds`` takes an end for an event of its own.
        ends = [] if facts.restored_at is None else [facts.restored_at]
        if self.is_by_source:
            yield from ((_of(self.sources, facts.source, Times), moment) for moment in (facts.started_at, *ends))
        if facts.severity:
            yield _of(self.severities, facts.severity, Times), facts.started_at
        if not facts.attributed:
            yield self.unattributed, facts.started_at
        if facts.restored_at is None:
            yield self.open_incidents, facts.started_at

    def _samples_of_incident(self, facts: IncidentFacts) -> Iterator[tuple[Samples, int, int]]:
        if facts.restored_at is not None:
            lasted = facts.restored_at - facts.started_at
            yield self.restores, facts.restored_at, lasted
            if facts.severity:
                yield _of(self.restores_by_severity, facts.severity, Samples), facts.restored_at, lasted


_Sliding = TypeVar("_Sliding", Times, Samples)


def _of(table: dict[str, _Sliding], name: str, kind: type[_Sliding]) -> _Sliding:
    """What a table has for a name, which may come as a new one."""
    sliding = table.get(name)
    if sliding is None:
        sliding = table[name] = kind()
    return sliding


_KEYED = ("attempts", "causes", "stages")
_COME_LATER: dict[str, type[Times] | type[Samples]] = {
    "sources": Times,
    "severities": Times,
    "restores_by_severity": Samples,
}
"""The tables whose names come with events."""
_SLIDING = tuple(
    each.name for each in fields(Measures) if each.name not in {*_KEYED, *_COME_LATER, "is_by_source", "dropped"}
)
