"""Tracks from pass to pass which versions a source saw, and writes the deployments that follow from them."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dora_exporter.dora.bounds import TEXT_LENGTH, bounded_label
from dora_exporter.dora.derived_ids import deployment_id
from dora_exporter.dora.events import Deployment, Series
from dora_exporter.dora.records import Deletion
from dora_exporter.sources.contract import Item, Memory, Sink
from dora_exporter.sources.version_detection.build import NO_BUILD, Build, commit_of
from dora_exporter.sources.version_detection.segments import Found, Rules, Run, Segmentation, Span

SLICE_STEPS = 240
"""An answer with more points of each series would be too long, or Datadog would make its buckets coarser."""

_PLACEHOLDERS = frozenset({"", "none", "null", "unknown", "undefined", "latest"})


class Seen(NamedTuple):
    """A version of a service, and the time in which it was seen; ``build`` is what it was built from."""

    service: str
    environment: str
    version: str
    spans: Sequence[Span]
    build: Build = NO_BUILD


Ask = Callable[[int, int], Awaitable[Sequence[Seen]]]
"""Gives what was seen from one moment up to before another."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What is watched, and how; lengths are in milliseconds.

    ``environment`` is that of what names none; of the others only ``environments`` count, or all when there are none.
    """

    source: str
    environment: str
    environments: frozenset[str]
    rules: Rules
    step_ms: int
    settle_ms: int
    overlap_ms: int
    backfill_ms: int


class VersionWatch:
    """Polls a source that reports which versions were running when."""

    def __init__(self, scope: Scope) -> None:
        """Nothing is read yet."""
        self._scope = scope
        self._was_read_whole = False

    async def poll(self, ask: Ask, memory: Memory, sink: Sink, *, now_ms: int) -> Memory:
        """One pass; after one that failed, or a restart, also looks for what should not be held."""
        held = () if self._was_read_whole and memory else await sink.deployments()
        self._was_read_whole = False
        reading = Reading(self._scope, memory, now_ms=now_ms, held=held)
        for first_ms, end_ms in reading.slices():
            seen = await ask(first_ms, end_ms)
            counted = [each for each in seen if reading.counts(each)]
            sink.skip(len(seen) - len(counted))
            await _write(sink, reading.apply(counted))
        await _write(sink, reading.stray())
        self._was_read_whole = True
        return reading.memory


class Reading:
    """One pass: the time from ``since`` up to before ``until``, in slices that are taken in order.

    ``held`` are deployments of the source that its memory may not know: what is found of them again keeps its id.
    """

    def __init__(self, scope: Scope, memory: Memory, *, now_ms: int, held: Iterable[Deployment]) -> None:
        """Goes on from what the last pass left; reads the past when that is nothing."""
        step_ms = scope.step_ms
        self.until = _floor(now_ms - scope.settle_ms, step_ms)
        if memory:
            self._known = Segmentation.load(memory)
            self.since = _floor(memory["cursor"] - scope.overlap_ms, step_ms)
        else:
            self._known = Segmentation(edge=_floor(self.until - scope.backfill_ms, step_ms))
            self.since = self._known.edge - scope.rules.gap_ms
        self._scope = scope
        self._now_ms = now_ms
        self._builds: dict[tuple[Series, str], Build] = {}
        self._held: dict[tuple[Series, str | None], list[Deployment]] = {}
        for each in held:
            self._held.setdefault((each.series, each.version), []).append(each)

    def slices(self) -> Iterator[tuple[int, int]]:
        """The time of the pass in parts, each from its first moment up to before its second."""
        length_ms = SLICE_STEPS * self._scope.step_ms
        for first in range(self.since, self.until, length_ms):
            yield first, min(first + length_ms, self.until)

    def counts(self, seen: Seen) -> bool:
        """Whether it names a service and a version, in one of the configured environments."""
        wanted = self._scope.environments
        return bool(
            seen.service
            and seen.version.strip().lower() not in _PLACEHOLDERS
            and (not wanted or self._environment(seen) in wanted)
        )

    def apply(self, seen: Iterable[Seen]) -> list[Item]:
        """The items to write after a slice of observations."""
        observed: dict[tuple[Series, str], list[Span]] = {}
        for each in sorted(seen, key=_by_beginning):
            service, environment, version = each.service, self._environment(each), each.version
            key = Series(service[:TEXT_LENGTH], environment[:TEXT_LENGTH]), version[:TEXT_LENGTH]
            observed.setdefault(key, []).extend(each.spans)
            self._builds[key] = self._builds.get(key, NO_BUILD).completed(each.build)
        changes = self._known.add(observed, since=self.since, rules=self._scope.rules, identify=self._identify)
        written: list[Item] = [self._deployment(found) for found in changes.found]
        return [*written, *(self._withdrawal(id_) for id_ in changes.withdrawn)]

    def stray(self) -> list[Item]:
        """Deletes the stored deployments from this pass's time that it did not find. Call it after the last slice.

        It comes from a pass that failed half-way, or from other settings.
        """
        known = self._known.deployments
        first = max(self.since, self._known.edge + 1)
        return [
            self._withdrawal(each.id)
            for held in self._held.values()
            for each in held
            if each.started_at >= first and each.id not in known
        ]

    @property
    def memory(self) -> Memory:
        """The memory for the next pass."""
        return {"cursor": self.until, **self._known.dump()}

    def _environment(self, seen: Seen) -> str:
        return seen.environment or self._scope.environment

    def _identify(self, series: Series, version: str, run: Run) -> str:
        """The id under which the run is held already, or a new one."""
        shown = Series(bounded_label(series.service), bounded_label(series.environment))
        for each in self._held.get((shown, version), ()):
            if run.start <= each.started_at < run.end:
                return each.id
        digest = deployment_id(
            service=series.service,
            environment=series.environment,
            started_at=run.start,
            finished_at=run.start,
            version=version,
            commit_sha=None,
        )
        return f"{self._scope.source}:{digest}"

    def _deployment(self, found: Found) -> Deployment:
        build = self._builds.get((found.series, found.version), NO_BUILD)
        return Deployment(
            found.id,
            found.series.service,
            found.series.environment,
            found.started_at,
            found.started_at,
            version=found.version,
            commit_sha=build.commit_sha or commit_of(found.version),
            repository=build.repository,
            team=build.team,
            source=self._scope.source,
        )

    def _withdrawal(self, id_: str) -> Deletion:
        """A deletion without tombstone, because a later pass may find the deployment again."""
        return Deletion("deployment", id_, self._now_ms)


async def _write(sink: Sink, items: Sequence[Item]) -> None:
    if items:
        await sink.write(items)


def _by_beginning(seen: Seen) -> tuple[Span, Sequence[str]]:
    return min(seen.spans, default=(0, 0)), [known or "" for known in seen.build]


def _floor(moment_ms: int, step_ms: int) -> int:
    return moment_ms // step_ms * step_ms
