"""Folds the series or teams beyond the limit into one surplus aggregate."""

from collections.abc import Iterator, Mapping, Sequence

from dora_exporter.dora.measures import PlainFacts
from dora_exporter.series.aggregate import Aggregate
from dora_exporter.series.series_limit import SeriesLimit

_Key = tuple[str, ...]


class Folding:
    """The known aggregates of one kind. ``changed`` collects those whose lines may have changed."""

    def __init__(self, surplus: Aggregate, limit: int, changed: dict[Aggregate, None]) -> None:
        """No aggregate is known."""
        self.surplus = surplus
        self._limit: SeriesLimit[_Key] = SeriesLimit(limit)
        self._known: dict[_Key, tuple[int, Aggregate]] = {}
        self._folded: set[Aggregate] = set()
        self._changed = changed

    def emptied(self) -> "Folding":
        """A new folding into the same surplus, without a known aggregate."""
        return Folding(self.surplus, self._limit.limit, self._changed)

    def __len__(self) -> int:
        """The number of known aggregates."""
        return len(self._limit)

    @property
    def folded(self) -> int:
        """The number of known aggregates beyond the limit."""
        return self._limit.folded

    def is_folded(self, aggregate: Aggregate) -> bool:
        """Whether an aggregate is folded into the surplus."""
        return aggregate in self._folded

    def homes(self, aggregate: Aggregate) -> Sequence[Aggregate]:
        """The aggregates to which the facts of one are added: itself, and the surplus if it is folded."""
        return (aggregate, self.surplus) if aggregate in self._folded else (aggregate,)

    def enter(self, rank: int, aggregate: Aggregate) -> None:
        """Adds an aggregate that became known."""
        self._known[aggregate.key] = rank, aggregate
        for key in self._limit.enter(rank, aggregate.key):
            self._fold(self._known[key][1])

    def leave(self, aggregate: Aggregate) -> None:
        """Removes an aggregate; another one may move within the limit."""
        promoted = self._limit.leave(*self._place(aggregate))
        self._unfold(aggregate)
        del self._known[aggregate.key]
        if promoted is not None:
            self._unfold(self._known[promoted][1])

    def extending(self, facts: Mapping[Aggregate, Sequence[PlainFacts]]) -> Iterator[None]:
        """Adds many deployments to many aggregates, and together to the surplus, step by step."""
        surplus: list[PlainFacts] = []
        for aggregate, its in facts.items():
            yield from aggregate.measures.adding_plain_deployments(its)
            self._changed[aggregate] = None
            if aggregate in self._folded:
                surplus += its
        if surplus:
            yield from self.surplus.measures.adding_plain_deployments(surplus)
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
