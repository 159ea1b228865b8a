"""Decides which deployments of one series failed, and why, while deployments and incidents come, change and go.

A write costs what it can affect: it marks its neighbours in time, deployments of the same thing, and the incidents
between two starts. ``settling`` classifies the marked ones again, and passes on what changed in their facts.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from dora_exporter.dora.events import Commit, Deployment, Incident
from dora_exporter.dora.failures.attribution_index import AttributionIndex
from dora_exporter.dora.failures.contract import Link, Rule
from dora_exporter.dora.failures.deployments import DeploymentsInOrder
from dora_exporter.dora.failures.first_shipments import counting
from dora_exporter.dora.failures.incident_states import IncidentStates
from dora_exporter.dora.failures.remedy_links import RemedyLinks
from dora_exporter.dora.failures.updates import Updates
from dora_exporter.dora.failures.verdict import NamedRemedies, verdict_on
from dora_exporter.dora.lead_time_stages import stages_of
from dora_exporter.dora.measures import CAUSES, DeploymentFacts
from dora_exporter.dora.sorted_in_steps import Steps, batches, listed_in_steps

_INTRODUCED_AT_ONCE = 200


class Classifier:
    """The deployments of one series that count now, with their facts, and its ``incidents``."""

    def __init__(
        self,
        *,
        rules: Sequence[Rule],
        attribution_limit_ms: int | None,
        find: Callable[[str], Deployment | None],
        updates: Updates,
    ) -> None:
        """An empty series. ``find`` looks up any deployment by its id."""
        self.in_order = DeploymentsInOrder()
        self.links = RemedyLinks(rules, self.in_order)
        self.attributions = AttributionIndex(self.in_order, attribution_limit_ms)
        self.named = NamedRemedies(self.in_order, find)
        self.incidents = IncidentStates(self.attributions, updates)
        self._updates = updates
        self._facts: dict[str, DeploymentFacts] = {}
        self._new: dict[str, None] = {}
        self._marked: dict[str, Deployment] = {}

    # Adding and removing

    def loading(self, ordered: list[Deployment]) -> Iterator[None]:
        """Fills an empty series with deployments in order of finish, step by step. Incidents come before."""
        returning = yield from self.in_order.loading(ordered)
        for some in batches(returning):
            for deployment in some:
                self.links.mark(deployment)
            yield
        for some in batches(ordered, _INTRODUCED_AT_ONCE):
            yield from self._introducing(some)
            yield
        # All of them are passed on as plain first, at the cost of a sort; settling corrects the few that are more.
        for some in batches(ordered):
            self._updates.plain(some)
            yield
        yield from self.settling()

    def adding(self, deployment: Deployment) -> Iterator[None]:
        """Adds a deployment, step by step."""
        # Between two steps others may read, so what is in order is indexed by all that it shipped.
        overtaken = (yield from self.in_order.shipments.adding(deployment)) if deployment.has_known_commits else ()
        self.in_order.add(deployment)
        self._new[deployment.id] = None
        self._marked[deployment.id] = deployment
        self._mark(overtaken)
        self.links.mark(deployment)
        yield from self.links.introducing([deployment])
        yield from self._marking_around(deployment)

    def removing(self, deployment: Deployment) -> Iterator[None]:
        """Removes a deployment, step by step."""
        # Its neighbours are found by its place, so they are marked while it still has one.
        yield from self._marking_around(deployment)
        self.in_order.remove(deployment)
        if deployment.has_known_commits:
            self._mark((yield from self.in_order.shipments.removing(deployment)))
        for linked in self.links.forgetting(deployment):
            if linked:
                self._mark([linked])
            yield
        self._mark(self.named.forget(deployment))
        self._marked.pop(deployment.id, None)
        facts = self.facts(deployment)
        self._facts.pop(deployment.id, None)
        if deployment.id in self._new:  # it was added since the last settling, so its facts were never passed on
            self._new.pop(deployment.id, None)
        else:
            yield from self._updates.deployment(deployment, facts, None)

    def add_incident(self, incident: Incident) -> None:
        """Adds an incident, as an open one."""
        self.incidents.add(incident)

    def restore(self, incident: Incident, restored_at: int | None, severity: str | None = None) -> None:
        """Resolves an incident; with None it is open again. The severity is the one that it has from now on."""
        self._mark(self.incidents.restore(incident, restored_at, severity))

    def remove_incident(self, incident: Incident) -> None:
        """Removes an incident."""
        self._mark(self.incidents.remove(incident))

    def settling(self) -> Iterator[None]:
        """Classifies what was marked, and passes on what changed, step by step."""
        yield from self._decide()
        # Classifying may mark others, and ends all the same: it marks only remedies, which are later than what failed.
        while self._marked:
            _, deployment = self._marked.popitem()
            before = None if deployment.id in self._new else self.facts(deployment)
            after = yield from self._classifying(deployment)
            if before != after:
                self._new.pop(deployment.id, None)
                self._keep(deployment, after)
                yield from self._updates.deployment(deployment, before, after)
                if (before and before.cause) != after.cause:
                    self._mark(link.remedy for link in self.remedies(deployment))
            yield
        # Incidents are last: whether one is attributed is decided, and nothing above depends on their facts.
        if self.incidents.marked:
            yield from self.incidents.settling()

    # Reading

    def facts(self, deployment: Deployment) -> DeploymentFacts:
        """The facts of a deployment, as of the last ``settling``."""
        return self._facts.get(deployment.id) or DeploymentFacts.of(deployment)

    def cause(self, deployment: Deployment) -> str | None:
        """Why a deployment failed, by the precedence of ``CAUSES``; None if it did not. A verdict decides alone."""
        verdict = verdict_on(deployment)
        if verdict:
            return "verdict" if verdict.change_failure else None
        causes = {link.cause for link in self.links.to_failed(deployment)}
        if self.attributions.incidents_of(deployment):
            causes.add("incident")
        return min(causes, key=CAUSES.index, default=None)

    def remedies(self, failed: Deployment) -> Sequence[Link]:
        """The links to the remedies of a deployment: the one in its verdict if held, else those of the rules."""
        named = self.named.link(failed)
        return [named] if named else self.links.to_failed(failed)

    def passed_on(self) -> Iterator[tuple[list[Deployment], list[tuple[Deployment, DeploymentFacts]]]]:
        """The deployments passed on so far, some at a step: those with plain facts, and the others with theirs."""
        facts = self._facts
        for some in batches(self.in_order.by_finish):
            known = [each for each in some if each.id not in self._new]
            yield (
                [each for each in known if each.id not in facts],
                [(each, facts[each.id]) for each in known if each.id in facts],
            )

    def parts(self) -> Iterator[object]:
        """What it consists of, to be freed from the last to the first: all at once takes long."""
        yield from batches(list(self._facts.values()))
        yield from (self._facts, self._new, self._marked)
        yield from self.in_order.parts()
        yield from self.links.parts()
        yield from self.attributions.parts()
        yield from self.incidents.parts()

    # Classifying

    def _decide(self) -> Iterator[None]:
        yield from self.in_order.preparing(chain(self.links.marked, self.attributions.marked))
        for linked in self.links.settle():
            if linked:
                self._mark([linked])
            yield
        for touched in self.attributions.settle():
            if isinstance(touched, Incident):
                self.incidents.marked[touched.id] = touched
            else:
                self._mark([touched])
            yield

    def _classifying(self, deployment: Deployment) -> Steps[DeploymentFacts]:
        self._decide_named(deployment)
        cause = self.cause(deployment)
        samples: list[tuple[Commit, int]] = []
        stages: list[tuple[str, int]] = []
        dropped = 0
        if deployment.has_known_commits:  # few
            shipped = yield from listed_in_steps(self.in_order.shipments.first_shipped(deployment))
            samples = list(counting(shipped))
            dropped = len(shipped) - len(samples)
            stages = yield from listed_in_steps(stages_of(deployment, (commit for commit, _ in samples)))
        return DeploymentFacts(
            finished_at=deployment.finished_at,
            source=deployment.source,
            identified=deployment.is_identified,
            cause=cause,
            recovery=self._recovery(deployment, cause) if cause else None,
            rework=self._is_rework(deployment),
            lead_times=tuple(value for _, value in samples),
            stages=tuple(stages),
            dropped=dropped,
        )

    def _decide_named(self, deployment: Deployment) -> None:
        """Finds the remedy that a verdict names. The links of the rules count only while that one does not exist."""
        before = self.named.link(deployment)
        self._mark(self.named.decide(deployment, verdict_on(deployment)))
        if (before is None) != (self.named.link(deployment) is None):
            self._mark(link.remedy for link in self.links.to_failed(deployment))

    def _recovery(self, failed: Deployment, cause: str) -> tuple[int, int] | None:
        """The moment at which a failed deployment recovered, and the milliseconds that took.

        It recovers by its first remedy, or when all incidents attributed to it are resolved, whichever comes first. The
        time starts at its finish, or at the beginning of its first incident if only incidents say that it failed.
        """
        incidents = self.attributions.incidents_of(failed)
        moments = [link.remedy.finished_at for link in self.remedies(failed)]
        restored_at = self.incidents.all_restored_at(incidents) if incidents else None
        if restored_at is not None:
            moments.append(restored_at)
        if not moments:
            return None
        began = min(incident.started_at for incident in incidents) if cause == "incident" else failed.finished_at
        start = max(failed.finished_at, began)
        moment = max(start, min(moments))
        return moment, moment - start

    def _is_rework(self, deployment: Deployment) -> bool:
        remedied = (*self.links.of_remedy(deployment), *self.named.of_remedy(deployment))
        return self.attributions.is_response(deployment) or any(
            self.cause(link.failed) and link in self.remedies(link.failed) for link in remedied
        )

    # Marking and passing on

    def _introducing(self, deployments: Sequence[Deployment]) -> Iterator[None]:
        """Indexes what deployments shipped, and marks those whose facts may be more than plain."""
        yield from self.links.introducing(deployments)
        for each in deployments:
            if each.commits is not None or each.shipped is not None:  # as fast as can be, as in ``links``
                overtaken = yield from self.in_order.shipments.adding(each)
                self._mark([each, *overtaken])
                yield
            elif each.verdict is not None or each.upstream is not None:
                self._mark([each])

    def _mark(self, deployments: Iterable[Deployment]) -> None:
        """Schedules deployments to be classified again, but for those that were removed or replaced since."""
        for deployment in deployments:
            if self.in_order.holds(deployment):
                self._marked[deployment.id] = deployment

    def _marking_around(self, deployment: Deployment) -> Iterator[None]:
        yield from self.links.marking_around(deployment)
        self.attributions.mark_around(deployment)
        self._mark(self.named.awaiting(deployment))

    def _keep(self, deployment: Deployment, facts: DeploymentFacts) -> None:
        """Stores facts, unless they follow from the deployment alone: most do, and would cost memory."""
        if facts == DeploymentFacts.of(deployment):
            self._facts.pop(deployment.id, None)
        else:
            self._facts[deployment.id] = facts
