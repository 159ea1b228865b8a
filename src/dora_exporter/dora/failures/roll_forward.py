"""Roll-forwards by configured rules: what a deployment is called, or what was merged for it, says that it is a fix."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from dora_exporter.dora.commit_messages import key_of
from dora_exporter.dora.events import Deployment
from dora_exporter.dora.failures import commit_text
from dora_exporter.dora.failures.commit_text import Mark, Mention
from dora_exporter.dora.failures.contract import Link
from dora_exporter.dora.failures.deployments import DeploymentsInOrder, is_redeployment, mark_of_speaker
from dora_exporter.dora.failures.order import finish_order
from dora_exporter.dora.failures.pattern import Pattern

FIELDS: Mapping[str, Callable[[Deployment], Iterable[Mention]]] = {
    "version": commit_text.versions,
    "subject": commit_text.subjects,
    "title": commit_text.titles,
    "branch": commit_text.branches,
    "label": commit_text.labels,
    "tag": commit_text.tags,
}
"""What a pattern can be looked for in."""


class StaticRule:
    """A match says that the deployment before failed, unless that deployed the same."""

    def __init__(self, name: str, pattern: Pattern, fields: Collection[str]) -> None:
        """``fields`` are keys of ``FIELDS``."""
        self._name = name
        self._pattern = pattern
        self._fields = tuple(fields)

    def concerned(self, deployments: Iterable[Deployment]) -> Iterable[Deployment]:
        """Those that match."""
        talking = _talking(deployments, self._fields)
        return [deployment for deployment in talking if any(True for _ in self._matches(deployment))]

    def links(self, remedy: Deployment, in_order: DeploymentsInOrder, asked: set[Mark]) -> Iterator[Link]:
        """The deployment just before one that matches."""
        failed = None if in_order.returns.lands_again(remedy) else in_order.before(remedy)
        spoken = _spoken(self._matches(remedy), remedy, in_order, asked)
        if failed and not is_redeployment(remedy, failed) and any(True for _ in spoken):
            yield Link(failed, remedy, "rule", self._name)

    def _matches(self, deployment: Deployment) -> Iterator[Mention]:
        return (each for each in _mentions(deployment, self._fields) if self._pattern.matches(each.text))


class LinkedRule:
    """A match names what failed: a version, or the title or number of a pull request that was shipped before."""

    def __init__(self, name: str, pattern: Pattern, fields: Collection[str]) -> None:
        """``pattern`` has a variable; ``fields`` are keys of ``FIELDS``."""
        self._name = name
        self._pattern = pattern
        self._fields = tuple(fields)
        self._kind = {"pr_title": "subject", "pr_number": "number"}.get(pattern.variable or "", "version")

    def concerned(self, deployments: Iterable[Deployment]) -> Iterable[Deployment]:
        """Those that name something."""
        talking = _talking(deployments, self._fields)
        return [deployment for deployment in talking if any(True for _ in self._captured(deployment))]

    def links(self, remedy: Deployment, in_order: DeploymentsInOrder, asked: set[Mark]) -> Iterator[Link]:
        """The earlier deployments that it names."""
        failed: dict[str, Deployment] = {}
        said = () if in_order.returns.lands_again(remedy) else self._captured(remedy)
        for name in _spoken(said, remedy, in_order, asked):
            mark = self._kind, key_of(name) if self._kind == "subject" else name
            asked.add(mark)
            found = _earlier(mark, remedy, in_order)
            if found and not is_redeployment(remedy, found):
                failed[found.id] = found
        for each in failed.values():
            yield Link(each, remedy, "rule", self._name)

    def _captured(self, deployment: Deployment) -> Iterator[Mention]:
        """The names that are said, each with what says it."""
        for each in _mentions(deployment, self._fields):
            name = self._pattern.captured(each.text)
            if name:
                yield Mention(name, each.speaker)


def _earlier(mark: Mark, remedy: Deployment, in_order: DeploymentsInOrder) -> Deployment | None:
    """The last earlier one of a version, or the first that shipped a pull request."""
    kind, name = mark
    if kind == "version":
        return in_order.latest_with_version_before(name, remedy)
    first = next(iter(in_order.shipments.with_mark(mark)), None)
    return first if first and finish_order(first) < finish_order(remedy) else None


def _spoken(
    said: Iterable[Mention], remedy: Deployment, in_order: DeploymentsInOrder, asked: set[Mark]
) -> Iterator[str]:
    """What is said for the first time: a redeployment does not say again what it was deployed for."""
    for each in said:
        if each.speaker:
            asked.add(mark_of_speaker(each.speaker))
        if each.speaker is None or in_order.speaks(remedy, each.speaker):
            yield each.text


def _talking(deployments: Iterable[Deployment], fields: Collection[str]) -> Iterable[Deployment]:
    """Those that have anything in the fields: most have neither commits nor pull requests, and are passed over fast."""
    if not {"version", "tag"}.isdisjoint(fields):
        return deployments
    return [each for each in deployments if each.commits is not None or each.shipped is not None]


def _mentions(deployment: Deployment, fields: Iterable[str]) -> Iterator[Mention]:
    for field in fields:
        yield from FIELDS[field](deployment)
