"""Roll-forwards by configured rules: what a deployment is called, or what was merged for it, says that it is a fix."""

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping

from dora_exporter.events import Deployment
from dora_exporter.failures import mentions
from dora_exporter.failures.failure import Link
from dora_exporter.failures.lineup import Lineup
from dora_exporter.failures.mentions import plain
from dora_exporter.failures.order import finish_order
from dora_exporter.failures.pattern import Pattern

FIELDS: Mapping[str, Callable[[Deployment], Iterable[str]]] = {
    "version": mentions.versions,
    "subject": mentions.subjects,
    "title": mentions.titles,
    "branch": mentions.branches,
    "label": mentions.labels,
    "tag": mentions.tags,
}
"""What a pattern can be looked for in."""


class StaticRule:
    """A match says that the deployment before failed."""

    def __init__(self, name: str, pattern: Pattern, fields: Collection[str]) -> None:
        """``fields`` are keys of ``FIELDS``."""
        self._name = name
        self._pattern = pattern
        self._fields = tuple(fields)

    def concerned(self, deployments: Iterable[Deployment]) -> Iterable[Deployment]:
        """Those that match."""
        return [deployment for deployment in _talking(deployments, self._fields) if self._matches(deployment)]

    def links(self, remedy: Deployment, lineup: Lineup) -> Iterator[Link]:
        """The deployment just before one that matches."""
        failed = lineup.before(remedy) if self._matches(remedy) else None
        if failed:
            yield Link(failed, remedy, "rule", self._name)

    def looks_up(self, remedy: Deployment) -> Iterable[Hashable]:
        """Nothing beyond the neighbour."""
        return ()

    def _matches(self, deployment: Deployment) -> bool:
        return any(self._pattern.matches(text) for text in _texts(deployment, self._fields))


class LinkedRule:
    """A match names what failed: a version, or the title or number of a pull request that was shipped before."""

    def __init__(self, name: str, pattern: Pattern, fields: Collection[str]) -> None:
        """``pattern`` has a variable; ``fields`` are keys of ``FIELDS``."""
        self._name = name
        self._pattern = pattern
        self._fields = tuple(fields)

    def concerned(self, deployments: Iterable[Deployment]) -> Iterable[Deployment]:
        """Those that name something."""
        talking = _talking(deployments, self._fields)
        return [deployment for deployment in talking if any(True for _ in self._captured(deployment))]

    def links(self, remedy: Deployment, lineup: Lineup) -> Iterator[Link]:
        """The earlier deployments that it names."""
        failed: dict[str, Deployment] = {}
        for kind, name in self.looks_up(remedy):
            found = self._earlier(kind, name, remedy, lineup)
            if found:
                failed[found.id] = found
        for each in failed.values():
            yield Link(each, remedy, "rule", self._name)

    def looks_up(self, remedy: Deployment) -> Iterator[tuple[str, str]]:
        """The marks of what it names."""
        kind = {"pr_title": "subject", "pr_number": "number"}.get(self._pattern.variable or "", "version")
        for name in self._captured(remedy):
            yield kind, plain(name) if kind == "subject" else name

    def _captured(self, deployment: Deployment) -> Iterator[str]:
        for text in _texts(deployment, self._fields):
            name = self._pattern.captured(text)
            if name:
                yield name

    def _earlier(self, kind: str, name: str, remedy: Deployment, lineup: Lineup) -> Deployment | None:
        """The last earlier one of a version, or the first that shipped a pull request."""
        if kind == "version":
            return lineup.latest_with_version_before(name, remedy)
        first = next(iter(lineup.shipments.with_mark((kind, name))), None)
        return first if first and finish_order(first) < finish_order(remedy) else None


def _talking(deployments: Iterable[Deployment], fields: Collection[str]) -> Iterable[Deployment]:
    """Those that have anything in the fields: most have neither commits nor pull requests, and are passed over fast."""
    if not {"version", "tag"}.isdisjoint(fields):
        return deployments
    return [each for each in deployments if each.commits is not None or each.shipped is not None]


def _texts(deployment: Deployment, fields: Iterable[str]) -> Iterator[str]:
    for field in fields:
        yield from FIELDS[field](deployment)
