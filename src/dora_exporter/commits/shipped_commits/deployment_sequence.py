"""The deployments that name a commit, in order of finish, for each series and repository."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from dora_exporter.commits.git.commit_object import is_sha
from dora_exporter.dora.events import Deployment, Series
from dora_exporter.dora.failures.order import finish_order


class LineKey(NamedTuple):
    """What the deployments of a line have in common; ``repository`` is the one name of a repository."""

    series: Series
    repository: str


class Disturbance(NamedTuple):
    """Where in a line a commit came, went or became known, so that what later ones shipped may have changed."""

    order: tuple[int, int, str]
    sha: str


class Lines:
    """The lines of all series."""

    def __init__(self, name_of: Callable[[str], str], holds: Callable[[str], bool] = lambda _: True) -> None:
        """``name_of`` gives the one name of a repository that has several spellings.

        Deployments of a repository that ``holds`` denies are passed over, so that they cost nothing.
        """
        self._name_of = name_of
        self._holds = holds
        self.by_key: dict[LineKey, list[Deployment]] = {}

    def key(self, deployment: Deployment | None) -> LineKey | None:
        """The line of a deployment; None when it names no repository that is here, or no full SHA."""
        if deployment is None or not deployment.repository or not self._holds(deployment.repository):
            return None
        if not is_sha(deployment.commit_sha or ""):
            return None
        return LineKey(deployment.series, self._name_of(deployment.repository))

    def load(self, deployment: Deployment) -> None:
        """Takes in one of many deployments; their lines are of no use before ``sort``."""
        key = self.key(deployment)
        if key is not None:
            self.by_key.setdefault(key, []).append(deployment)

    def sort(self) -> Iterator[tuple[LineKey, Sequence[Deployment]]]:
        """Brings what was loaded into order, a line at a time."""
        for key, line in self.by_key.items():
            line.sort(key=finish_order)
            yield key, line

    def put(self, before: Deployment | None, after: Deployment | None) -> None:
        """Takes in the change of a deployment."""
        old, new = self.key(before), self.key(after)
        if old is not None and before is not None and self.has(before):
            line = self.by_key[old]
            del line[bisect_left(line, finish_order(before), key=finish_order)]
            if not line:
                del self.by_key[old]
        if new is not None and after is not None:
            insort(self.by_key.setdefault(new, []), after, key=finish_order)

    def has(self, deployment: Deployment) -> bool:
        """Whether a deployment is in its line; one that came before its repository did is not."""
        key = self.key(deployment)
        line = self.by_key.get(key, []) if key else []
        index = bisect_left(line, finish_order(deployment), key=finish_order)
        return index < len(line) and line[index].id == deployment.id

    def line(self, key: LineKey) -> tuple[Deployment, ...]:
        """A line as it is now."""
        return tuple(self.by_key.get(key, ()))


def after(line: tuple[Deployment, ...], disturbance: Disturbance) -> tuple[Deployment, ...]:
    """What follows a place in a line."""
    return line[bisect_right(line, disturbance.order, key=finish_order) :]


def until(line: tuple[Deployment, ...], disturbance: Disturbance) -> tuple[Deployment, ...]:
    """What comes before a place in a line."""
    return line[: bisect_left(line, disturbance.order, key=finish_order)]
