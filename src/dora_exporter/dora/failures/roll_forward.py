"""Rules for roll-forwards: the version of a deployment, or a text of its commits, says that it is a fix."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from dora_exporter.dora.commit_messages import key_of
from dora_exporter.dora.events import Deployment
from dora_exporter.dora.failures import commit_text
from dora_exporter.dora.failures.commit_text import LookupKey, ShippedText
from dora_exporter.dora.failures.contract import Link
from dora_exporter.dora.failures.deployments import DeploymentsInOrder, is_redeployment, key_of_origin
from dora_exporter.dora.failures.order import finish_order
from dora_exporter.dora.failures.pattern import Pattern

FIELDS: Mapping[str, Callable[[Deployment], Iterable[ShippedText]]] = {
    "version": commit_text.versions,
    "subject": commit_text.subjects,
    "title": commit_text.titles,
    "branch": commit_text.branches,
    "label": commit_text.labels,
    "tag": commit_text.tags,
}
"""The fields that a pattern can match, with the function that reads each."""

_OF_ITSELF = frozenset({"version", "tag"})
"""Those that a deployment has without commits."""


class StaticRule:
    """A match says that the deployment before failed, unless both deployed the same thing."""

    def __init__(self, name: str, pattern: Pattern, fields: Collection[str]) -> None:
        """``fields`` are keys of ``FIELDS``."""
        self._name = name
        self._pattern = pattern
        self._fields = tuple(fields)
        self.needs_commits = _OF_ITSELF.isdisjoint(fields)

    def concerned(self, deployments: Iterable[Deployment]) -> Iterator[Deployment | None]:
        """The deployments with a match."""
        return _with_any(self._matches, deployments)

    def links(
        self, remedy: Deployment, in_order: DeploymentsInOrder, looked_up: set[LookupKey]
    ) -> Iterator[Link | None]:
        """A link to the deployment just before a match."""
        # What was rolled back and lands again fixes nothing: mostly the one before it is its own rollback.
        failed = None if in_order.rollbacks.is_relanding(remedy) else in_order.before(remedy)
        spoken = _first_said(self._matches(remedy), remedy, in_order, looked_up)
        # Texts are read last, as matching them costs most. All that is decided before them is watched for every rule.
        for text in spoken if failed and not is_redeployment(remedy, failed) else ():
            if failed and text is not None:
                yield Link(failed, remedy, "rule", self._name)
                return
            yield None

    def _matches(self, deployment: Deployment) -> Iterator[ShippedText | None]:
        """The texts that match; None for each that does not."""
        return (each if self._pattern.matches(each.text) else None for each in _texts(deployment, self._fields))


class LinkedRule:
    """A match names what failed: a version, or the title or number of an earlier pull request."""

    def __init__(self, name: str, pattern: Pattern, fields: Collection[str]) -> None:
        """``pattern`` has a variable; ``fields`` are keys of ``FIELDS``."""
        self._name = name
        self._pattern = pattern
        self._fields = tuple(fields)
        self.needs_commits = _OF_ITSELF.isdisjoint(fields)
        self._kind = {"pr_title": "subject", "pr_number": "number"}.get(pattern.variable or "", "version")

    def concerned(self, deployments: Iterable[Deployment]) -> Iterator[Deployment | None]:
        """The deployments with a match."""
        return _with_any(self._captured, deployments)

    def links(
        self, remedy: Deployment, in_order: DeploymentsInOrder, looked_up: set[LookupKey]
    ) -> Iterator[Link | None]:
        """Links to the earlier deployments that a match names."""
        failed: dict[str, Deployment] = {}
        said = () if in_order.rollbacks.is_relanding(remedy) else self._captured(remedy)
        for name in _first_said(said, remedy, in_order, looked_up):
            yield None
            if name is None:
                continue
            key = self._kind, key_of(name) if self._kind == "subject" else name
            looked_up.add(key)
            found = _earlier(key, remedy, in_order)
            if found and not is_redeployment(remedy, found):
                failed[found.id] = found
        for each in failed.values():
            yield Link(each, remedy, "rule", self._name)

    def _captured(self, deployment: Deployment) -> Iterator[ShippedText | None]:
        """The captured names, each with the key of the text it is from; None for each text without one."""
        for each in _texts(deployment, self._fields):
            name = self._pattern.captured(each.text)
            yield ShippedText(name, each.origin) if name else None


def _with_any(
    matches: Callable[[Deployment], Iterable[ShippedText | None]], deployments: Iterable[Deployment]
) -> Iterator[Deployment | None]:
    """The deployments with a match; None for each text that is none."""
    for deployment in deployments:
        for each in matches(deployment):
            if each:
                yield deployment
                break
            yield None


def _earlier(key: LookupKey, remedy: Deployment, in_order: DeploymentsInOrder) -> Deployment | None:
    """The last earlier deployment of a version, or the first that shipped a pull request."""
    kind, name = key
    if kind == "version":
        return in_order.latest_with_version_before(name, remedy)
    first = next(iter(in_order.shipments.with_key(key)), None)
    return first if first and finish_order(first) < finish_order(remedy) else None


def _first_said(
    said: Iterable[ShippedText | None], remedy: Deployment, in_order: DeploymentsInOrder, looked_up: set[LookupKey]
) -> Iterator[str | None]:
    """Texts that a series ships for the first time: a redeployment of a fix is not a fix again. None is a step."""
    for each in said:
        if each and each.origin:
            looked_up.add(key_of_origin(each.origin))
        yield each.text if each and (each.origin is None or in_order.is_first_with(remedy, each.origin)) else None


def _texts(deployment: Deployment, fields: Iterable[str]) -> Iterator[ShippedText]:
    for field in fields:
        yield from FIELDS[field](deployment)
