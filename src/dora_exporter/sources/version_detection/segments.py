"""Derives deployments from the times at which versions of a service were seen.

A version is seen in buckets of time. Buckets with holes shorter than a gap between them form a run, and a run is
a deployment when

* its version was not seen in the 60 days before (a canary of a minute counts), or
* its version was seen before, and another version of the series was live during the hole before the run: a rollback,
  or a deployment done again. A service without calls at night has a hole in which nothing is live, and none
  follows; versions that merely overlap have no hole.

What was live at the left edge of the first reading is the baseline: when it came is unknown, so it yields none.

The outcome depends only on the set of all observations, not on how it was cut into readings, as long as no reading
brings a bucket that begins before its own ``since``. Buckets that come late may thus move, add or withdraw a deployment
that was found in an earlier reading. A deployment that moves keeps its id.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from dora_exporter.dora.events import DAY_MS, Series

MEMORY_MS = 60 * DAY_MS
"""A version not seen for longer is a new one when it returns."""


class Run(NamedTuple):
    """A version seen from ``start`` up to before ``end``, and the id of the deployment it is: None when it is none."""

    start: int
    end: int
    id: str | None = None


Span = tuple[int, int]
"""A time in which something was seen: from the first moment up to before the second, in milliseconds."""

Observations = Mapping[tuple[Series, str], Iterable[Span]]
"""For each series and version the spans in which it was seen, in any order."""

Identify = Callable[[Series, str, Run], str]
"""Gives a deployment found for the first time its id."""


@dataclass(frozen=True)
class Rules:
    """How observations become runs: the shortest hole that ends one, and how long a run is remembered."""

    gap_ms: int
    memory_ms: int = MEMORY_MS


@dataclass(frozen=True)
class Found:
    """A deployment found, or one found before that turned out to have begun earlier."""

    id: str
    series: Series
    version: str
    started_at: int


@dataclass(frozen=True)
class Changes:
    """What a reading changed: deployments in time order, and the ids of those that turned out to be none."""

    found: tuple[Found, ...]
    withdrawn: tuple[str, ...]


@dataclass
class Segmentation:
    """The runs known of each series and version, as far as what comes later can depend on them.

    ``edge`` is the left edge of the first reading. What begins before ``settled`` is decided for good, because no
    later reading reaches back so far; of it only the last run of each version is kept, for as long as the memory is.
    """

    edge: int
    settled: int = 0
    runs: dict[Series, dict[str, list[Run]]] = field(default_factory=dict)

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> "Segmentation":
        """Restores what ``dump`` gave."""
        runs = {
            Series(service, environment): {version: [Run(*run) for run in kept] for version, kept in versions.items()}
            for service, environment, versions in state["runs"]
        }
        return cls(edge=state["edge"], settled=state["settled"], runs=runs)

    def dump(self) -> dict[str, Any]:
        """The state in types that JSON has."""
        runs = [
            [*series, {version: [list(run) for run in kept] for version, kept in versions.items()}]
            for series, versions in self.runs.items()
        ]
        return {"edge": self.edge, "settled": self.settled, "runs": runs}

    @property
    def deployments(self) -> set[str]:
        """The ids of the deployments among the runs that are kept."""
        return {id_ for runs in self.runs.values() for id_ in _ids(runs)}

    def add(self, observed: Observations, *, since: int, rules: Rules, identify: Identify) -> Changes:
        """Adds the observations from ``since`` on; returns what they changed."""
        self.settled = max(self.settled, since)
        found: list[Found] = []
        withdrawn: list[str] = []
        for series, seen in _by_series(observed).items():
            before = self.runs.get(series, {})
            after = self._decided(series, before, _grown(before, seen, rules), rules, identify)
            self.runs[series] = after
            found.extend(_found(series, before, after))
            withdrawn.extend(_ids(before).keys() - _ids(after).keys())
        self._forget(rules)
        return Changes(tuple(sorted(found, key=lambda each: (each.started_at, each.id))), tuple(sorted(withdrawn)))

    def _decided(
        self,
        series: Series,
        before: Mapping[str, Sequence[Run]],
        grown: Mapping[str, Sequence[Run]],
        rules: Rules,
        identify: Identify,
    ) -> dict[str, list[Run]]:
        decided: dict[str, list[Run]] = {}
        for version, runs in grown.items():
            others = [run for other, theirs in grown.items() if other != version for run in theirs]
            decided[version] = []
            for position, run in enumerate(runs):
                settled = self._settled_part(run, before.get(version, ()))
                if settled:
                    identity = settled.id
                elif self._is_deployment(run, runs[position - 1] if position else None, others, rules):
                    identity = run.id or identify(series, version, run)
                else:
                    identity = None
                decided[version].append(run._replace(id=identity))
        return decided

    def _settled_part(self, run: Run, before: Iterable[Run]) -> Run | None:
        """The run that was decided for good and has grown into this one."""
        return next((old for old in before if run.start <= old.start < min(run.end, self.settled)), None)

    def _is_deployment(self, run: Run, previous: Run | None, others: Iterable[Run], rules: Rules) -> bool:
        if run.start <= self.edge:
            return False
        if previous is None or run.start - previous.end > rules.memory_ms:
            return True
        return any(other.start < run.start and other.end > previous.end for other in others)

    def _forget(self, rules: Rules) -> None:
        for series, versions in list(self.runs.items()):
            kept = {version: self._kept(runs, rules) for version, runs in versions.items()}
            self.runs[series] = {version: runs for version, runs in kept.items() if runs}
            if not self.runs[series]:
                del self.runs[series]

    def _kept(self, runs: Sequence[Run], rules: Rules) -> list[Run]:
        remembered = [run for run in runs if run.end >= self.settled - rules.memory_ms]
        decided = [run for run in remembered if run.start < self.settled]
        return decided[-1:] + remembered[len(decided) :]


def spans_of(buckets: Iterable[int], width_ms: int) -> list[Span]:
    """Buckets, given by their starts in any order, as the fewest spans."""
    return [(run.start, run.end) for run in _joined((Run(start, start + width_ms) for start in buckets), 1)]


def _by_series(observed: Observations) -> dict[Series, dict[str, Iterable[Span]]]:
    by_series: dict[Series, dict[str, Iterable[Span]]] = {}
    for (series, version), spans in observed.items():
        by_series.setdefault(series, {})[version] = spans
    return by_series


def _grown(
    runs: Mapping[str, Sequence[Run]], seen: Mapping[str, Iterable[Span]], rules: Rules
) -> dict[str, Sequence[Run]]:
    """The runs of a series' versions with what was seen of them added."""
    grown = dict(runs)
    for version, spans in seen.items():
        parts = [*runs.get(version, ()), *(Run(*span) for span in spans)]
        grown[version] = _joined(parts, rules.gap_ms)
    return grown


def _joined(parts: Iterable[Run], gap_ms: int) -> list[Run]:
    """Parts with holes shorter than the gap made one, which takes the first id among them."""
    joined: list[Run] = []
    for part in sorted(parts, key=lambda each: each.start):
        if joined and part.start - joined[-1].end < gap_ms:
            last = joined[-1]
            joined[-1] = Run(last.start, max(last.end, part.end), last.id or part.id)
        else:
            joined.append(part)
    return joined


def _found(series: Series, before: Mapping[str, Sequence[Run]], after: Mapping[str, Sequence[Run]]) -> list[Found]:
    known = _ids(before)
    return [
        Found(run.id, series, version, run.start)
        for version, runs in after.items()
        for run in runs
        if run.id is not None and known.get(run.id) != run.start
    ]


def _ids(runs: Mapping[str, Sequence[Run]]) -> dict[str, int]:
    return {run.id: run.start for kept in runs.values() for run in kept if run.id is not None}
