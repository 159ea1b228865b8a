"""One deployment, two reports: what a pipeline sent and what a source found are one, and the pipeline's report counts.

They are the same when they name the same version or SHA in one series and began within a time of each other. Pairs are
made nearest beginnings first, one to one, and anew from the events whenever one of these changes.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from dora_exporter.events import Deployment

Sent = Callable[[Deployment], Iterable[Deployment]]
"""Gives the deployments of the series that were sent and have a deployment's version or SHA."""


def is_found(deployment: Deployment) -> bool:
    """Whether a source found it, rather than a pipeline sent it."""
    return deployment.source != "api"


class Pairing:
    """The deployments of one series that sources found, and the sent ones that they are paired with."""

    def __init__(self, *, within_ms: int, sent: Sent) -> None:
        """Nothing was found."""
        self._within_ms = within_ms
        self._sent = sent
        self._found: defaultdict[Hashable, dict[str, Deployment]] = defaultdict(dict)
        self._pairs: dict[str, Deployment] = {}
        self._sent_as: dict[str, Deployment] = {}
        self._counts_as: dict[str, Deployment] = {}

    def load(self, deployments: Sequence[Deployment]) -> list[Deployment]:
        """Takes in all deployments of a series at once; gives those that count, as they count."""
        found = [each for each in deployments if is_found(each)]
        if not found:
            return list(deployments)
        sent: defaultdict[Hashable, list[Deployment]] = defaultdict(list)
        for each in deployments:
            if not is_found(each):
                for name in _names(each):
                    sent[name].append(each)
        for each in found:
            self._note(each)
        edges = ((one, other) for one in found for name in _names(one) for other in sent[name])
        self._pair(_matched(edges, self._within_ms))
        return [each for each in map(self._counting, deployments) if each]

    def change(self, deployment: Deployment, *, comes: bool) -> Iterator[tuple[Deployment | None, Deployment | None]]:
        """A deployment comes or goes: gives what counted, and what counts instead, for all whom that touches."""
        members = self._connected(deployment)
        before = {each.id: self._counting(each) for each in members.values()}
        before[deployment.id] = None if comes else before[deployment.id]
        for each in members.values():
            self._part(each)
        if comes:
            self._note(deployment)
        else:
            del members[deployment.id]
            self._forget(deployment)
        self._pair(_matched(self._edges(members), self._within_ms))
        yield from ((counted, None) for id_, counted in before.items() if counted and id_ not in members)
        for each in members.values():
            counted, counts = before[each.id], self._counting(each)
            if counts != counted:
                yield counted, counts
            elif counted is not None and each.id in self._counts_as:
                self._counts_as[each.id] = counted

    def is_superseded(self, deployment: Deployment) -> bool:
        """Whether another report of the same deployment counts."""
        return deployment.id in self._pairs

    def as_sent(self, counted: Deployment) -> Deployment:
        """The report behind a deployment that counts."""
        return self._sent_as.get(counted.id, counted)

    def _counting(self, deployment: Deployment) -> Deployment | None:
        """How a deployment counts: not at all when it is superseded, else with what was decided on its pair."""
        if deployment.id in self._pairs:
            return None
        return self._counts_as.get(deployment.id, deployment)

    def _connected(self, deployment: Deployment) -> dict[str, Deployment]:
        """All deployments whose pair may depend on this one, itself included."""
        members = {deployment.id: deployment}
        ahead = [deployment]
        while ahead:
            for each in self._candidates(ahead.pop()):
                if each.id not in members:
                    members[each.id] = each
                    ahead.append(each)
        return members

    def _candidates(self, deployment: Deployment) -> Iterator[Deployment]:
        others: Iterable[Deployment] = (
            self._sent(deployment)
            if is_found(deployment)
            else (each for name in _names(deployment) for each in self._found.get(name, {}).values())
        )
        for each in others:
            if abs(each.started_at - deployment.started_at) <= self._within_ms:
                yield each

    def _edges(self, members: Mapping[str, Deployment]) -> Iterator[tuple[Deployment, Deployment]]:
        for each in members.values():
            if is_found(each):
                for other in members.values():
                    if not is_found(other) and not set(_names(each)).isdisjoint(_names(other)):
                        yield each, other

    def _pair(self, pairs: Iterable[tuple[Deployment, Deployment]]) -> None:
        for found, sent in pairs:
            self._pairs[found.id] = sent
            self._sent_as[sent.id] = sent
            self._counts_as[sent.id] = _with_verdict_of(sent, found)

    def _part(self, deployment: Deployment) -> None:
        sent = self._pairs.pop(deployment.id, None)
        if sent:
            self._sent_as.pop(sent.id, None)
            self._counts_as.pop(sent.id, None)

    def _note(self, deployment: Deployment) -> None:
        if is_found(deployment):
            for name in _names(deployment):
                self._found[name][deployment.id] = deployment

    def _forget(self, deployment: Deployment) -> None:
        if is_found(deployment):
            for name in _names(deployment):
                self._found[name].pop(deployment.id, None)


def _matched(edges: Iterable[tuple[Deployment, Deployment]], within_ms: int) -> Iterator[tuple[Deployment, Deployment]]:
    """The pairs, nearest beginnings first; each is in one pair at most."""
    near = {(found.id, sent.id): (found, sent) for found, sent in edges}
    taken: set[str] = set()
    for found, sent in sorted(near.values(), key=_nearness):
        if abs(found.started_at - sent.started_at) <= within_ms and taken.isdisjoint({found.id, sent.id}):
            taken |= {found.id, sent.id}
            yield found, sent


def _nearness(pair: tuple[Deployment, Deployment]) -> tuple[int, int, str, str]:
    found, sent = pair
    return abs(found.started_at - sent.started_at), sent.started_at, sent.id, found.id


def _names(deployment: Deployment) -> list[Hashable]:
    kinds = (("version", deployment.version), ("sha", deployment.commit_sha))
    return [(kind, name) for kind, name in kinds if name]


def _with_verdict_of(sent: Deployment, found: Deployment) -> Deployment:
    """The sent report with a verdict on either, and with what the source decided."""
    if (sent.verdict is not None or found.verdict is None) and (sent.upstream is not None or found.upstream is None):
        return sent
    return replace(sent, verdict=sent.verdict or found.verdict, upstream=sent.upstream or found.upstream)
