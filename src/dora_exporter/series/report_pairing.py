"""Pairs the reports of one deployment in a series, as reports come and go."""

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from operator import attrgetter

from dora_exporter.dora.events import Deployment
from dora_exporter.dora.failures.order import by_start_in_steps
from dora_exporter.dora.reports import Edge, distinct, edge, grouping, is_leg, merged, names_of, rank
from dora_exporter.dora.sorted_in_steps import Steps
from dora_exporter.series.report_regrouping import Regrouping

Sent = Callable[[Deployment, int], Iterable[Deployment]]
"""Finds the sent deployments that started within a time of one that a source found; it may return others, too."""

_Shelf = dict[Hashable, dict[str, list[Deployment]]]
"""Reports by name (version or SHA) and by reporter, in order of start."""

_started_at = attrgetter("started_at")
_start_order = attrgetter("started_at", "id")


class Pairing:
    """The reports of one series in which sources found some."""

    def __init__(self, *, within_ms: int) -> None:
        """Nothing was found."""
        self._within_ms = within_ms
        # Sent reports are not on it: the series has them in order of start anyway.
        self._found: _Shelf = defaultdict(lambda: defaultdict(list))
        self._groups: dict[str, list[Deployment]] = {}
        """Of each report of a deployment that has several; the one that counts is first."""
        self._counts_as: dict[str, Deployment] = {}

    def loading(self, deployments: list[Deployment]) -> Steps[list[Deployment]]:
        """Loads all deployments of a series, step by step; returns those that count, merged with their others."""
        everything: _Shelf = defaultdict(lambda: defaultdict(list))
        ordered = yield from by_start_in_steps(deployments)
        for each in ordered:
            _shelve(everything, each)
            if each.is_found:
                _shelve(self._found, each)
            yield
        yield from self._pairing(self._edges(ordered, everything))
        # Bit by bit: to free the lists of a long series at once takes long.
        while everything:
            everything.popitem()
            yield
        counting = []
        for each in deployments:
            counted = self._counting(each)
            if counted:
                counting.append(counted)
            yield
        return counting

    def change(
        self, deployment: Deployment, sent: Sent, *, comes: bool
    ) -> Iterator[tuple[Deployment | None, Deployment | None]]:
        """Adds or removes a report; yields what counted before and what counts now, for every report affected."""
        if comes and deployment.is_found:
            for name in names_of(deployment):
                insort(self._found[name][deployment.source], deployment, key=_start_order)
        former = self._groups.get(deployment.id, ())
        gone = self._counting(deployment)
        if not comes and deployment.is_found:
            self._unshelve(deployment)

        def others(report: Deployment) -> Iterator[Deployment]:
            # What goes is still found among the sent ones: the series takes it out once it knows all that changes.
            return (each for each in self._candidates(report, sent) if comes or each.id != deployment.id)

        regrouping = Regrouping(others, lambda each: self._groups.get(each, ()), within_ms=self._within_ms)
        regrouping.run([deployment] if comes else [each for each in former if each.id != deployment.id])
        members = {each.id: each for group in regrouping.groups.values() for each in group}
        before = {each.id: self._counting(each) for each in members.values()}
        ids_before = {each: self._ids_of(each) for each in members}
        before[deployment.id] = None if comes else gone
        self._part(before)
        for group in distinct(regrouping.groups):
            self._join(sorted(group, key=rank))
        yield from ((counted, None) for id_, counted in before.items() if counted and id_ not in members)
        for each in members.values():
            counted, counts = before[each.id], self._counting(each)
            # A report more is an id more by which a verdict may name it, even if it counts as before.
            if not _is_alike(counted, counts) or self._ids_of(each.id) != ids_before[each.id]:
                yield counted, counts
            elif counted and each.id in self._counts_as:
                self._counts_as[each.id] = counted

    def counting(self, report: Deployment) -> Deployment:
        """The deployment that counts for a report."""
        if self.is_superseded(report):
            report = self._groups[report.id][0]
        return self._counts_as.get(report.id, report)

    def of(self, counted: Deployment) -> Iterable[str]:
        """The ids of all reports of a counting deployment."""
        return self._ids_of(counted.id) or (counted.id,)

    def is_superseded(self, deployment: Deployment) -> bool:
        """Whether another report of the same deployment counts in its place."""
        group = self._groups.get(deployment.id)
        return group is not None and group[0].id != deployment.id

    def superseded(self) -> Iterator[tuple[Deployment, Deployment]]:
        """The reports that do not count, each with the one that does."""
        for first_id, group in self._groups.items():
            if group[0].id == first_id:
                yield from ((each, group[0]) for each in group[1:])

    def _as_it_came(self, counted: Deployment) -> Deployment:
        """The original report behind a counting deployment."""
        return self._groups[counted.id][0] if counted.id in self._groups else counted

    def _counting(self, deployment: Deployment) -> Deployment | None:
        """The deployment that counts for a report: None if it is superseded, else merged with its other reports."""
        if self.is_superseded(deployment):
            return None
        return self._counts_as.get(deployment.id, deployment)

    def _ids_of(self, first_id: str) -> tuple[str, ...]:
        """The ids of the reports of a deployment that has several, by that of the one that counts."""
        group = self._groups.get(first_id, ())
        return tuple(each.id for each in group) if group and group[0].id == first_id else ()

    def _candidates(self, deployment: Deployment, sent: Sent) -> Iterator[Deployment]:
        """The reports by other reporters that may be of the same deployment."""
        yield from self._near(deployment, self._found)
        if not deployment.is_found:
            return
        for each in sent(deployment, self._within_ms):
            near = abs(each.started_at - deployment.started_at) <= self._within_ms
            if near and not each.is_found and not set(names_of(each)).isdisjoint(names_of(deployment)):
                # Not as merged: a group of that would keep the facts of reports that go later.
                yield self._as_it_came(each)

    def _near(self, deployment: Deployment, shelf: _Shelf) -> Iterator[Deployment]:
        for name in names_of(deployment):
            for reporter, reports in shelf[name].items() if name in shelf else ():
                is_other = reporter != deployment.source
                if is_other or is_leg(deployment):
                    first = bisect_left(reports, deployment.started_at - self._within_ms, key=_started_at)
                    end = bisect_right(reports, deployment.started_at + self._within_ms, key=_started_at)
                    near = reports[first:end]
                    yield from near if is_other else (e for e in near if is_leg(e) and e.id != deployment.id)

    def _edges(self, deployments: Iterable[Deployment], shelf: _Shelf) -> Iterator[Edge | None]:
        """The edges of those that were found, to all that are on a shelf; None is a step."""
        for one in deployments:
            if one.is_found:
                yield None
                yield from (edge(one, other) for other in self._near(one, shelf))

    def _pairing(self, edges: Iterable[Edge | None]) -> Iterator[None]:
        for group in grouping(edges):
            yield
            if group is not None:
                self._join(group)

    def _join(self, group: list[Deployment]) -> None:
        """Makes reports, in order of preference, one deployment."""
        if len(group) > 1:
            self._groups.update((each.id, group) for each in group)
            self._counts_as[group[0].id] = merged(group)

    def _part(self, ids: Iterable[str]) -> None:
        for id_ in ids:
            self._groups.pop(id_, None)
            self._counts_as.pop(id_, None)

    def _unshelve(self, deployment: Deployment) -> None:
        for name in names_of(deployment):
            reporters = self._found[name]
            reports = reporters[deployment.source]
            del reports[bisect_left(reports, _start_order(deployment), key=_start_order)]
            if not reports:
                del reporters[deployment.source]
            if not reporters:
                del self._found[name]


def _shelve(shelf: _Shelf, report: Deployment) -> None:
    for name in names_of(report):
        shelf[name][report.source].append(report)


def _is_alike(one: Deployment | None, other: Deployment | None) -> bool:
    """Whether a report counts as before. Only what its other reports add can differ."""
    if one is None or other is None:
        return one is other
    return (one.verdict, one.upstream, one.shipped) == (other.verdict, other.upstream, other.shipped)
