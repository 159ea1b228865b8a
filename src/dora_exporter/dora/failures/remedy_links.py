"""Which deployments remedied which, by the rules, kept as deployments come and go."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from dora_exporter.dora.events import Deployment
from dora_exporter.dora.failures.commit_text import Mark, marks_of
from dora_exporter.dora.failures.contract import Link, Rule
from dora_exporter.dora.failures.deployments import DeploymentsInOrder, names_of_sha


class RemedyLinks:
    """The links of one series. A change marks the deployments whose links it may touch; ``settle`` asks anew."""

    def __init__(self, rules: Sequence[Rule], in_order: DeploymentsInOrder) -> None:
        """No link yet."""
        self._rules = rules
        self._in_order = in_order
        self._from: dict[str, tuple[Link, ...]] = {}
        self._to: defaultdict[str, list[Link]] = defaultdict(list)
        self._asked: dict[str, set[Mark]] = {}
        self._watchers: defaultdict[Mark, dict[str, Deployment]] = defaultdict(dict)
        self._marked: dict[str, Deployment] = {}

    def of_remedy(self, remedy: Deployment) -> Sequence[Link]:
        """What a deployment remedied."""
        return self._from.get(remedy.id, ())

    def to_failed(self, failed: Deployment) -> Sequence[Link]:
        """By what a deployment was remedied."""
        return self._to.get(failed.id, ())

    def introduce(self, deployments: Sequence[Deployment]) -> None:
        """Has it decided what new deployments may have remedied."""
        for rule in self._rules:
            for deployment in rule.concerned(deployments):
                self.mark(deployment)

    def mark(self, deployment: Deployment) -> None:
        """Has a deployment's links decided anew."""
        self._marked[deployment.id] = deployment

    def mark_around(self, deployment: Deployment) -> None:
        """Marks those whose links may change when a deployment comes or goes; it is among the deployments in order."""
        after = self._in_order.after(deployment)
        touched = [*self._in_order.same_after(deployment), *(link.remedy for link in self.to_failed(deployment))]
        if after:
            touched += [after, *(link.remedy for link in self.to_failed(after))]
        for mark in _answers(deployment) if self._watchers else ():
            touched += self._watchers.get(mark, {}).values()
        for each in touched:
            self.mark(each)

    def forget(self, deployment: Deployment) -> Iterator[Deployment]:
        """Drops what a deployment remedied; gives the failed ones."""
        self._marked.pop(deployment.id, None)
        self._in_order.returns.forget(deployment)
        self._watch(deployment, set())
        yield from self._relink(deployment, ())

    def settle(self) -> Iterator[Deployment | None]:
        """Decides what was marked, a step at a time; gives the deployments whose links changed, on either side."""
        for returned in self._in_order.returns.settle([*self._marked.values()]):
            if returned:
                self.mark(returned)
            yield None
        while self._marked:
            _, remedy = self._marked.popitem()
            asked: set[Mark] = set()
            found = tuple(link for rule in self._rules for link in rule.links(remedy, self._in_order, asked))
            self._watch(remedy, asked)
            yield from self._relink(remedy, found)
            yield None

    def _watch(self, remedy: Deployment, asked: set[Mark]) -> None:
        """Has a remedy decided anew when something comes or goes that was asked for."""
        before = self._asked.pop(remedy.id, set())
        for mark in before - asked:
            watchers = self._watchers[mark]
            watchers.pop(remedy.id, None)
            if not watchers:
                del self._watchers[mark]
        for mark in asked:
            self._watchers[mark][remedy.id] = remedy
        if asked:
            self._asked[remedy.id] = asked

    def _relink(self, remedy: Deployment, links: tuple[Link, ...]) -> Iterator[Deployment]:
        before = self._from.get(remedy.id, ())
        if links == before:
            return
        for link in before:
            self._to[link.failed.id].remove(link)
            yield link.failed
        for link in links:
            self._to[link.failed.id].append(link)
            yield link.failed
        if links:
            self._from[remedy.id] = links
        else:
            del self._from[remedy.id]
        yield remedy


def _answers(deployment: Deployment) -> Iterator[Mark]:
    """The marks that can be asked for and that a deployment has."""
    for mark in marks_of(deployment):
        kind, name = mark[0], mark[-1]
        if kind in ("sha", "via", "merge"):
            yield from names_of_sha(name)
        else:
            yield mark
    if deployment.commit_sha:
        yield from names_of_sha(deployment.commit_sha)
    if deployment.version:
        yield "version", deployment.version
