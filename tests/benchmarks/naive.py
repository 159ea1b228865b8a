"""The obvious exporter, which the scrape is compared with: models in a list, everything computed anew, then gzip.

It prints the families of each series from the same events, with the rules that follow from incidents; what takes more
work (rollbacks, teams) it leaves out, to its own advantage.
"""

import gzip
import statistics
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from pydantic import BaseModel

from dora_exporter.dora import events
from dora_exporter.dora.events import DAY_MS

WINDOWS = (("7d", 7 * DAY_MS), ("30d", 30 * DAY_MS), ("90d", 90 * DAY_MS))
ATTRIBUTION_LIMIT_MS = 7 * DAY_MS
_LABELS = ["service", "environment", "window"]
_COUNTS = (
    "deployments",
    "failed_deployments",
    "lead_time_commits",
    "incidents",
    "restored_incidents",
    "unattributed_incidents",
)
_SECONDS = ("change_lead_time", "time_to_restore", "failed_deployment_recovery_time")


class CommitModel(BaseModel):
    """A commit as a sender gives it."""

    sha: str
    authored_at: int


class DeploymentModel(BaseModel):
    """A deployment as a sender gives it."""

    id: str
    service: str
    environment: str
    started_at: int
    finished_at: int
    version: str | None = None
    commit_sha: str | None = None
    repository: str | None = None
    team: str | None = None
    commits: list[CommitModel] = []


class IncidentModel(BaseModel):
    """An incident as a sender gives it."""

    id: str
    services: list[str]
    environment: str
    started_at: int
    finished_at: int | None = None
    team: str | None = None


class NaiveExporter(Collector):
    """Holds events, and computes all of it at each scrape."""

    def __init__(self, crowd: Iterable[events.Event], now_ms: int) -> None:
        """Takes over the events."""
        self.now_ms = now_ms
        self.deployments: list[DeploymentModel] = []
        self.incidents: list[IncidentModel] = []
        for event in crowd:
            self.add(event)
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)

    def add(self, event: events.Event) -> None:
        """Takes an event."""
        if isinstance(event, events.Deployment):
            commits = [CommitModel(sha=each.sha, authored_at=each.authored_at) for each in event.commits or ()]
            self.deployments.append(
                DeploymentModel(
                    id=event.id,
                    service=event.service,
                    environment=event.environment,
                    started_at=event.started_at,
                    finished_at=event.finished_at,
                    version=event.version,
                    commit_sha=event.commit_sha,
                    repository=event.repository,
                    team=event.team,
                    commits=commits,
                )
            )
        else:
            self.incidents.append(
                IncidentModel(
                    id=event.id,
                    services=list(event.services),
                    environment=event.environment,
                    started_at=event.started_at,
                    finished_at=event.finished_at,
                    team=event.team,
                )
            )

    def scrape(self) -> bytes:
        """The answer to a scrape that accepts gzip."""
        return gzip.compress(generate_latest(self.registry))

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Each family, computed from the events."""
        deployments: dict[tuple[str, str], list[DeploymentModel]] = defaultdict(list)
        incidents: dict[tuple[str, str], list[IncidentModel]] = defaultdict(list)
        for deployment in self.deployments:
            deployments[deployment.service, deployment.environment].append(deployment)
        for incident in self.incidents:
            for service in incident.services:
                incidents[service, incident.environment].append(incident)
        families = _Families()
        for series in deployments.keys() | incidents.keys():
            families.add(series, deployments[series], incidents[series], self.now_ms)
        yield from families.all()


class _Families:
    def __init__(self) -> None:
        self.counts = {name: GaugeMetricFamily(f"dora_{name}", name, labels=_LABELS) for name in _COUNTS}
        self.seconds = {
            name: GaugeMetricFamily(f"dora_{name}_seconds", name, labels=[*_LABELS, "statistic"]) for name in _SECONDS
        }
        self.causes = GaugeMetricFamily("dora_change_failures", "by cause", labels=[*_LABELS, "cause"])
        self.frequency = GaugeMetricFamily("dora_deployment_frequency_per_day", "per day", labels=_LABELS)
        self.rate = GaugeMetricFamily("dora_change_failure_rate", "share", labels=_LABELS)
        self.rework = GaugeMetricFamily("dora_deployment_rework_rate", "share", labels=_LABELS)

    def all(self) -> Iterator[GaugeMetricFamily]:
        yield from self.counts.values()
        yield from self.seconds.values()
        yield from (self.causes, self.frequency, self.rate, self.rework)

    def add(
        self,
        series: tuple[str, str],
        deployments: list[DeploymentModel],
        incidents: list[IncidentModel],
        now_ms: int,
    ) -> None:
        deployments = sorted(deployments, key=lambda each: each.started_at)
        blamed, unattributed = _attributed(deployments, incidents)
        for text, length_ms in WINDOWS:
            since = now_ms - length_ms
            labels = [*series, text]
            shipped = [each for each in deployments if since < each.finished_at <= now_ms]
            failed = [each for each in shipped if each.id in blamed]
            restored = [each for each in incidents if each.finished_at and since < each.finished_at <= now_ms]
            lead_times = [each.finished_at - commit.authored_at for each in shipped for commit in each.commits]
            recoveries = [
                ended - max(began, each.finished_at)
                for each in deployments
                for began, ended in [blamed.get(each.id, (0, 0))]
                if since < ended <= now_ms
            ]
            counts = {
                "deployments": len(shipped),
                "failed_deployments": len(failed),
                "lead_time_commits": len(lead_times),
                "incidents": sum(since < each.started_at <= now_ms for each in incidents),
                "restored_incidents": len(restored),
                "unattributed_incidents": sum(since < each.started_at <= now_ms for each in unattributed),
            }
            for name, value in counts.items():
                self.counts[name].add_metric(labels, value)
            self._add_seconds("change_lead_time", labels, lead_times)
            self._add_seconds(
                "time_to_restore", labels, [(each.finished_at or 0) - each.started_at for each in restored]
            )
            self._add_seconds("failed_deployment_recovery_time", labels, recoveries)
            for cause in ("verdict", "rollback", "revert", "rule", "incident"):
                self.causes.add_metric([*labels, cause], len(failed) if cause == "incident" else 0)
            self.frequency.add_metric(labels, len(shipped) / (length_ms / DAY_MS))
            if shipped:
                self.rate.add_metric(labels, len(failed) / len(shipped))
                reworks = sum(before.id in blamed for before, _ in pairwise(shipped))
                self.rework.add_metric(labels, reworks / len(shipped))

    def _add_seconds(self, name: str, labels: list[str], values: list[int]) -> None:
        if values:
            ordered = sorted(values)
            family = self.seconds[name]
            family.add_metric([*labels, "mean"], statistics.fmean(ordered) / 1000)
            family.add_metric([*labels, "median"], statistics.median(ordered) / 1000)
            family.add_metric([*labels, "p90"], _quantile(ordered, 0.9) / 1000)


def _attributed(
    deployments: list[DeploymentModel], incidents: list[IncidentModel]
) -> tuple[dict[str, tuple[int, int]], list[IncidentModel]]:
    """When the incidents of each failed deployment began and ended, and those that no deployment explains."""
    starts = [each.started_at for each in deployments]
    blamed: dict[str, tuple[int, int]] = {}
    unattributed = []
    for incident in incidents:
        index = bisect_right(starts, incident.started_at)
        if index and incident.started_at - starts[index - 1] <= ATTRIBUTION_LIMIT_MS:
            failed = deployments[index - 1].id
            began, ended = blamed.get(failed, (incident.started_at, 0))
            blamed[failed] = began, max(ended, incident.finished_at or 0)
        else:
            unattributed.append(incident)
    return blamed, unattributed


def _quantile(ordered: list[int], share: float) -> float:
    position = share * (len(ordered) - 1)
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)
