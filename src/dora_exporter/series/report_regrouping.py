"""Regroups the reports of deployments after one came or went, at a cost that depends on what this changes."""

from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from itertools import combinations

from dora_exporter.dora.events import Deployment
from dora_exporter.dora.reports import Nearness, are_joinable, may_be_one, nearness

Others = Callable[[Deployment], Iterable[Deployment]]
"""Finds the reports that may be of the same deployment as one, for which ``may_be_one`` is true."""

FormerGroup = Callable[[str], Sequence[Deployment]]
"""The group of a report by its id until now; empty for one that is alone."""

_Groups = dict[str, list[Deployment]]


class Regrouping:
    """Decides about pairs of reports in order of nearness, as ``grouping`` does, but only where something changes.

    Until the first decision that turns out otherwise, a report is in the group in which it was at that nearness. From
    there on its group is in ``groups``, and all nearness beyond is decided again.
    """

    def __init__(self, others: Others, former: FormerGroup, *, within_ms: int) -> None:
        """Nothing changed."""
        self.groups: _Groups = {}
        self._others = others
        self._former = former
        self._within_ms = within_ms
        self._ahead: list[Nearness] = []
        self._pairs: dict[Nearness, tuple[Deployment, Deployment]] = {}

    def run(self, alone: Iterable[Deployment]) -> None:
        """Groups reports that are in no group to begin with."""
        for each in alone:
            self._hold([each], None)
        while self._ahead:
            self._decide(heappop(self._ahead))

    def _decide(self, near: Nearness) -> None:
        one, other = self._pairs[near]
        mine, theirs = self._group(one, near), self._group(other, near)
        if mine is theirs:
            return
        if are_joinable(mine, theirs):
            self._hold([*mine, *theirs], near)
        elif any(each.id == other.id for each in self._former(one.id)):  # they were joined, perhaps by this pair
            self._hold(mine, near)
            self._hold(theirs, near)

    def _hold(self, group: list[Deployment], after: Nearness | None) -> None:
        """Keeps a group that differs from the former one; its new members are decided again from here on."""
        new = [each for each in group if each.id not in self.groups]
        self.groups.update((each.id, group) for each in group)
        for each in new:
            for other in self._others(each):
                near = nearness(each, other)
                if (after is None or near > after) and near not in self._pairs:
                    self._pairs[near] = each, other
                    heappush(self._ahead, near)

    def _group(self, report: Deployment, until: Nearness) -> list[Deployment]:
        """The group of a report when all pairs nearer than that are decided."""
        if report.id in self.groups:
            return self.groups[report.id]
        groups: _Groups = {}
        # The nearest pairs within a group made it, whatever was around.
        pairs = {
            nearness(*pair): pair
            for pair in combinations(self._former(report.id), 2)
            if may_be_one(*pair, within_ms=self._within_ms)
        }
        for near in sorted(each for each in pairs if each < until):
            one, other = pairs[near]
            mine, theirs = groups.get(one.id, [one]), groups.get(other.id, [other])
            if are_joinable(mine, theirs):
                joined = [*mine, *theirs]
                groups.update((each.id, joined) for each in joined)
        return groups.get(report.id, [report])
