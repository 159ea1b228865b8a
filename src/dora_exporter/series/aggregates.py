"""Adds the facts of every series to the aggregates of the exposition: its own, its rollups and the surplus."""

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from sys import maxsize

from dora_exporter.dora.catalogue.catalogue import Appearances
from dora_exporter.dora.events import Deployment, Event, Incident, Series
from dora_exporter.dora.measures import DeploymentFacts, IncidentFacts
from dora_exporter.dora.plain_facts import PlainFacts
from dora_exporter.series.aggregate import Aggregate
from dora_exporter.series.folding import Foldings
from dora_exporter.series.membership import Membership, Rollup


class Aggregates:
    """The aggregates of series and of rollups, and a surplus for those of each kind beyond the limit.

    ``changed`` collects those whose numbers may have changed.
    """

    def __init__(
        self, *, appearances: Appearances, membership: Membership, series_limit: int, values_limit: int = 1
    ) -> None:
        """No aggregate yet. ``appearances`` is the order of series and teams.

        The limits are those of each kind, and of the values of each dimension.
        """
        self.series: dict[Series, Aggregate] = {}
        self._nameless: dict[Series, Aggregate] = {}
        self.rollups: dict[Rollup, Aggregate] = {}
        """By all labels, that of the environment last."""
        self.changed: dict[Aggregate, None] = {}
        self.foldings = Foldings(membership.kinds, self.changed, series_limit=series_limit, values_limit=values_limit)
        self.turnover = 0
        """How often a series became known or ceased to be."""
        self._appearances = appearances
        self._membership = membership
        self._waiting: defaultdict[Aggregate, list[PlainFacts]] = defaultdict(list)
        self.needs_recount = False
        """Whether rollups and surplus have to be recounted."""
        self._corrections: deque[tuple[Aggregate, DeploymentFacts | None, DeploymentFacts | None]] = deque()

    def updates(self, series: Series) -> "SeriesUpdates":
        """The updates for the events of a series; one without a service is for incidents that name only a team."""
        aggregate = Aggregate({"service": series.service, "environment": series.environment})
        if series.service:
            self.series[series] = aggregate
            self.changed[aggregate] = None  # it may have to take the place of the lines of another, and have none
        else:
            self._nameless[series] = aggregate
        return SeriesUpdates(series, aggregate, self)

    def drop(self, series: Series) -> None:
        """Forgets a series, whose aggregate is no longer exposed."""
        self._nameless.pop(series, None)
        aggregate = self.series.pop(series, None)
        # The limits are not told: either its events left one by one before, or all is recounted, as after a defect.
        if aggregate:
            aggregate.present = 0
            self.changed[aggregate] = None
            self.turnover += 1

    def is_replaced(self, aggregate: Aggregate) -> bool:
        """Whether a series has another aggregate since it was computed anew."""
        is_known = aggregate.kind == "service" and Series(*aggregate.key) in self.series
        return is_known and self.of_series(aggregate) is None

    def of_series(self, aggregate: Aggregate) -> Series | None:
        """The series whose aggregate it is; None for one that adds up series, or was dropped."""
        if aggregate.kind != "service":
            return None
        series = Series(*aggregate.key)
        return series if self.series.get(series) is aggregate else None

    def rollup(self, rollup: Rollup, environment: str) -> Aggregate | None:
        """The aggregate of a rollup in an environment; None without an event."""
        return self.rollups.get(_in(rollup, environment))

    def forget_rollup(self, aggregate: Aggregate) -> bool:
        """Forgets a rollup without events, once all its series are settled; False for any other aggregate."""
        key = tuple(aggregate.labels.items())
        if aggregate.present > 0 or self.rollups.get(key) is not aggregate:
            return False
        del self.rollups[key]
        return True

    def mark_all(self) -> None:
        """Marks every aggregate as changed."""
        self.changed.update(dict.fromkeys([*self.series.values(), *self.rollups.values(), *self.foldings.surpluses()]))

    def is_exposed(self, aggregate: Aggregate) -> bool:
        """Whether an aggregate has lines of its own."""
        folding = self.foldings.of(aggregate)
        # A surplus has no presence of its own.
        if folding.has_folded_into(aggregate):
            return True
        has_name = bool(aggregate.key[0])
        return has_name and aggregate.present > 0 and not folding.is_folded(aggregate)

    def add_plain_to_rollups(self, series: Series, facts: PlainFacts, deployments: Sequence[Deployment]) -> None:
        """Adds many deployments of a series to their rollups, in ``end_loading``."""
        for rollup, those in self._membership.parted(deployments).items():
            its = facts if len(those) == len(deployments) else PlainFacts.of(those)
            self._waiting[self._aggregate(rollup, series.environment)].append(its)

    @property
    def is_waiting(self) -> bool:
        """Whether deployments wait to be added to rollups, or something to be folded."""
        return bool(self._waiting) or any(each.is_due for each in self.foldings.all())

    def end_loading(self) -> Iterator[None]:
        """Adds the waiting deployments to the rollups, all of one together: it has the events of many series.

        Then what is beyond the limits is folded.
        """
        for kind, folding in self.foldings.rollups.items():
            yield from folding.extending({each: its for each, its in self._waiting.items() if each.kind == kind})
        self._waiting.clear()
        yield
        while self._corrections:
            yield from self._changing_rollup(*self._corrections.popleft())
            yield
        # Last, or values would be placed by first events that are not all told yet, and placed again after that.
        for folding in self.foldings.all():
            yield from folding.settling()

    def recount(self) -> Iterator[None]:
        """Empties rollups and surplus, step by step; then each series has to be told to them again."""
        was_folding = self.foldings.series.folded
        self._waiting.clear()
        self._corrections.clear()
        self._membership.forget()
        # They stay the same objects: changes, expiries and defects are noted by object.
        for aggregate in (*self.foldings.surpluses(), *self.rollups.values()):
            aggregate.reset()
            self.changed[aggregate] = None
            yield
        self.foldings.rollups = {kind: each.emptied() for kind, each in self.foldings.rollups.items()}
        folding = self.foldings.series.emptied()
        for series, own in self.series.items():
            if own.present > 0:
                folding.enter(self._rank(series), own)
            yield
        self.foldings.series = folding
        self.turnover += 1
        # Others may be beyond the limit than before, so any series may gain or lose its lines.
        if was_folding or self.foldings.series.folded:
            self.mark_all()
        self.needs_recount = False

    def adding_deployment_to_rollups(
        self, series: Series, deployment: Deployment, before: DeploymentFacts | None, after: DeploymentFacts | None
    ) -> Iterator[None]:
        """Replaces the facts of a deployment of a series in its rollups, step by step."""
        for rollup in self._membership.of_deployment(deployment):
            aggregate = self._aggregate(rollup, series.environment)
            # Its plain facts may still wait to be added, and can be replaced only after that.
            if aggregate in self._waiting:
                self._corrections.append((aggregate, before, after))
            else:
                yield from self._changing_rollup(aggregate, before, after)

    def add_incident_to_rollups(
        self, series: Series, incident: Incident, before: IncidentFacts | None, after: IncidentFacts | None
    ) -> None:
        """Replaces the facts of an incident of a series in its rollups."""
        before_all, after_all = self._membership.merge(series, incident, before, after)
        for rollup in self._membership.of_incident(incident):
            aggregate = self._aggregate(rollup, series.environment)
            for home in self.foldings.of(aggregate).homes(aggregate):
                if before_all != after_all:
                    home.change_incident(before_all, after_all)
                self.changed[home] = None
            self.foldings.of(aggregate).touch(aggregate)

    def add_presence_to_rollups(self, series: Series, events: Sequence[Event], change: int) -> None:
        """Counts events of a series that appear (1) or disappear (-1) in their rollups."""
        for rollup, those in self._membership.parted(events).items():
            aggregate = self._aggregate(rollup, series.environment)
            was_known = aggregate.present > 0
            aggregate.present += change * len(those)
            if was_known != (aggregate.present > 0):
                self._update_folding_of(rollup, aggregate)
            self.changed[aggregate] = None

    def update_folding(self, series: Series, own: Aggregate) -> None:
        """Folds or unfolds after a series became known or ceased to be."""
        self.turnover += 1
        if own.present > 0:
            self.foldings.series.enter(self._rank(series), own)
        else:
            self.foldings.series.leave(own)

    def _update_folding_of(self, rollup: Rollup, aggregate: Aggregate) -> None:
        """Folds or unfolds after a rollup became known or ceased to be."""
        if aggregate.present > 0:
            environment = aggregate.labels["environment"]
            entries = map(self._rank, self._membership.entries(rollup, environment))
            rank = min(entries, default=self._appearances.rank_of_environment(environment))
            self.foldings.of(aggregate).enter(rank, aggregate)
        else:
            self.foldings.of(aggregate).leave(aggregate)

    def _rank(self, series: Series) -> int:
        return self._appearances.rank(series, maxsize)

    def _changing_rollup(
        self, aggregate: Aggregate, before: DeploymentFacts | None, after: DeploymentFacts | None
    ) -> Iterator[None]:
        for home in self.foldings.of(aggregate).homes(aggregate):
            self.changed[home] = None
            home.change_deployment(before, after)
            yield
        self.foldings.of(aggregate).touch(aggregate)

    def _aggregate(self, rollup: Rollup, environment: str) -> Aggregate:
        key = _in(rollup, environment)
        aggregate = self.rollups.get(key)
        if aggregate is None:
            aggregate = self.rollups[key] = Aggregate(dict(key), is_by_source=False)
        return aggregate


def _in(rollup: Rollup, environment: str) -> Rollup:
    return (*rollup, ("environment", environment))


class SeriesUpdates:
    """Adds the facts of one series to its own aggregate, the surplus and its rollups."""

    __slots__ = ("_aggregates", "_own", "_series")

    def __init__(self, series: Series, own: Aggregate, aggregates: Aggregates) -> None:
        """``own`` is the aggregate of the series."""
        self._series = series
        self._own = own
        self._aggregates = aggregates

    def plain(self, deployments: Sequence[Deployment]) -> None:
        """Adds many deployments with plain facts; the rollups get them in ``end_loading``."""
        facts = PlainFacts.of(deployments)
        for aggregate in self._changing():
            aggregate.measures.add_plain_deployments([facts])
        self._aggregates.add_plain_to_rollups(self._series, facts, deployments)

    def deployment(
        self, deployment: Deployment, before: DeploymentFacts | None, after: DeploymentFacts | None
    ) -> Iterator[None]:
        """Replaces the facts of a deployment, step by step."""
        for aggregate in self._changing():
            aggregate.change_deployment(before, after)
            yield
        yield from self._aggregates.adding_deployment_to_rollups(self._series, deployment, before, after)

    def incident(self, incident: Incident, before: IncidentFacts | None, after: IncidentFacts | None) -> None:
        """Replaces the facts of an incident."""
        for aggregate in self._changing():
            aggregate.change_incident(before, after)
        self._aggregates.add_incident_to_rollups(self._series, incident, before, after)

    def presence(self, events: Sequence[Event], change: int) -> None:
        """Counts events that appear (1) or disappear (-1)."""
        own, was_known = self._own, self._own.present > 0
        own.present += change * len(events)
        if self._series.service and was_known != (own.present > 0):
            self._aggregates.update_folding(self._series, own)
        self._aggregates.changed[own] = None
        self._aggregates.add_presence_to_rollups(self._series, events, change)

    def _changing(self) -> Sequence[Aggregate]:
        """The aggregates of the series, marked as changed."""
        homes = self._aggregates.foldings.series.homes(self._own)
        self._aggregates.changed.update(dict.fromkeys(homes))
        return homes
