"""The rule for reverts: a commit that reverts one which an earlier deployment shipped."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from dora_exporter.dora.commit_messages import quoted_by
from dora_exporter.dora.events import Deployment
from dora_exporter.dora.failures.commit_text import LookupKey, commits_of, pull_requests_of
from dora_exporter.dora.failures.contract import Link
from dora_exporter.dora.failures.deployments import DeploymentsInOrder
from dora_exporter.dora.failures.order import finish_order
from dora_exporter.dora.failures.revert_lookup import CommitText, RevertLookup, commit_texts_of


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
    reverts: defaultdict[LookupKey, list[LookupKey]] = defaultdict(list)
    for each in said:
        for reverted in lookup.reverted_by(each, remedy):
            reverts[each.key] += [other.key for other in reverted.texts if reverted.deployment is remedy]
    holding = _holding([each.key for each in said], reverts)
    return [each for each in said if each.key in holding]


def _holding(keys: Iterable[LookupKey], reverts: Mapping[LookupKey, Sequence[LookupKey]]) -> set[LookupKey]:
    """The reverts that no other one which holds reverts; those that revert each other in a circle do not hold.

    Each is decided once, after all that revert it: they can be thousands, and name all that came before them.
    """
    undecided = Counter(chain.from_iterable(reverts.values()))
    holding = {key for key in keys if not undecided[key]}
    waiting, decided = list(holding), set(holding)
    while waiting:
        key = waiting.pop()
        for reverted in reverts.get(key, ()):
            undecided[reverted] -= 1
            if reverted not in decided and (key in holding or not undecided[reverted]):
                decided.add(reverted)
                waiting.append(reverted)
                if key not in holding:
                    holding.add(reverted)
    return holding
