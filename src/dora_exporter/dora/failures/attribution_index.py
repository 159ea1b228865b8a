"""The attributions of incidents to deployments, and the deployments that responded to incidents."""

from bisect import bisect_left, insort
from collections.abc import Collection, Hashable, Iterable, Iterator
from operator import attrgetter

from dora_exporter.dora.events import Deployment, Incident
from dora_exporter.dora.failures.deployments import DeploymentsInOrder
from dora_exporter.dora.failures.incident_attribution import Attribution, attribute

_incident_order = attrgetter("started_at", "id")
_started_at = attrgetter("started_at")


class AttributionIndex:
    """The incidents of one series. A change marks the incidents it may affect; ``settle`` attributes them again."""

    def __init__(self, in_order: DeploymentsInOrder, attribution_limit_ms: int | None) -> None:
        """No incident yet."""
        self._in_order = in_order
        self._attribution_limit_ms = attribution_limit_ms
        self._ordered: list[Incident] = []
        self._naming: dict[Hashable, dict[str, Incident]] = {}
        self._attributions: dict[str, Attribution] = {}
        self._of: dict[str, dict[str, Incident]] = {}
        self._responses: dict[str, Deployment] = {}
        self._answered: dict[str, dict[str, Incident]] = {}
        self._unanswered: dict[str, Incident] = {}
        self._marked: dict[str, Incident] = {}

    def attribution(self, incident: Incident) -> Attribution | None:
        """The attribution of an incident; None if it has none."""
        return self._attributions.get(incident.id)

    def incidents_of(self, deployment: Deployment) -> Collection[Incident]:
        """The incidents attributed to a deployment."""
        return self._of[deployment.id].values() if deployment.id in self._of else ()

    def is_response(self, deployment: Deployment) -> bool:
        """Whether it was the first deployment to finish after the beginning of an incident of an earlier one."""
        return bool(self._answered.get(deployment.id))

    @property
    def marked(self) -> Iterable[Incident]:
        """The incidents that are to be attributed."""
        return self._marked.values()

    def parts(self) -> Iterator[object]:
        """What it consists of."""
        yield from (self._ordered, self._naming, self._attributions, self._of, self._responses, self._answered)

    def add(self, incident: Incident) -> None:
        """Adds an incident."""
        insort(self._ordered, incident, key=_incident_order)
        for name in _names(incident):
            self._naming.setdefault(name, {})[incident.id] = incident
        self._marked[incident.id] = incident

    def remove(self, incident: Incident) -> Iterator[Deployment]:
        """Removes an incident; yields the deployments that this affects."""
        del self._ordered[bisect_left(self._ordered, _incident_order(incident), key=_incident_order)]
        for name in _names(incident):
            del self._naming[name][incident.id]
        self._marked.pop(incident.id, None)
        yield from self._respond(incident, None)
        yield from self._attribute(incident, None)

    def mark_around(self, deployment: Deployment) -> None:
        """Marks the incidents whose attribution or response may change when a deployment comes or goes.

        The deployment has to be among those in order. Marked are the incidents that began before the next start, name
        what it deployed, are attributed to it, or have it or the next deployment as their response.
        """
        after = self._in_order.after(deployment)
        self._marked.update((incident.id, incident) for incident in self._begun_under(deployment))
        for name in _names(deployment):
            self._marked.update(self._naming.get(name, {}))
        self._marked.update(self._of.get(deployment.id, {}))
        self._marked.update(self._answered.get(deployment.id, {}))
        # With none after it, it may be the response that some incidents still lack.
        self._marked.update(self._answered.get(after.id, {}) if after else self._unanswered)

    def settle(self) -> Iterator[Deployment | Incident]:
        """Attributes the marked incidents; yields the incidents and deployments that may have changed."""
        # Any order will do: an attribution depends on deployments and on its own incident, never on another incident.
        while self._marked:
            _, incident = self._marked.popitem()
            yield incident
            attribution = attribute(incident, self._in_order, self._attribution_limit_ms)
            yield from self._attribute(incident, attribution)
            response = self._response(incident, attribution) if attribution else None
            yield from self._respond(incident, response)
            if attribution and not response:
                self._unanswered[incident.id] = incident

    def _response(self, incident: Incident, attribution: Attribution) -> Deployment | None:
        """The first deployment after the attributed one that finished after the incident began."""
        return self._in_order.first_after(attribution.deployment, incident.started_at)

    def _begun_under(self, deployment: Deployment) -> list[Incident]:
        low = bisect_left(self._ordered, deployment.started_at, key=_started_at)
        next_start = self._in_order.next_start(deployment)
        if next_start is None:
            return self._ordered[low:]
        return self._ordered[low : bisect_left(self._ordered, next_start, key=_started_at)]

    def _attribute(self, incident: Incident, attribution: Attribution | None) -> Iterator[Deployment]:
        before = self._attributions.get(incident.id)
        if before == attribution:
            return
        if before:
            del self._attributions[incident.id]
            del self._of[before.deployment.id][incident.id]
            yield before.deployment
        if attribution:
            self._attributions[incident.id] = attribution
            self._of.setdefault(attribution.deployment.id, {})[incident.id] = incident
            yield attribution.deployment

    def _respond(self, incident: Incident, response: Deployment | None) -> Iterator[Deployment]:
        self._unanswered.pop(incident.id, None)
        before = self._responses.get(incident.id)
        if before is response:
            return
        if before:
            del self._responses[incident.id]
            del self._answered[before.id][incident.id]
            yield before
        if response:
            self._responses[incident.id] = response
            self._answered.setdefault(response.id, {})[incident.id] = incident
            yield response


def _names(event: Deployment | Incident) -> Iterator[Hashable]:
    """The names by which an incident can refer to a deployment."""
    if event.version:
        yield "version", event.version
    if event.commit_sha:
        yield "sha", event.commit_sha
