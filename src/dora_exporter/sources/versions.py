"""Carries on, from pass to pass, which versions a source saw, and writes down the deployments that follow."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from dora_exporter.events import Deployment, Series
from dora_exporter.identity import deployment_id
from dora_exporter.records import Deletion, Record
from dora_exporter.sources.runs import Found, Rules, Run, Segmentation

_PLACEHOLDERS = frozenset({"", "none", "null", "unknown", "undefined", "latest"})
_SHA = re.compile(r"[0-9a-fA-F]{40}")


class Seen(NamedTuple):
    """A version of a service, and the starts in milliseconds of the buckets in which it was seen."""

    service: str
    environment: str
    version: str
    moments: Iterable[int]


@dataclass(frozen=True)
class Watch:
    """What is to be watched: the widths in milliseconds, and the environments that count, None for all.

    ``environment`` is that of what names none.
    """

    source: str
    environment: str
    rules: Rules
    settle_ms: int
    overlap_ms: int
    backfill_ms: int
    environments: frozenset[str] | None = None

    def begin(self, state: Mapping[str, Any] | None, now_ms: int, held: Iterable[Deployment] = ()) -> "Reading":
        """The next reading, from what the last one left, None for the first.

        ``held`` are the deployments of a source that reads its past anew: those found again keep their ids.
        """
        return Reading(self, state, now_ms, held)


class Reading:
    """One pass over the time from ``since`` up to ``until``, in slices that come in order."""

    def __init__(self, watch: Watch, state: Mapping[str, Any] | None, now_ms: int, held: Iterable[Deployment]) -> None:
        """Restores what the last reading knew."""
        step_ms = watch.rules.step_ms
        self._watch = watch
        self._now_ms = now_ms
        self.until = _floor(now_ms - watch.settle_ms, step_ms)
        self._through: int | None = None
        if state is None:
            self._known = Segmentation(edge=_floor(self.until - watch.backfill_ms, step_ms))
        else:
            self._known = Segmentation.load(state)
            self._through = state["through"]
        if self._through is None:
            self.since = self._known.edge - watch.rules.gap_ms
        else:
            self.since = _floor(min(self._through, self.until) - watch.overlap_ms, step_ms)
        self.skipped = 0
        self._lost: dict[tuple[Series, str | None], list[Deployment]] = {}
        for each in held:
            if each.started_at > self._known.edge:
                self._lost.setdefault((each.series, each.version), []).append(each)

    def slices(self, length_ms: int) -> Iterator[tuple[int, int]]:
        """The time of the pass in parts of at most such a length; none when no bucket is complete yet."""
        for first in range(self.since, self.until, length_ms):
            yield first, min(first + length_ms, self.until)

    def take(self, seen: Iterable[Seen]) -> list[Record]:
        """What follows from a slice."""
        sightings: dict[tuple[Series, str], list[int]] = {}
        for each in seen:
            environment = each.environment or self._watch.environment
            if not self._counts(each, environment):
                self.skipped += 1
                continue
            moments = [moment for moment in each.moments if self.since <= moment < self.until]
            sightings.setdefault((Series(each.service, environment), each.version), []).extend(moments)
        changes = self._known.add(sightings, since=self.since, rules=self._watch.rules, identify=self._identify)
        written = [self._deployment(found) for found in changes.found]
        return [*written, *(self._withdrawal(id_) for id_ in changes.withdrawn)]

    def close(self) -> list[Record]:
        """What follows from having seen everything: deployments held from before that are none any more."""
        self._through = self.until if self._through is None else max(self._through, self.until)
        return [self._withdrawal(each.id) for lost in self._lost.values() for each in lost]

    @property
    def state(self) -> dict[str, Any]:
        """What the next reading has to know; the time read through moves only when the reading is closed."""
        return {"through": self._through, **self._known.dump()}

    def _counts(self, seen: Seen, environment: str) -> bool:
        allowed = self._watch.environments
        return bool(
            seen.service
            and seen.version.strip().lower() not in _PLACEHOLDERS
            and (allowed is None or environment in allowed)
        )

    def _identify(self, series: Series, version: str, run: Run) -> str:
        former = self._lost.get((series, version), [])
        for each in former:
            if run.start <= each.started_at < run.end:
                former.remove(each)
                return each.id
        digest = deployment_id(
            service=series.service,
            environment=series.environment,
            started_at=run.start,
            finished_at=run.start,
            version=version,
            commit_sha=None,
        )
        return f"{self._watch.source}:{digest}"

    def _deployment(self, found: Found) -> Deployment:
        return Deployment(
            found.id,
            found.series.service,
            found.series.environment,
            found.started_at,
            found.started_at,
            version=found.version,
            commit_sha=found.version.lower() if _SHA.fullmatch(found.version) else None,
            source=self._watch.source,
        )

    def _withdrawal(self, id_: str) -> Deletion:
        """A deletion that leaves no tombstone: what the source saw amiss it may yet see aright."""
        return Deletion("deployment", id_, self._now_ms)


def _floor(moment_ms: int, step_ms: int) -> int:
    return moment_ms // step_ms * step_ms
