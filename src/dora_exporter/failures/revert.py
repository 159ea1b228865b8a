"""A revert: a commit says that it takes back another, which an earlier deployment shipped."""

import re
from collections.abc import Hashable, Iterable, Iterator

from dora_exporter.events import Deployment
from dora_exporter.failures.failure import Link
from dora_exporter.failures.lineup import Lineup
from dora_exporter.failures.mentions import commits_of, plain, titles
from dora_exporter.failures.order import finish_order

_QUOTED = re.compile(r'^Revert "(.+)"$', re.DOTALL)


class Revert:
    """Understands ``This reverts commit <sha>`` and ``Revert "<subject>"``, which Git and Git hosts write."""

    def concerned(self, deployments: Iterable[Deployment]) -> Iterable[Deployment]:
        """Those with a commit, or a pull request, that reverts something."""
        talking = [each for each in deployments if each.commits is not None or each.shipped is not None]
        return [deployment for deployment in talking if any(True for _ in self.looks_up(deployment))]

    def links(self, remedy: Deployment, lineup: Lineup) -> Iterator[Link]:
        """The earlier deployments that shipped what it reverts first."""
        failed: dict[str, Deployment] = {}
        for mark in self.looks_up(remedy):
            for first in lineup.shipments.with_mark(mark)[:1]:
                if finish_order(first) < finish_order(remedy):
                    failed[first.id] = first
        for each in failed.values():
            yield Link(each, remedy, "revert", "revert")

    def looks_up(self, remedy: Deployment) -> Iterator[Hashable]:
        """The marks of the commits that it reverts."""
        for commit in commits_of(remedy):
            if commit.reverts:
                yield "sha", commit.reverts
                yield "via", commit.reverts
            else:
                yield from _quoted(plain(commit.subject or ""))
        if not any(commit.reverts for commit in commits_of(remedy)):
            for title in titles(remedy):
                yield from _quoted(title)


def _quoted(text: str) -> Iterator[Hashable]:
    """The mark of the commit whose subject a text says it reverts; a SHA is surer, where one is named."""
    quoted = _QUOTED.match(text)
    if quoted:
        yield "subject", plain(quoted[1])
