"""Verdicts on deployments by a person, a client or a source, and the remedies that they name."""

from collections.abc import Callable, Hashable, Iterable
from typing import Protocol

import msgspec

from dora_exporter.dora.events import FOUND_VERDICT, Deployment, Verdict
from dora_exporter.dora.failures.contract import Link
from dora_exporter.dora.failures.deployments import DeploymentsInOrder
from dora_exporter.dora.failures.order import finish_order


def verdict_on(deployment: Deployment) -> Verdict | None:
    """The verdict in force: a person's or client's, else the source's; None without one."""
    if deployment.verdict is not None or deployment.upstream is None:
        return deployment.verdict
    if deployment.upstream.get(FOUND_VERDICT[0]) is None:
        return None
    return msgspec.convert({key: deployment.upstream.get(key) for key in FOUND_VERDICT}, type=Verdict)


class Reports(Protocol):
    """Finds the deployment of a report, because a remedy may be named by the id of any report."""

    def counting(self, report: Deployment) -> Deployment:
        """The deployment that counts for a report."""
        ...

    def of(self, counted: Deployment) -> Iterable[str]:
        """The ids of all reports of a counting deployment."""
        ...


class SingleReports:
    """Every deployment has one report."""

    def counting(self, report: Deployment) -> Deployment:
        """The report itself."""
        return report

    def of(self, counted: Deployment) -> Iterable[str]:
        """Its own id."""
        return (counted.id,)


class NamedRemedies:
    """The remedies that verdicts name, in one series."""

    def __init__(self, in_order: DeploymentsInOrder, find: Callable[[str], Deployment | None]) -> None:
        """No verdict yet. ``find`` looks up a report of any series by its id."""
        self._in_order = in_order
        self._find_report = find
        self.reports: Reports = SingleReports()
        self._awaited: dict[Hashable, dict[str, Deployment]] = {}
        self._links: dict[str, Link] = {}
        self._by_remedy: dict[str, dict[str, Link]] = {}

    def link(self, failed: Deployment) -> Link | None:
        """The link to the remedy that a verdict names; None until that remedy counts."""
        return self._links.get(failed.id)

    def of_remedy(self, remedy: Deployment) -> Iterable[Link]:
        """The links to the deployments whose verdicts name this remedy."""
        return self._by_remedy[remedy.id].values() if remedy.id in self._by_remedy else ()

    def awaiting(self, deployment: Deployment) -> list[Deployment]:
        """The failed deployments whose verdicts may name this one."""
        names = (*(("id", each) for each in self.reports.of(deployment)), ("version", deployment.version))
        waiting = [failed for name in names for failed in self._awaited.get(name, {}).values()]
        return [*waiting, *(link.failed for link in self.of_remedy(deployment))]

    def decide(self, failed: Deployment, verdict: Verdict | None) -> list[Deployment]:
        """Finds the remedy that a verdict names; returns the remedies affected, in their latest state."""
        before = self._links.pop(failed.id, None)
        after = self._named(failed, verdict)
        if before:
            del self._by_remedy[before.remedy.id][failed.id]
        if after:
            self._links[failed.id] = after
            self._by_remedy.setdefault(after.remedy.id, {})[failed.id] = after
        # By id: a remedy may have been replaced since it was linked, and only the one that counts now can be marked.
        changed = [link.remedy.id for link in (before, after) if link] if before != after else ()
        return [remedy for remedy in map(self._find, changed) if remedy]

    def forget(self, failed: Deployment) -> list[Deployment]:
        """Drops the remedy that a verdict names; returns the remedies affected, in their latest state."""
        for waiting in self._awaited.values():
            waiting.pop(failed.id, None)
        return self.decide(failed, None)

    def _find(self, deployment_id: str) -> Deployment | None:
        """The deployment that counts, by the id of any of its reports."""
        report = self._find_report(deployment_id)
        return self.reports.counting(report) if report and not report.outcome else None

    def _named(self, failed: Deployment, verdict: Verdict | None) -> Link | None:
        remediation = verdict.remediation if verdict and verdict.change_failure else None
        if not remediation:
            return None
        if remediation.id is not None:
            self._awaited.setdefault(("id", remediation.id), {})[failed.id] = failed
            found = self._find(remediation.id)
            # The id may be that of another series, or of one that does not count at present.
            remedy = found if found and self._in_order.holds(found) and _is_later(found, failed) else None
        else:
            self._awaited.setdefault(("version", remediation.version), {})[failed.id] = failed
            same = self._in_order.with_version(remediation.version or "")
            remedy = next((each for each in same if _is_later(each, failed)), None)
        return Link(failed, remedy, "verdict", remediation.type) if remedy else None


def _is_later(one: Deployment, other: Deployment) -> bool:
    return bool(finish_order(one) > finish_order(other))
