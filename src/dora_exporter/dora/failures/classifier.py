"""Decides, for one series, which deployments failed and why, while deployments and incidents come, change and go.

A write costs what lies around it: it marks its neighbours in time, deployments of the same thing and the incidents
between two starts. ``settle`` decides the marked anew, and tells the updates what changed in the numbers.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from dora_exporter.dora.events import Deployment, Incident
from dora_exporter.dora.failures.attribution_index import AttributionIndex
from dora_exporter.dora.failures.contract import Link, Rule
from dora_exporter.dora.failures.deployments import DeploymentsInOrder
from dora_exporter.dora.failures.order import by_start_in_steps
from dora_exporter.dora.failures.remedy_links import RemedyLinks
from dora_exporter.dora.failures.verdict import NamedRemedies, verdict_on
from dora_exporter.dora.lead_time_stages import stages_of
from dora_exporter.dora.measures import CAUSES, DeploymentFacts, IncidentFacts, is_identified

_TOLD_AT_ONCE = 4096
_INTRODUCED_AT_ONCE = 200


class Updates(Protocol):
    """Is told what changes in the numbers: the facts of an event before and after, None where it does not count."""

    def plain(self, deployments: Sequence[Deployment]) -> None:
        """Many deployments count from now on that say no more than ``DeploymentFacts.of`` each."""
        ...

    def deployment(self, deployment: Deployment, before: DeploymentFacts | None, after: DeploymentFacts | None) -> None:
        """A deployment's facts changed."""
        ...

    def incident(self, incident: Incident, before: IncidentFacts | None, after: IncidentFacts | None) -> None:
        """An incident's facts changed."""
        ...

    def presence(self, events: Sequence[Deployment | Incident], change: int) -> None:
        """Events are held from now on (1), or held no longer (-1): their series and their teams are known by them."""
        ...


class Classifier:
    """The deployments and incidents of one series that count now, and what they say."""

    def __init__(
        self,
        *,
        rules: Sequence[Rule],
        attribution_limit_ms: int | None,
        find: Callable[[str], Deployment | None],
        updates: Updates,
    ) -> None:
        """An empty series; ``find`` gives any deployment by its id."""
        self.in_order = DeploymentsInOrder()
        self.links = RemedyLinks(rules, self.in_order)
        self.blame = AttributionIndex(self.in_order, attribution_limit_ms)
        self.named = NamedRemedies(self.in_order, find)
        self._updates = updates
        self._facts: dict[str, DeploymentFacts] = {}
        self._incident_facts: dict[str, IncidentFacts] = {}
        self._restored_at: dict[str, int] = {}
        self._new: set[str] = set()
        self._marked: dict[str, Deployment] = {}
        self._marked_incidents: dict[str, Incident] = {}

    # What comes and goes

    def loading(self, ordered: list[Deployment]) -> Iterator[None]:
        """Fills an empty series with deployments in order of finish, a step at a time; incidents are added before."""
        by_start = yield from by_start_in_steps(ordered)
        for deployment in self.in_order.load(ordered, by_start):
            self.links.mark(deployment)
        yield
        for start in range(0, len(ordered), _INTRODUCED_AT_ONCE):
            self._introduce(ordered[start : start + _INTRODUCED_AT_ONCE])
            yield
        for start in range(0, len(ordered), _TOLD_AT_ONCE):
            self._updates.plain(ordered[start : start + _TOLD_AT_ONCE])
            yield
        yield from self.settling()

    def add(self, deployment: Deployment) -> None:
        """A deployment counts from now on."""
        self.in_order.add(deployment)
        self._new.add(deployment.id)
        self._marked[deployment.id] = deployment
        self.links.mark(deployment)
        self._introduce([deployment])
        self._mark_around(deployment)

    def remove(self, deployment: Deployment) -> None:
        """A deployment that was added counts no longer."""
        self._mark_around(deployment)
        if deployment.commits is not None or deployment.shipped is not None:
            self._mark(self.in_order.shipments.remove(deployment))
        self.in_order.remove(deployment)
        self._mark(self.links.forget(deployment))
        self._mark(self.named.forget(deployment))
        self._marked.pop(deployment.id, None)
        facts = self.facts(deployment)
        self._facts.pop(deployment.id, None)
        if deployment.id in self._new:
            self._new.discard(deployment.id)
        else:
            self._updates.deployment(deployment, facts, None)

    def add_incident(self, incident: Incident) -> None:
        """An incident counts from now on, as an open one."""
        self.blame.add(incident)
        self._marked_incidents[incident.id] = incident

    def restore(self, incident: Incident, restored_at: int | None) -> None:
        """An incident was resolved, or with None is open again."""
        if restored_at is None:
            self._restored_at.pop(incident.id, None)
        else:
            self._restored_at[incident.id] = restored_at
        self._marked_incidents[incident.id] = incident
        attribution = self.blame.attribution(incident)
        if attribution:
            self._mark([attribution.deployment])

    def remove_incident(self, incident: Incident) -> None:
        """An incident that was added counts no longer."""
        self._mark(self.blame.remove(incident))
        self._restored_at.pop(incident.id, None)
        self._marked_incidents.pop(incident.id, None)
        facts = self._incident_facts.pop(incident.id, None)
        if facts:
            self._updates.incident(incident, facts, None)

    def settle(self) -> None:
        """Decides what was marked, and tells the updates."""
        for _ in self.settling():
            pass

    def settling(self) -> Iterator[None]:
        """Does the same, a step at a time."""
        yield from self._decide()
        while self._marked:
            _, deployment = self._marked.popitem()
            before = None if deployment.id in self._new else self.facts(deployment)
            after = self._judge(deployment)
            if before != after:
                self._new.discard(deployment.id)
                self._keep(deployment, after)
                self._updates.deployment(deployment, before, after)
                if (before and before.cause) != after.cause:
                    self._mark(link.remedy for link in self.remedies(deployment))
            yield
        for incident in self._marked_incidents.values():
            self._tell_incident(incident)
            yield
        self._marked_incidents.clear()

    # What is known

    def facts(self, deployment: Deployment) -> DeploymentFacts:
        """What a deployment adds to the numbers."""
        return self._facts.get(deployment.id) or DeploymentFacts.of(deployment)

    def cause(self, deployment: Deployment) -> str | None:
        """Why a deployment failed: by the verdict, else by the first rule of ``CAUSES`` that says so."""
        verdict = verdict_on(deployment)
        if verdict:
            return "verdict" if verdict.change_failure else None
        causes = {link.cause for link in self.links.to_failed(deployment)}
        if self.blame.incidents_of(deployment):
            causes.add("incident")
        return min(causes, key=CAUSES.index, default=None)

    def remedies(self, failed: Deployment) -> Sequence[Link]:
        """What remedied a deployment: what its verdict names, or what the rules found where that does not exist."""
        named = self.named.link(failed)
        return [named] if named else self.links.to_failed(failed)

    def told(self) -> tuple[list[Deployment], list[tuple[Deployment, DeploymentFacts]]]:
        """The deployments of which the updates knows: those that are plain, and the others with their facts."""
        known = [each for each in self.in_order.by_finish if each.id not in self._new] if self._new else None
        known = self.in_order.by_finish if known is None else known
        facts = self._facts
        return [each for each in known if each.id not in facts], [
            (each, facts[each.id]) for each in known if each.id in facts
        ]

    def incident_facts(self, incident: Incident) -> IncidentFacts | None:
        """What an incident adds to the numbers; None while it does not count."""
        return self._incident_facts.get(incident.id)

    # Deciding

    def _decide(self) -> Iterator[None]:
        for linked in self.links.settle():
            if linked:
                self._mark([linked])
            yield
        for touched in self.blame.settle():
            if isinstance(touched, Incident):
                self._marked_incidents[touched.id] = touched
            else:
                self._mark([touched])
            yield

    def _judge(self, deployment: Deployment) -> DeploymentFacts:
        self._decide_named(deployment)
        cause = self.cause(deployment)
        samples = list(self.in_order.shipments.samples(deployment))
        return DeploymentFacts(
            finished_at=deployment.finished_at,
            source=deployment.source,
            identified=is_identified(deployment),
            cause=cause,
            recovery=self._recovery(deployment, cause) if cause else None,
            rework=self._is_rework(deployment),
            lead_times=tuple(value for _, value in samples),
            stages=tuple(stages_of(deployment, (commit for commit, _ in samples))),
            dropped=sum(1 for _ in self.in_order.shipments.first_shipped(deployment)) - len(samples),
        )

    def _decide_named(self, deployment: Deployment) -> None:
        """Finds the remedy that a verdict names; what the rules found holds only while that does not exist."""
        before = self.named.link(deployment)
        self._mark(self.named.decide(deployment, verdict_on(deployment)))
        if (before is None) != (self.named.link(deployment) is None):
            self._mark(link.remedy for link in self.links.to_failed(deployment))

    def _recovery(self, failed: Deployment, cause: str) -> tuple[int, int] | None:
        """When a failed deployment was remedied, and how long that took.

        That is by the first remedy, or when all incidents attributed to it were resolved, whichever came first. It
        counts from the deployment's finish; where only incidents say that it failed, from the first one's beginning.
        """
        incidents = self.blame.incidents_of(failed)
        moments = [link.remedy.finished_at for link in self.remedies(failed)]
        restored = [self._restored_at.get(incident.id) for incident in incidents]
        if restored and None not in restored:
            moments.append(max(moment for moment in restored if moment is not None))
        if not moments:
            return None
        began = min(incident.started_at for incident in incidents) if cause == "incident" else failed.finished_at
        start = max(failed.finished_at, began)
        moment = max(start, min(moments))
        return moment, moment - start

    def _is_rework(self, deployment: Deployment) -> bool:
        remedied = (*self.links.of_remedy(deployment), *self.named.of_remedy(deployment))
        return self.blame.is_response(deployment) or any(
            self.cause(link.failed) and link in self.remedies(link.failed) for link in remedied
        )

    # Marking and telling

    def _introduce(self, deployments: Sequence[Deployment]) -> None:
        """Makes known what they shipped and say, and has those judged for which that is more than plain facts."""
        self.links.introduce(deployments)
        for each in deployments:
            if each.commits is not None or each.shipped is not None:
                self._mark([each, *self.in_order.shipments.add(each)])
            elif each.verdict is not None or each.upstream is not None:
                self._mark([each])

    def _mark(self, deployments: Iterable[Deployment]) -> None:
        """Has deployments judged anew, except for those that went, or were replaced, meanwhile."""
        for deployment in deployments:
            if self.in_order.holds(deployment):
                self._marked[deployment.id] = deployment

    def _mark_around(self, deployment: Deployment) -> None:
        self.links.mark_around(deployment)
        self.blame.mark_around(deployment)
        self._mark(self.named.awaiting(deployment))

    def _keep(self, deployment: Deployment, facts: DeploymentFacts) -> None:
        """Remembers facts, unless they can be told from the deployment alone."""
        if facts == DeploymentFacts.of(deployment):
            self._facts.pop(deployment.id, None)
        else:
            self._facts[deployment.id] = facts

    def _tell_incident(self, incident: Incident) -> None:
        before = self._incident_facts.get(incident.id)
        after = IncidentFacts(
            started_at=incident.started_at,
            source=incident.source,
            restored_at=self._restored_at.get(incident.id),
            attributed=self.blame.attribution(incident) is not None,
        )
        if before != after:
            self._incident_facts[incident.id] = after
            self._updates.incident(incident, before, after)
