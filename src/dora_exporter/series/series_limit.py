"""Decides which series, teams or others keep labels of their own when there are more than the limit."""

from bisect import bisect_left, insort
from collections.abc import Iterable
from typing import Generic, Protocol, TypeVar

from dora_exporter.series.aggregate import Aggregate

Key = TypeVar("Key", bound=tuple[str, ...])


class SeriesLimit(Generic[Key]):
    """Keys in the order of their rank; the first ``limit`` of them keep their own labels."""

    def __init__(self, limit: int) -> None:
        """Starts empty."""
        self.limit = limit
        # The key decides where ranks tie: the first events of two values may share a millisecond.
        self._present: list[tuple[int, Key]] = []

    def __len__(self) -> int:
        """The number of keys."""
        return len(self._present)

    @property
    def folded(self) -> int:
        """The number of keys beyond the limit."""
        return max(0, len(self._present) - self.limit)

    def enter(self, rank: int, key: Key) -> list[Key]:
        """Inserts a key; returns the keys that it put beyond the limit: the new one, the last within, or none."""
        insort(self._present, (rank, key))
        if not self.folded:
            return []
        if bisect_left(self._present, (rank, key)) >= self.limit:
            return [key]
        return [self._present[self.limit][1]]

    def leave(self, rank: int, key: Key) -> Key | None:
        """Removes a key; returns the key that is within the limit now, if there is one."""
        index = bisect_left(self._present, (rank, key))
        del self._present[index]
        if index < self.limit <= len(self._present):
            return self._present[self.limit - 1][1]
        return None


class LabelLimits(Protocol):
    """The known aggregates of one kind by rank. Methods return the aggregates that may have another surplus now."""

    @property
    def depend_on_measures(self) -> bool:
        """Whether measures decide: where not, nothing has to be told of them."""
        ...

    def __len__(self) -> int:
        """The number of names, each of one known aggregate or of several."""
        ...

    @property
    def folded(self) -> int:
        """The number of names beyond the limit."""
        ...

    def emptied(self) -> "LabelLimits":
        """The same without a known aggregate."""
        ...

    def surpluses(self) -> Iterable[Aggregate]:
        """Every surplus."""
        ...

    def surplus_of(self, aggregate: Aggregate) -> Aggregate | None:
        """Where an aggregate is to be folded into; None where it keeps its labels."""
        ...

    def enter(self, rank: int, aggregate: Aggregate) -> Iterable[Aggregate]:
        """Adds an aggregate that became known."""
        ...

    def leave(self, aggregate: Aggregate) -> Iterable[Aggregate]:
        """Removes an aggregate."""
        ...

    def touch(self, aggregate: Aggregate) -> None:
        """Takes notice of an aggregate whose measures change."""
        ...

    @property
    def is_touched(self) -> bool:
        """Whether something is to be placed anew."""
        ...

    def changed(self) -> Iterable[Aggregate]:
        """Places anew what was touched."""
        ...


class OneLimit:
    """All aggregates beyond one limit are folded into one surplus."""

    def __init__(self, surplus: Aggregate, limit: int) -> None:
        """No aggregate is known."""
        self._surplus = surplus
        self._limit: SeriesLimit[tuple[str, ...]] = SeriesLimit(limit)
        self._known: dict[tuple[str, ...], tuple[int, Aggregate]] = {}
        self._beyond: set[Aggregate] = set()

    @property
    def depend_on_measures(self) -> bool:
        """Ranks do not."""
        return False

    def __len__(self) -> int:
        """The number of known aggregates."""
        return len(self._limit)

    @property
    def folded(self) -> int:
        """The number beyond the limit."""
        return self._limit.folded

    def emptied(self) -> "OneLimit":
        """The same without a known aggregate."""
        return OneLimit(self._surplus, self._limit.limit)

    def surpluses(self) -> Iterable[Aggregate]:
        """The one surplus."""
        return (self._surplus,)

    def surplus_of(self, aggregate: Aggregate) -> Aggregate | None:
        """The surplus for an aggregate beyond the limit."""
        return self._surplus if aggregate in self._beyond else None

    def enter(self, rank: int, aggregate: Aggregate) -> Iterable[Aggregate]:
        """Adds an aggregate; it or the last one within may be beyond the limit now."""
        self._known[aggregate.key] = rank, aggregate
        put_out = [self._known[key][1] for key in self._limit.enter(rank, aggregate.key)]
        self._beyond.update(put_out)
        return put_out

    def leave(self, aggregate: Aggregate) -> Iterable[Aggregate]:
        """Removes an aggregate; another one may move within the limit."""
        promoted = self._limit.leave(self._known[aggregate.key][0], aggregate.key)
        del self._known[aggregate.key]
        # It is returned itself, because it may have to be taken out of the surplus.
        within = [aggregate] if promoted is None else [aggregate, self._known[promoted][1]]
        self._beyond.difference_update(within)
        return within

    def touch(self, aggregate: Aggregate) -> None:
        """Ranks do not depend on measures."""

    @property
    def is_touched(self) -> bool:
        """Ranks do not depend on measures."""
        return False

    def changed(self) -> Iterable[Aggregate]:
        """Ranks do not depend on measures."""
        return ()
