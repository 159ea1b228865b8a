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
        self._due: dict[Aggregate, bool] = {}
        """Those that are to be folded, or no longer."""
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

    @property
    def is_due(self) -> bool:
        """Whether ``settling`` has to be called."""
        return bool(self._due)

    def enter(self, rank: int, aggregate: Aggregate) -> None:
        """Adds an aggregate that became known; ``settling`` folds those that are beyond the limit now."""
        self._known[aggregate.key] = rank, aggregate
        for key in self._limit.enter(rank, aggregate.key):
            self._due[self._known[key][1]] = True

    def leave(self, aggregate: Aggregate) -> None:
        """Removes an aggregate; in ``settling`` another one may move within the limit."""
        promoted = self._limit.leave(*self._place(aggregate))
        self._due[aggregate] = False
        del self._known[aggregate.key]
        if promoted is not None:
            self._due[self._known[promoted][1]] = False

    def settling(self) -> Iterator[None]:
        """Adds what is beyond the limit to the surplus, and takes from it what no longer is, a step at a time."""
        due, self._due = self._due, {}
        folded = [each for each, is_beyond in due.items() if is_beyond and each not in self._folded]
        unfolded = [each for each, is_beyond in due.items() if not is_beyond and each in self._folded]
        yield from self.surplus.measures.absorbing([each.measures for each in folded])
        yield from self.surplus.measures.releasing([each.measures for each in unfolded])
        self._folded.update(folded)
        self._folded.difference_update(unfolded)
        if folded or unfolded:
            self._changed.update(dict.fromkeys((*folded, *unfolded, self.surplus)))

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
