"""The rule for reverts: a commit that reverts one which an earlier deployment shipped."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from dora_exporter.dora.commit_messages import quoted_by
from dora_exporter.dora.events import Deployment
from dora_exporter.dora.failures.commit_text import LookupKey, commits_of, pull_requests_of
from dora_exporter.dora.failures.contract import Link
from dora_exporter.dora.failures.deployments import DeploymentsInOrder
from dora_exporter.dora.failures.order import finish_order
from dora_exporter.dora.failures.revert_lookup import CommitText, Reverted, RevertLookup, commit_texts_of
from dora_exporter.dora.sorted_in_steps import Steps


class Revert:
    """Reads the reverts that Git and Git hosts write.

    The first deployment of what was reverted failed, unless that was a revert itself: reverting that re-lands a change.
    """

    needs_commits = True

    def concerned(self, deployments: Iterable[Deployment]) -> Iterator[Deployment | None]:
        """The deployments with a commit or a pull request that is a revert."""
        for deployment in deployments:
            for is_revert in _are_reverts(deployment):
                if is_revert:
                    yield deployment
                    break
                yield None

    def links(
        self, remedy: Deployment, in_order: DeploymentsInOrder, looked_up: set[LookupKey]
    ) -> Iterator[Link | None]:
        """Links to the earlier deployments that shipped first what the remedy reverts."""
        lookup = RevertLookup(in_order, looked_up)
        failed: dict[str, Deployment] = {}
        for commit_text in (yield from _said(remedy, lookup)):
            for reverted in (yield from lookup.reverted_by(commit_text, remedy)):
                is_earlier = finish_order(reverted.deployment) < finish_order(remedy)
                if is_earlier and not (yield from lookup.is_revert(reverted)):
                    failed[reverted.deployment.id] = reverted.deployment
            yield None
        for each in failed.values():
            yield Link(each, remedy, "revert", "revert")


def relanded(deployment: Deployment, in_order: DeploymentsInOrder) -> Iterator[str | None]:
    """The SHAs, numbers or titles of the commits and pull requests that revert only reverts; None is a step."""
    lookup = RevertLookup(in_order, set())
    for commit_text in (yield from _said(deployment, lookup)):
        reverted = yield from lookup.reverted_by(commit_text, deployment)
        are_reverts = bool(reverted)
        for each in reverted:
            are_reverts = are_reverts and (yield from lookup.is_revert(each))
        yield commit_text.key[-1] if are_reverts else None


def _are_reverts(deployment: Deployment) -> Iterator[bool]:
    """Of each commit and pull request whether it is a revert."""
    for commit in commits_of(deployment):
        yield commit.reverts is not None or (commit.subject is not None and quoted_by(commit.subject) is not None)
    for request in pull_requests_of(deployment):
        yield request.title is not None and quoted_by(request.title) is not None


def _said(remedy: Deployment, lookup: RevertLookup) -> Steps[Sequence[CommitText]]:
    """The reverts of a deployment that it does not revert itself. Merges are skipped: their commits say the same."""
    said = []
    for each in commit_texts_of(remedy) if any(_are_reverts(remedy)) else ():
        if each.key[0] != "merge" and each.is_reverting and lookup.is_first_with(each, remedy):
            said.append(each)
        yield
    # A revert that the same deployment reverts again undid nothing that had been deployed.
    named = {}
    for each in said:
        reverted = yield from lookup.reverted_by(each, remedy)
        named[each.key] = [found for found in reverted if found.deployment is remedy]
    holding = yield from _holding(named)
    return [each for each in said if each.key in holding]


def _holding(named: Mapping[LookupKey, Sequence[Reverted]]) -> Steps[set[LookupKey]]:
    """The reverts, of those that name others of their deployment, which no other one that holds reverts.

    Those that revert each other in a circle do not hold.
    """
    # Each is decided once, after all that revert it, and what is reverted together counts as one: thousands of commits
    # may name thousands by one subject.
    together: dict[int, Reverted] = {}
    unheard: Counter[int] = Counter()
    for found in named.values():
        together.update((id(each), each) for each in found)
        unheard.update(map(id, found))
        yield
    undecided: Counter[LookupKey] = Counter()
    for each in together.values():
        undecided.update(text.key for text in each.texts)
        yield
    holding = {key for key in named if not undecided[key]}
    waiting, decided = list(holding), set(holding)
    undone: set[int] = set()
    while waiting:
        key = waiting.pop()
        for each in named.get(key, ()):
            unheard[id(each)] -= 1
            if id(each) in undone:
                continue
            if key in holding:
                undone.add(id(each))
                news = {text.key for text in each.texts} - decided
            elif not unheard[id(each)]:
                undecided.subtract(text.key for text in each.texts)
                news = {text.key for text in each.texts if not undecided[text.key]} - decided
                holding |= news
            else:
                continue
            decided |= news
            waiting += news
        yield
    return holding
