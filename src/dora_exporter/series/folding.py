"""Who has labels of their own, and the surplus group in which all beyond the limit are measured together."""

from collections.abc import Iterable, Sequence

from dora_exporter.dora.measures import PlainFacts
from dora_exporter.series.aggregate import Group
from dora_exporter.series.series_limit import SeriesLimit

_Key = tuple[str, ...]


class Folding:
    """The groups of one kind that are known. ``changed`` collects those whose lines may have changed."""

    def __init__(self, surplus: Group, limit: int, changed: dict[Group, None]) -> None:
        """Nobody is known."""
        self.surplus = surplus
        self._seats: SeriesLimit[_Key] = SeriesLimit(limit)
        self._known: dict[_Key, tuple[int, Group]] = {}
        self._folded: set[Group] = set()
        self._changed = changed

    def emptied(self) -> "Folding":
        """Another one for the same surplus, in which nobody is known."""
        return Folding(self.surplus, self._seats.limit, self._changed)

    def __len__(self) -> int:
        """How many are known."""
        return len(self._seats)

    @property
    def folded(self) -> int:
        """How many of them are beyond the limit."""
        return self._seats.folded

    def is_folded(self, group: Group) -> bool:
        """Whether a group is measured in the surplus, too."""
        return group in self._folded

    def homes(self, group: Group) -> Sequence[Group]:
        """The groups in which that is to be measured which belongs to one."""
        return (group, self.surplus) if group in self._folded else (group,)

    def enter(self, rank: int, group: Group) -> None:
        """A group becomes known."""
        self._known[group.key] = rank, group
        for key in self._seats.enter(rank, group.key):
            self._fold(self._known[key][1])

    def leave(self, group: Group) -> None:
        """A group is known no longer; another one may get its place."""
        promoted = self._seats.leave(*self._place(group))
        self._unfold(group)
        del self._known[group.key]
        if promoted is not None:
            self._unfold(self._known[promoted][1])

    def extend(self, facts: Iterable[tuple[Group, Sequence[PlainFacts]]]) -> None:
        """Adds what many deployments of many groups say, to the surplus only once."""
        surplus: list[PlainFacts] = []
        for group, its in facts:
            group.history.add_plain_deployments(its)
            self._changed[group] = None
            if group in self._folded:
                surplus += its
        if surplus:
            self.surplus.history.add_plain_deployments(surplus)
            self._changed[self.surplus] = None

    def _place(self, group: Group) -> tuple[int, _Key]:
        return self._known[group.key][0], group.key

    def _fold(self, group: Group) -> None:
        if group not in self._folded:
            self._folded.add(group)
            self.surplus.history.absorb(group.history)
            self._touch(group)

    def _unfold(self, group: Group) -> None:
        if group in self._folded:
            self._folded.remove(group)
            self.surplus.history.release(group.history)
            self._touch(group)

    def _touch(self, group: Group) -> None:
        self._changed[group] = self._changed[self.surplus] = None
