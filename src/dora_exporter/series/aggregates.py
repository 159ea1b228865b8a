"""Adds the facts of every series to the aggregates of the exposition: its own, its teams and the surplus."""

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from sys import maxsize

from dora_exporter.dora.appearance_order import team_entry
from dora_exporter.dora.catalogue.catalogue import Appearances
from dora_exporter.dora.events import Deployment, Event, Incident, Series
from dora_exporter.dora.measures import DeploymentFacts, IncidentFacts, PlainFacts
from dora_exporter.dora.reserved import RESERVED
from dora_exporter.series.aggregate import Aggregate
from dora_exporter.series.folding import Folding
from dora_exporter.series.series_state import SeriesState
from dora_exporter.series.teams import Teams

SURPLUS = Series(RESERVED, RESERVED)
"""The labels of the series beyond the limit, which are exposed together; teams beyond it likewise."""


class Aggregates:
    """The aggregates of series and teams, and a surplus for those of each beyond the limit.

    ``changed`` collects those whose numbers may have changed.
    """

    def __init__(self, *, appearances: Appearances, series_limit: int, teams: Teams) -> None:
        """No aggregate yet. ``appearances`` is the order of series and teams."""
        self.series: dict[Series, Aggregate] = {}
        self._nameless: dict[Series, Aggregate] = {}
        self.teams: dict[tuple[str, ...], Aggregate] = {}
        self.surplus = Aggregate({"service": SURPLUS.service, "environment": SURPLUS.environment})
        self.changed: dict[Aggregate, None] = {}
        self.folding = Folding(self.surplus, series_limit, self.changed)
        self.team_folding = Folding(
            Aggregate({"team": RESERVED, "environment": RESERVED}, is_by_source=False), series_limit, self.changed
        )
        self._appearances = appearances
        self._assignment = teams
        self._waiting: defaultdict[Aggregate, list[PlainFacts]] = defaultdict(list)
        self.is_astray = False
        """Whether teams and surplus have to be recounted."""
        self._corrections: deque[tuple[Aggregate, DeploymentFacts | None, DeploymentFacts | None]] = deque()

    def updates(self, series: Series) -> "SeriesUpdates":
        """The updates for the events of a series; one without a service is for incidents that name only a team."""
        aggregate = Aggregate({"service": series.service, "environment": series.environment})
        (self.series if series.service else self._nameless)[series] = aggregate
        return SeriesUpdates(series, aggregate, self)

    def drop(self, series: Series) -> None:
        """Forgets a series, whose aggregate is no longer exposed."""
        self._nameless.pop(series, None)
        aggregate = self.series.pop(series, None)
        if aggregate:
            aggregate.present = 0
            self.changed[aggregate] = None

    def is_replaced(self, aggregate: Aggregate) -> bool:
        """Whether a series has another aggregate since it was computed anew."""
        current = self.series.get(Series(*aggregate.key)) if "service" in aggregate.labels else None
        return current is not None and current is not aggregate

    def of_series(self, aggregate: Aggregate) -> Series | None:
        """The series whose aggregate it is; None for one that adds up series, or was dropped."""
        series = Series(*aggregate.key)
        return series if self.series.get(series) is aggregate else None

    def forget_team(self, aggregate: Aggregate) -> bool:
        """Forgets a team without events, once all its series are settled; False for any other aggregate."""
        if aggregate.present > 0 or self.teams.get(aggregate.key) is not aggregate:
            return False
        del self.teams[aggregate.key]
        return True

    def aggregates(self) -> Iterator[Aggregate]:
        """Every aggregate."""
        yield from self.series.values()
        yield from self.teams.values()
        yield from (self.surplus, self.team_folding.surplus)

    def mark_all(self) -> None:
        """Marks every aggregate as changed."""
        self.changed.update(dict.fromkeys(self.aggregates()))

    def is_exposed(self, aggregate: Aggregate) -> bool:
        """Whether an aggregate has lines of its own."""
        for folding in (self.folding, self.team_folding):
            if aggregate is folding.surplus:
                return bool(folding.folded)
            if folding.is_folded(aggregate):
                return False
        has_name = bool(aggregate.key[0])
        return has_name and aggregate.present > 0

    def add_plain_to_teams(self, series: Series, facts: PlainFacts, deployments: Sequence[Deployment]) -> None:
        """Adds many deployments of a series to their teams, in ``end_loading``."""
        teams = self._assignment.count(deployments)
        for team, count in teams.items():
            if count < len(deployments):
                facts = PlainFacts.of([each for each in deployments if self._assignment.of_deployment(each) == team])
            self._waiting[self._team(team, series.environment)].append(facts)

    @property
    def is_waiting(self) -> bool:
        """Whether deployments wait to be added to teams, or series or teams to be folded."""
        return bool(self._waiting) or self.folding.is_due or self.team_folding.is_due

    def end_loading(self) -> Iterator[None]:
        """Adds the waiting deployments to the teams, all of a team together: it has the events of many series.

        Then what is beyond the limits is folded.
        """
        yield from self.team_folding.extending(self._waiting)
        self._waiting.clear()
        yield
        while self._corrections:
            self._change_team(*self._corrections.popleft())
            yield
        for folding in (self.folding, self.team_folding):
            yield from folding.settling()

    def recount(self) -> Iterator[None]:
        """Empties teams and surplus, step by step; then ``retell`` has to be called for each series."""
        was_folding = self.folding.folded
        self._waiting.clear()
        self._corrections.clear()
        self._assignment.forget()
        for aggregate in (self.surplus, self.team_folding.surplus, *self.teams.values()):
            aggregate.reset()
            self.changed[aggregate] = None
            yield
        self.team_folding = self.team_folding.emptied()
        folding = self.folding.emptied()
        for series, own in self.series.items():
            if own.present > 0:
                folding.enter(self._rank(series), own)
            yield
        self.folding = folding
        if was_folding or self.folding.folded:
            self.mark_all()
        self.is_astray = False

    def retell(self, series: Series, state: SeriesState) -> Iterator[None]:
        """Adds the events of a series to the teams again."""
        for events in state.present():
            self.add_presence_to_teams(series, events, 1)
            yield
        for plain, others in state.classifier.told():
            if plain:
                self.add_plain_to_teams(series, PlainFacts.of(plain), plain)
            yield
            for deployment, facts in others:
                self.add_deployment_to_team(series, deployment, None, facts)
                yield
        for attempt, facts in state.attempts.told():
            self.add_deployment_to_team(series, attempt, None, facts)
            yield
        for incident, its in state.told_incidents():
            self.add_incident_to_teams(series, incident, None, its)
            yield

    def add_deployment_to_team(
        self, series: Series, deployment: Deployment, before: DeploymentFacts | None, after: DeploymentFacts | None
    ) -> None:
        """Replaces the facts of a deployment of a series in its team."""
        team = self._assignment.of_deployment(deployment)
        if team:
            aggregate = self._team(team, series.environment)
            if aggregate in self._waiting:
                self._corrections.append((aggregate, before, after))
            else:
                self._change_team(aggregate, before, after)

    def add_incident_to_teams(
        self, series: Series, incident: Incident, before: IncidentFacts | None, after: IncidentFacts | None
    ) -> None:
        """Replaces the facts of an incident of a series in its teams."""
        before_all, after_all = self._assignment.merge(series, incident, before, after)
        for team in self._assignment.of_incident(incident):
            for aggregate in self.team_folding.homes(self._team(team, series.environment)):
                if before_all != after_all:
                    aggregate.change_incident(before_all, after_all)
                self.changed[aggregate] = None

    def add_presence_to_teams(self, series: Series, events: Sequence[Event], change: int) -> None:
        """Counts events of a series that appear (1) or disappear (-1) in their teams."""
        for team, count in self._assignment.count(events).items():
            aggregate = self._team(team, series.environment)
            was_known = aggregate.present > 0
            aggregate.present += change * count
            if was_known != (aggregate.present > 0):
                self._update_team_folding(aggregate)
            self.changed[aggregate] = None

    def update_folding(self, series: Series, own: Aggregate) -> None:
        """Folds or unfolds after a series became known or ceased to be."""
        if own.present > 0:
            self.folding.enter(self._rank(series), own)
        else:
            self.folding.leave(own)

    def _update_team_folding(self, aggregate: Aggregate) -> None:
        """Folds or unfolds after a team became known or ceased to be."""
        if aggregate.present > 0:
            self.team_folding.enter(self._team_rank(*aggregate.key), aggregate)
        else:
            self.team_folding.leave(aggregate)

    def _team_rank(self, team: str, environment: str) -> int:
        """The rank of the first event that names the team, or of the first series configured for it."""
        services = self._assignment.services_of(team)
        entries = (team_entry(team, environment), *(Series(service, environment) for service in services))
        return min(map(self._rank, entries))

    def _rank(self, series: Series) -> int:
        return self._appearances.rank(series, maxsize)

    def _change_team(self, aggregate: Aggregate, before: DeploymentFacts | None, after: DeploymentFacts | None) -> None:
        for home in self.team_folding.homes(aggregate):
            home.change_deployment(before, after)
            self.changed[home] = None

    def _team(self, team: str, environment: str) -> Aggregate:
        aggregate = self.teams.get((team, environment))
        if aggregate is None:
            aggregate = self.teams[team, environment] = Aggregate(
                {"team": team, "environment": environment}, is_by_source=False
            )
        return aggregate


class SeriesUpdates:
    """Adds the facts of one series to its own aggregate, the surplus and its teams."""

    __slots__ = ("_aggregates", "_own", "_series")

    def __init__(self, series: Series, own: Aggregate, aggregates: Aggregates) -> None:
        """``own`` is the aggregate of the series."""
        self._series = series
        self._own = own
        self._aggregates = aggregates

    def plain(self, deployments: Sequence[Deployment]) -> None:
        """Adds many deployments with plain facts; the teams get them in ``end_loading``."""
        facts = PlainFacts.of(deployments)
        for aggregate in self._changing():
            aggregate.measures.add_plain_deployments([facts])
        self._aggregates.add_plain_to_teams(self._series, facts, deployments)

    def deployment(self, deployment: Deployment, before: DeploymentFacts | None, after: DeploymentFacts | None) -> None:
        """Replaces the facts of a deployment."""
        for aggregate in self._changing():
            aggregate.change_deployment(before, after)
        self._aggregates.add_deployment_to_team(self._series, deployment, before, after)

    def incident(self, incident: Incident, before: IncidentFacts | None, after: IncidentFacts | None) -> None:
        """Replaces the facts of an incident."""
        for aggregate in self._changing():
            aggregate.change_incident(before, after)
        self._aggregates.add_incident_to_teams(self._series, incident, before, after)

    def presence(self, events: Sequence[Event], change: int) -> None:
        """Counts events that appear (1) or disappear (-1)."""
        own, was_known = self._own, self._own.present > 0
        own.present += change * len(events)
        if self._series.service and was_known != (own.present > 0):
            self._aggregates.update_folding(self._series, own)
        self._aggregates.changed[own] = None
        self._aggregates.add_presence_to_teams(self._series, events, change)

    def _changing(self) -> Sequence[Aggregate]:
        """The aggregates of the series, marked as changed."""
        homes = self._aggregates.folding.homes(self._own)
        self._aggregates.changed.update(dict.fromkeys(homes))
        return homes
