"""A revert: a commit says that it takes back another, which an earlier deployment shipped."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from dora_exporter.dora.commit_messages import quoted_by
from dora_exporter.dora.events import Deployment
from dora_exporter.dora.failures.commit_text import Mark, commits_of, pull_requests_of
from dora_exporter.dora.failures.contract import Link
from dora_exporter.dora.failures.deployments import DeploymentsInOrder
from dora_exporter.dora.failures.order import finish_order
from dora_exporter.dora.failures.undoing import Saying, Undoing, sayings_of

_DEEPEST = 50


class Revert:
    """Understands what Git and Git hosts write when something is taken back.

    The deployment that shipped it first failed, unless it was a revert itself: taking that back lands something again.
    """

    def concerned(self, deployments: Iterable[Deployment]) -> Iterable[Deployment]:
        """Those with a commit, or a pull request, that takes something back."""
        talking = [each for each in deployments if each.commits is not None or each.shipped is not None]
        return [deployment for deployment in talking if _takes_back(deployment)]

    def links(self, remedy: Deployment, in_order: DeploymentsInOrder, asked: set[Mark]) -> Iterator[Link]:
        """The earlier deployments that shipped first what it takes back."""
        undoing = Undoing(in_order, asked)
        failed: dict[str, Deployment] = {}
        for saying in _said(remedy, undoing):
            for undone in undoing.undone_by(saying, remedy):
                is_earlier = finish_order(undone.deployment) < finish_order(remedy)
                if is_earlier and not undoing.is_revert(undone):
                    failed[undone.deployment.id] = undone.deployment
        for each in failed.values():
            yield Link(each, remedy, "revert", "revert")


def brought_back(deployment: Deployment, in_order: DeploymentsInOrder) -> Iterator[str]:
    """The commits and requests of a deployment that take back nothing but reverts, by SHA, number or title."""
    undoing = Undoing(in_order, set())
    for saying in _said(deployment, undoing):
        undone = undoing.undone_by(saying, deployment)
        if undone and all(map(undoing.is_revert, undone)):
            yield saying.mark[-1]


def _takes_back(deployment: Deployment) -> bool:
    return any(
        commit.reverts is not None or (commit.subject is not None and quoted_by(commit.subject) is not None)
        for commit in commits_of(deployment)
    ) or any(each.title and quoted_by(each.title) is not None for each in pull_requests_of(deployment))


def _said(remedy: Deployment, undoing: Undoing) -> Sequence[Saying]:
    """What a deployment takes back that it did not bring back itself. Merges say nothing that their commits do not."""
    if not _takes_back(remedy):
        return ()
    said = [
        each
        for each in sayings_of(remedy)
        if each.mark[0] != "merge" and each.takes_back and undoing.speaks(each, remedy)
    ]
    undone_here: defaultdict[Mark, list[Saying]] = defaultdict(list)
    for each in said:
        for undone in undoing.undone_by(each, remedy):
            for other in undone.sayings if undone.deployment is remedy else ():
                undone_here[other.mark].append(each)

    def holds(saying: Saying, depth: int) -> bool:
        return depth > _DEEPEST or not any(holds(other, depth + 1) for other in undone_here[saying.mark])

    return [each for each in said if holds(each, 0)]
