"""Folds what is beyond its limits into a surplus."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from dora_exporter.dora.plain_facts import PlainFacts
from dora_exporter.dora.reserved import RESERVED
from dora_exporter.series.aggregate import Aggregate
from dora_exporter.series.series_limit import LabelLimits, OneLimit
from dora_exporter.series.value_limits import ValueLimits


class Folding:
    """The known aggregates of one kind. ``changed`` collects those whose lines may have changed."""

    def __init__(self, limits: LabelLimits, changed: dict[Aggregate, None]) -> None:
        """No aggregate is known."""
        self.limits = limits
        self._is_by_measures = limits.depend_on_measures
        self._surplus_of: dict[Aggregate, Aggregate] = {}
        self._sizes: Counter[Aggregate] = Counter()
        self._due: dict[Aggregate, None] = {}
        """Those that are to be folded, or no longer, or elsewhere."""
        self._changed = changed

    def emptied(self) -> "Folding":
        """A new folding into the same surplus, without a known aggregate."""
        return Folding(self.limits.emptied(), self._changed)

    def __len__(self) -> int:
        """The number of known aggregates."""
        return len(self.limits)

    @property
    def folded(self) -> int:
        """How many are beyond the limit."""
        return self.limits.folded

    @property
    def surpluses(self) -> Iterable[Aggregate]:
        """What is folded into."""
        return self.limits.surpluses()

    def is_folded(self, aggregate: Aggregate) -> bool:
        """Whether an aggregate is folded into a surplus."""
        return aggregate in self._surplus_of

    def has_folded_into(self, surplus: Aggregate) -> bool:
        """Whether something is folded into a surplus."""
        return self._sizes[surplus] > 0

    def homes(self, aggregate: Aggregate) -> Sequence[Aggregate]:
        """The aggregates to which the facts of one are added: itself, and the surplus if it is folded."""
        surplus = self._surplus_of.get(aggregate)
        return (aggregate,) if surplus is None else (aggregate, surplus)

    @property
    def is_due(self) -> bool:
        """Whether ``settling`` has to be called."""
        return bool(self._due) or (self._is_by_measures and self.limits.is_touched)

    def enter(self, rank: int, aggregate: Aggregate) -> None:
        """Adds an aggregate that became known; ``settling`` folds those that are beyond the limit now."""
        self._due.update(dict.fromkeys(self.limits.enter(rank, aggregate)))

    def leave(self, aggregate: Aggregate) -> None:
        """Removes an aggregate; in ``settling`` another one may move within the limit."""
        self._due.update(dict.fromkeys(self.limits.leave(aggregate)))

    def touch(self, aggregate: Aggregate) -> None:
        """Takes notice of an aggregate whose measures change."""
        if self._is_by_measures:
            self.limits.touch(aggregate)

    def settling(self) -> Iterator[None]:
        """Adds what is beyond the limit to its surplus, and takes from it what no longer is, a step at a time."""
        self._due.update(dict.fromkeys(self.limits.changed()))
        due, self._due = self._due, {}
        joining: defaultdict[Aggregate, list[Aggregate]] = defaultdict(list)
        leaving: defaultdict[Aggregate, list[Aggregate]] = defaultdict(list)
        for each in due:
            before, after = self._surplus_of.get(each), self.limits.surplus_of(each)
            if before is not after:
                if before is not None:
                    leaving[before].append(each)
                if after is not None:
                    joining[after].append(each)
        for surplus, those in joining.items():
            yield from surplus.measures.absorbing([each.measures for each in those])
        for surplus, those in leaving.items():
            yield from surplus.measures.releasing([each.measures for each in those])
        self._note(joining, leaving)

    def extending(self, facts: Mapping[Aggregate, Sequence[PlainFacts]]) -> Iterator[None]:
        """Adds many deployments to many aggregates, and together to each surplus, step by step."""
        surplus: defaultdict[Aggregate, list[PlainFacts]] = defaultdict(list)
        for aggregate, its in facts.items():
            for home in self.homes(aggregate)[1:]:
                surplus[home] += its
            yield from aggregate.measures.adding_plain_deployments(its)
            self.touch(aggregate)
            self._changed[aggregate] = None
        for home, its in surplus.items():
            yield from home.measures.adding_plain_deployments(its)
            self._changed[home] = None

    def _note(
        self, joining: Mapping[Aggregate, Sequence[Aggregate]], leaving: Mapping[Aggregate, Sequence[Aggregate]]
    ) -> None:
        """Notes who is folded where from here on."""
        for surplus, those in leaving.items():
            self._sizes[surplus] -= len(those)
            for each in those:
                del self._surplus_of[each]
        for surplus, those in joining.items():
            self._sizes[surplus] += len(those)
            self._surplus_of.update(dict.fromkeys(those, surplus))
        for moved in (joining, leaving):
            for surplus, those in moved.items():
                self._changed.update(dict.fromkeys((surplus, *those)))


class Foldings:
    """The foldings of series and of each kind of rollup."""

    def __init__(
        self, kinds: Iterable[str], changed: dict[Aggregate, None], *, series_limit: int, values_limit: int
    ) -> None:
        """No aggregate is known. ``kinds`` are those of rollups; the surplus of each has the reserved labels."""
        surplus = Aggregate({"service": RESERVED, "environment": RESERVED})
        self.series = Folding(OneLimit(surplus, series_limit), changed)
        self.rollups: dict[str, Folding] = {}
        """By kind."""
        for kind in kinds:
            limits: LabelLimits
            if kind == "dimension":
                limits = ValueLimits(values_limit, series_limit)
            else:
                labels = {kind: RESERVED, "environment": RESERVED}
                limits = OneLimit(Aggregate(labels, is_by_source=False), series_limit)
            self.rollups[kind] = Folding(limits, changed)

    def of(self, aggregate: Aggregate) -> Folding:
        """The folding of the aggregates of this kind."""
        return self.rollups.get(aggregate.kind, self.series)

    def all(self) -> Sequence[Folding]:
        """Every folding, that of the series first."""
        return (self.series, *self.rollups.values())

    def surpluses(self) -> Iterator[Aggregate]:
        """Every surplus."""
        for folding in self.all():
            yield from folding.surpluses
