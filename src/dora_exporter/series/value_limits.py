"""Decides which values of dimensions keep labels of their own, and into which surplus the others are folded."""

from collections.abc import Iterable, Iterator
from sys import maxsize

from dora_exporter.dora.reserved import RESERVED
from dora_exporter.series.aggregate import Aggregate
from dora_exporter.series.series_limit import OneLimit, SeriesLimit

_Key = tuple[str, ...]


class ValueLimits:
    """A dimension keeps the values that came first, by the time of their first event; the rest is one a dimension.

    The rest is told apart by environment, as long as that is not beyond the limit of all pairs of value and
    environment, which protects from events with ever new environments.
    """

    def __init__(self, values: int, pairs: int, surpluses: dict[_Key, Aggregate] | None = None) -> None:
        """No aggregate is known; the limits are those of the values of a dimension, and of all pairs.

        ``surpluses`` are those that are there already, by dimension and environment.
        """
        self._most_values = values
        # This surplus is a mark and never gets facts: those go to the rest of the dimension over all environments.
        self._pairs = OneLimit(Aggregate({"dimension": RESERVED}), pairs)
        self._most_pairs = pairs
        self._values: dict[str, SeriesLimit[_Key]] = {}
        self._ranks: dict[_Key, int] = {}
        self._members: dict[_Key, dict[Aggregate, None]] = {}
        self._beyond: set[_Key] = set()
        self._touched: dict[_Key, None] = {}
        self._surpluses = {} if surpluses is None else surpluses

    @property
    def depend_on_measures(self) -> bool:
        """The moment of the first event does."""
        return True

    def __len__(self) -> int:
        """The number of values of all dimensions."""
        return len(self._ranks)

    @property
    def folded(self) -> int:
        """The number of values beyond the limit, of all dimensions."""
        return len(self._beyond)

    def emptied(self) -> "ValueLimits":
        """The same without a known aggregate; what is folded stays with the same surplus."""
        return ValueLimits(self._most_values, self._most_pairs, self._surpluses)

    def surpluses(self) -> Iterable[Aggregate]:
        """The surpluses that were needed so far."""
        return list(self._surpluses.values())

    def surplus_of(self, aggregate: Aggregate) -> Aggregate | None:
        """The rest of the dimension in the environment, or in all environments beyond the limit of pairs.

        A pair that left is in none, also where its value has other environments.
        """
        dimension, value, environment = aggregate.key
        if aggregate not in self._members.get((dimension, value), ()):
            return None
        if self._pairs.surplus_of(aggregate):
            return self._surplus(dimension, RESERVED)
        return self._surplus(dimension, environment) if (dimension, value) in self._beyond else None

    def enter(self, rank: int, aggregate: Aggregate) -> Iterable[Aggregate]:
        """Adds a pair; its value is placed once its measures are known."""
        key = aggregate.key[:2]
        self._members.setdefault(key, {})[aggregate] = None
        self._touched[key] = None
        # The pair itself, too: if its value is beyond the limit and stays there, placing that moves nothing.
        return [aggregate, *self._pairs.enter(rank, aggregate)]

    def leave(self, aggregate: Aggregate) -> Iterable[Aggregate]:
        """Removes a pair."""
        key = aggregate.key[:2]
        del self._members[key][aggregate]
        self._touched[key] = None
        return [aggregate, *self._pairs.leave(aggregate)]

    def touch(self, aggregate: Aggregate) -> None:
        """The first event of a value may be another one."""
        if aggregate.key[:2] in self._members:
            self._touched[aggregate.key[:2]] = None

    @property
    def is_touched(self) -> bool:
        """Whether a value is to be placed anew."""
        return bool(self._touched)

    def changed(self) -> Iterator[Aggregate]:
        """Places the values anew whose first event may be another one."""
        while self._touched:
            key, _ = self._touched.popitem()
            for moved in self._place(key):
                yield from self._members[moved]
            if not self._members[key]:
                del self._members[key]

    def _place(self, key: _Key) -> Iterator[_Key]:
        members = self._members[key]
        rank = min(map(_first_ms, members)) if members else None
        before = self._ranks.pop(key, None)
        if rank is not None:
            self._ranks[key] = rank
        if rank == before:
            return
        limit = self._values.setdefault(key[0], SeriesLimit(self._most_values))
        if before is not None:
            promoted = limit.leave(before, key[1:])
            within = {key} if promoted is None else {key, (key[0], *promoted)}
            self._beyond -= within
            yield from within
        if rank is not None:
            put_out = {(key[0], *each) for each in limit.enter(rank, key[1:])}
            self._beyond |= put_out
            yield from put_out

    def _surplus(self, dimension: str, environment: str) -> Aggregate:
        surplus = self._surpluses.get((dimension, environment))
        if surplus is None:
            labels = {"dimension": dimension, "value": RESERVED, "environment": environment}
            surplus = self._surpluses[dimension, environment] = Aggregate(labels, is_by_source=False)
        return surplus


def _first_ms(aggregate: Aggregate) -> int:
    """The moment of the first event; the last one of all where none has come yet."""
    first = aggregate.measures.first_event
    return maxsize if first is None else first
