"""Who has labels of their own, and the surplus aggregate in which all beyond the limit are measured together."""

from collections.abc import Iterable, Sequence

from dora_exporter.dora.measures import PlainFacts
from dora_exporter.series.aggregate import Aggregate
from dora_exporter.series.series_limit import SeriesLimit

_Key = tuple[str, ...]


class Folding:
    """The aggregates of one kind that are known. ``changed`` collects those whose lines may have changed."""

    def __init__(self, surplus: Aggregate, limit: int, changed: dict[Aggregate, None]) -> None:
        """Nobody is known."""
        self.surplus = surplus
        self._seats: SeriesLimit[_Key] = SeriesLimit(limit)
        self._known: dict[_Key, tuple[int, Aggregate]] = {}
        self._folded: set[Aggregate] = set()
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

    def is_folded(self, aggregate: Aggregate) -> bool:
        """Whether an aggregate is measured in the surplus, too."""
        return aggregate in self._folded

    def homes(self, aggregate: Aggregate) -> Sequence[Aggregate]:
        """The aggregates in which that is to be measured which belongs to one."""
        return (aggregate, self.surplus) if aggregate in self._folded else (aggregate,)

    def enter(self, rank: int, aggregate: Aggregate) -> None:
        """An aggregate becomes known."""
        self._known[aggregate.key] = rank, aggregate
        for key in self._seats.enter(rank, aggregate.key):
            self._fold(self._known[key][1])

    def leave(self, aggregate: Aggregate) -> None:
        """An aggregate is known no longer; another one may get its place."""
        promoted = self._seats.leave(*self._place(aggregate))
        self._unfold(aggregate)
        del self._known[aggregate.key]
        if promoted is not None:
            self._unfold(self._known[promoted][1])

    def extend(self, facts: Iterable[tuple[Aggregate, Sequence[PlainFacts]]]) -> None:
        """Adds what many deployments of many aggregates say, to the surplus only once."""
        surplus: list[PlainFacts] = []
        for aggregate, its in facts:
            aggregate.measures.add_plain_deployments(its)
            self._changed[aggregate] = None
            if aggregate in self._folded:
                surplus += its
        if surplus:
            self.surplus.measures.add_plain_deployments(surplus)
            self._changed[self.surplus] = None

    def _place(self, aggregate: Aggregate) -> tuple[int, _Key]:
        return self._known[aggregate.key][0], aggregate.key

    def _fold(self, aggregate: Aggregate) -> None:
        if aggregate not in self._folded:
            self._folded.add(aggregate)
            self.surplus.measures.absorb(aggregate.measures)
            self._touch(aggregate)

    def _unfold(self, aggregate: Aggregate) -> None:
        if aggregate in self._folded:
            self._folded.remove(aggregate)
            self.surplus.measures.release(aggregate.measures)
            self._touch(aggregate)

    def _touch(self, aggregate: Aggregate) -> None:
        self._changed[aggregate] = self._changed[self.surplus] = None
