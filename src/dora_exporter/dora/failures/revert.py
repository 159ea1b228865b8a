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


class Revert:
    """Reads the reverts that Git and Git hosts write.

    The first deployment of what was reverted failed, unless that was a revert itself: reverting that re-lands a change.
    """

    needs_commits = True

    def concerned(self, deployments: Iterable[Deployment]) -> Iterable[Deployment]:
        """The deployments with a commit or a pull request that is a revert."""
        return filter(_is_reverting, deployments)

    def links(self, remedy: Deployment, in_order: DeploymentsInOrder, looked_up: set[LookupKey]) -> Iterator[Link]:
        """Links to the earlier deployments that shipped first what the remedy reverts."""
        lookup = RevertLookup(in_order, looked_up)
        failed: dict[str, Deployment] = {}
        for commit_text in _said(remedy, lookup):
            for reverted in lookup.reverted_by(commit_text, remedy):
                is_earlier = finish_order(reverted.deployment) < finish_order(remedy)
                if is_earlier and not lookup.is_revert(reverted):
                    failed[reverted.deployment.id] = reverted.deployment
        for each in failed.values():
            yield Link(each, remedy, "revert", "revert")


def relanded(deployment: Deployment, in_order: DeploymentsInOrder) -> Iterator[str]:
    """The SHAs, numbers or titles of the commits and pull requests that revert only reverts."""
    lookup = RevertLookup(in_order, set())
    for commit_text in _said(deployment, lookup):
        reverted = lookup.reverted_by(commit_text, deployment)
        if reverted and all(map(lookup.is_revert, reverted)):
            yield commit_text.key[-1]


def _is_reverting(deployment: Deployment) -> bool:
    return any(
        commit.reverts is not None or (commit.subject is not None and quoted_by(commit.subject) is not None)
        for commit in commits_of(deployment)
    ) or any(each.title and quoted_by(each.title) is not None for each in pull_requests_of(deployment))


def _said(remedy: Deployment, lookup: RevertLookup) -> Sequence[CommitText]:
    """The reverts of a deployment that it does not revert itself. Merges are skipped: their commits say the same."""
    if not _is_reverting(remedy):
        return ()
    said = [
        each
        for each in commit_texts_of(remedy)
        if each.key[0] != "merge" and each.is_reverting and lookup.is_first_with(each, remedy)
    ]
    # A revert that the same deployment reverts again undid nothing that had been deployed.
    named = {
        each.key: [found for found in lookup.reverted_by(each, remedy) if found.deployment is remedy] for each in said
    }
    holding = _holding(named)
    return [each for each in said if each.key in holding]


def _holding(named: Mapping[LookupKey, Sequence[Reverted]]) -> set[LookupKey]:
    """The reverts, of those that name others of their deployment, which no other one that holds reverts.

    Those that revert each other in a circle do not hold.
    """
    # Each is decided once, after all that revert it, and what is reverted together counts as one: thousands of commits
    # may name thousands by one subject.
    together = {id(each): each for found in named.values() for each in found}
    unheard = Counter(id(each) for found in named.values() for each in found)
    undecided = Counter(text.key for each in together.values() for text in each.texts)
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
    return holding
