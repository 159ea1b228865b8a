"""The links from remedies to failed deployments that the rules find, updated as deployments come and go."""

from collections.abc import Iterable, Iterator, Sequence

from dora_exporter.dora.events import Deployment
from dora_exporter.dora.failures.commit_text import LookupKey, keys_of
from dora_exporter.dora.failures.contract import Link, Rule
from dora_exporter.dora.failures.deployments import DeploymentsInOrder, keys_of_sha
from dora_exporter.dora.failures.revert_lookup import naming_abbreviation

_PER_STEP = 2000


class RemedyLinks:
    """The links of one series. A change marks the deployments it may affect; ``settle`` finds their links again."""

    def __init__(self, rules: Sequence[Rule], in_order: DeploymentsInOrder) -> None:
        """No link yet."""
        self._rules = rules
        self._rules_without_commits = [rule for rule in rules if not rule.needs_commits]
        self._in_order = in_order
        self._from: dict[str, tuple[Link, ...]] = {}
        self._to: dict[str, list[Link]] = {}
        self._looked_up: dict[str, set[LookupKey]] = {}
        self._watchers: dict[LookupKey, dict[str, Deployment]] = {}
        self._marked: dict[str, Deployment] = {}

    def of_remedy(self, remedy: Deployment) -> Sequence[Link]:
        """The links from a deployment to those that it remedied."""
        return self._from.get(remedy.id, ())

    def to_failed(self, failed: Deployment) -> Sequence[Link]:
        """The links to a failed deployment from its remedies."""
        return self._to.get(failed.id, ())

    @property
    def marked(self) -> Iterable[Deployment]:
        """The deployments whose links are to be decided."""
        return self._marked.values()

    def parts(self) -> Iterator[object]:
        """What it consists of."""
        yield from (self._from, self._to, self._looked_up, self._watchers)

    def introducing(self, deployments: Sequence[Deployment]) -> Iterator[None]:
        """Marks the new deployments that a rule concerns, step by step."""
        # Not by ``has_known_commits``: a start asks of a million, and a call for each takes longer than all the rest.
        shipping = [each for each in deployments if each.commits is not None or each.shipped is not None]
        for rule in self._rules if shipping else self._rules_without_commits:
            concerned = rule.concerned(shipping if rule.needs_commits else deployments)
            for number, deployment in enumerate(concerned, 1):
                if deployment:
                    self.mark(deployment)
                if number % _PER_STEP == 0:
                    yield
            if shipping:
                yield

    def mark(self, deployment: Deployment) -> None:
        """Schedules the links of a deployment to be found again."""
        self._marked[deployment.id] = deployment

    def _mark_all(self, deployments: Iterable[Deployment]) -> None:
        for each in deployments:
            self.mark(each)

    def marking_around(self, deployment: Deployment) -> Iterator[None]:
        """Marks the deployments whose links change if this one comes or goes, step by step.

        It has to be among those in order.
        """
        # A rollback blames the first deployment after its target. Right behind a target, this one takes that place from
        # the next one when it comes, and leaves it to that when it goes.
        after = self._in_order.after(deployment)
        touched = [*self._in_order.same_after(deployment), *(link.remedy for link in self.to_failed(deployment))]
        if after:
            touched += [after, *(link.remedy for link in self.to_failed(after))]
        self._mark_all(touched)
        for number, key in enumerate(_keys_of(deployment) if self._watchers else (), 1):
            self._mark_all(self._watchers.get(key, {}).values())
            if number % _PER_STEP == 0:
                yield

    def forgetting(self, deployment: Deployment) -> Iterator[Deployment | None]:
        """Drops the links of a deployment, step by step; yields the deployments that it had remedied."""
        self._marked.pop(deployment.id, None)
        self._in_order.rollbacks.forget(deployment)
        yield from self._watching(deployment, set())
        yield from self._relinking(deployment, ())

    def settle(self) -> Iterator[Deployment | None]:
        """Finds the links of what was marked, step by step; yields the deployments at either end of a changed link."""
        # First, because the rules ask what is a rollback or a re-landing.
        for returned in self._in_order.rollbacks.settle([*self._marked.values()], self._in_order.target_of):
            if returned:
                self.mark(returned)
            yield None
        yield from self._abbreviating()
        # Any order will do from here on: a link depends on deployments, never on another link.
        while self._marked:
            _, remedy = self._marked.popitem()
            looked_up: set[LookupKey] = set()
            found = []
            for rule in self._rules if remedy.has_known_commits else self._rules_without_commits:
                for link in rule.links(remedy, self._in_order, looked_up):
                    if link:
                        found.append(link)
                    yield None
            yield from self._watching(remedy, looked_up)
            yield from self._relinking(remedy, tuple(found))
            yield None

    def _abbreviating(self) -> Iterator[None]:
        """Gets ready for the abbreviated SHAs that reverts name, if one does: all at once would take long."""
        for remedy in [*self._marked.values()]:
            if remedy.has_known_commits and (yield from naming_abbreviation(remedy)):
                yield from self._in_order.abbreviating()
                return
            yield

    def _watching(self, remedy: Deployment, looked_up: set[LookupKey]) -> Iterator[None]:
        """Records what a remedy looked up, step by step, so that it is marked when such a thing comes or goes."""
        before = self._looked_up.pop(remedy.id, set())
        if looked_up:
            self._looked_up[remedy.id] = looked_up
        for number, key in enumerate(looked_up, 1):
            self._watchers.setdefault(key, {})[remedy.id] = remedy
            if number % _PER_STEP == 0:
                yield
        while before:
            key = before.pop()
            if key not in looked_up:
                watchers = self._watchers[key]
                watchers.pop(remedy.id, None)
                if not watchers:
                    del self._watchers[key]
            if len(before) % _PER_STEP == 0:
                yield

    def _relinking(self, remedy: Deployment, links: tuple[Link, ...]) -> Iterator[Deployment]:
        before = self._from.get(remedy.id, ())
        if links == before:
            return
        for link in before:
            its_links = self._to[link.failed.id]
            its_links.remove(link)
            if not its_links:
                del self._to[link.failed.id]
            yield link.failed
        for link in links:
            self._to.setdefault(link.failed.id, []).append(link)
            yield link.failed
        if links:
            self._from[remedy.id] = links
        else:
            del self._from[remedy.id]
        yield remedy


def _keys_of(deployment: Deployment) -> Iterator[LookupKey]:
    """The keys by which a deployment can be looked up."""
    for key in keys_of(deployment):
        kind, name = key[0], key[-1]
        if kind in ("sha", "via", "merge"):
            yield from keys_of_sha(name)
        else:
            yield key
    if deployment.commit_sha:
        yield from keys_of_sha(deployment.commit_sha)
    if deployment.version:
        yield "version", deployment.version
