"""The deployments of a series that count now, in order and indexed by what they deployed."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter

from dora_exporter.dora.events import Deployment, Event
from dora_exporter.dora.failures.abbreviations import SHORTEST
from dora_exporter.dora.failures.commit_text import LookupKey, commits_of
from dora_exporter.dora.failures.deployment_index import Index
from dora_exporter.dora.failures.first_shipments import FirstShipments
from dora_exporter.dora.failures.order import by_start_in_steps, finish_order, start_order
from dora_exporter.dora.failures.rollback_history import RollbackHistory
from dora_exporter.dora.sorted_in_steps import Steps, batches

_finished_at = attrgetter("finished_at")
_started_at = attrgetter("started_at")
_commit_sha = attrgetter("commit_sha")
_version = attrgetter("version")

_FULL_LENGTHS = (40, 64)
"""The lengths of a SHA that is not abbreviated: SHA-1 and SHA-256."""
_SCANNED_AT_MOST = 64
_INDEXED_PER_SLICE = 2_000


class DeploymentsInOrder:
    """Deployments by finish, by start, by SHA, by version and by the commits they shipped."""

    __slots__ = ("_by_sha", "_by_version", "_without_sha", "by_finish", "by_start", "rollbacks", "shipments")

    def __init__(self) -> None:
        """No deployment."""
        self.by_finish: list[Deployment] = []
        self.by_start: list[Deployment] = []
        self.shipments = FirstShipments()
        self.rollbacks = RollbackHistory()
        self._by_sha = Index(_commit_sha, self.by_finish)
        self._by_version = Index(_version, self.by_finish)
        self._without_sha = Index(_version_without_sha, self.by_finish)

    def loading(self, ordered: list[Deployment]) -> Steps[Sequence[Deployment]]:
        """Loads deployments in order of finish, a step at a time; returns those that may be rollbacks."""
        self.by_start = yield from by_start_in_steps(ordered)
        self.by_finish.extend(ordered)  # not replaced: the indexes read this very list
        # Where no SHA and no version comes twice nothing came back, so none has to be looked at as a rollback.
        shas = yield from _distinct(ordered, _commit_sha)
        if shas is None:
            return ordered
        if shas == len(ordered) or (yield from _distinct(ordered, _version)) is not None:
            return ()
        return ordered

    def preparing(self, events: Iterable[Event]) -> Iterator[None]:
        """Gets ready for many events to be decided, a step at a time."""
        searched: set[int] = set()
        for number, event in enumerate(events):
            for index in self._searched_for(event):
                if id(index) not in searched:
                    searched.add(id(index))
                    while not index.make_some(_INDEXED_PER_SLICE):
                        yield
            if number % _INDEXED_PER_SLICE == 0:
                yield

    def prepare(self, event: Event | None = None) -> bool:
        """Builds the indexes that a change will search, a few milliseconds a call; True once they are built."""
        return all(index.make_some(_INDEXED_PER_SLICE) for index in self._searched_for(event))

    def add(self, deployment: Deployment) -> None:
        """Adds a deployment."""
        _insert(self.by_finish, deployment, finish_order)
        _insert(self.by_start, deployment, start_order)
        for index in (self._by_sha, self._by_version, self._without_sha):
            index.add(deployment)

    def remove(self, deployment: Deployment) -> None:
        """Removes a deployment that was added."""
        del self.by_finish[bisect_left(self.by_finish, finish_order(deployment), key=finish_order)]
        del self.by_start[bisect_left(self.by_start, start_order(deployment), key=start_order)]
        for index in (self._by_sha, self._by_version, self._without_sha):
            index.remove(deployment)

    def holds(self, deployment: Deployment) -> bool:
        """Whether this object, not only one with its id, is among the deployments."""
        index = bisect_left(self.by_finish, finish_order(deployment), key=finish_order)
        return index < len(self.by_finish) and self.by_finish[index] is deployment

    def before(self, deployment: Deployment) -> Deployment | None:
        """The deployment that finished just before this one."""
        index = bisect_left(self.by_finish, finish_order(deployment), key=finish_order)
        return self.by_finish[index - 1] if index else None

    def after(self, deployment: Deployment) -> Deployment | None:
        """The deployment that finished just after this one."""
        index = bisect_right(self.by_finish, finish_order(deployment), key=finish_order)
        return self.by_finish[index] if index < len(self.by_finish) else None

    def first_after(self, deployment: Deployment, moment: int) -> Deployment | None:
        """The first deployment after another one that finished after a moment."""
        index = max(
            bisect_right(self.by_finish, finish_order(deployment), key=finish_order),
            bisect_right(self.by_finish, moment, key=_finished_at),
        )
        return self.by_finish[index] if index < len(self.by_finish) else None

    def latest_started(self, moment: int) -> Deployment | None:
        """The latest deployment that had started by a moment."""
        index = bisect_right(self.by_start, moment, key=_started_at)
        return self.by_start[index - 1] if index else None

    def latest_started_with(self, moment: int, *, version: str | None, commit_sha: str | None) -> Deployment | None:
        """The latest deployment of a version or SHA that had started by a moment."""
        matches = [*self._by_sha.find(commit_sha), *self._by_version.find(version)]
        # With many matches the latest one lies close to the moment, so going back from there finds it sooner.
        if len(matches) <= _SCANNED_AT_MOST:
            return max((each for each in matches if each.started_at <= moment), key=start_order, default=None)
        for index in range(bisect_right(self.by_start, moment, key=_started_at) - 1, -1, -1):
            each = self.by_start[index]
            if (version and each.version == version) or (commit_sha and each.commit_sha == commit_sha):
                return each
        return None

    def started_between(self, earliest: int, latest: int) -> Sequence[Deployment]:
        """The deployments that started between two moments, both included."""
        first = bisect_left(self.by_start, earliest, key=_started_at)
        return self.by_start[first : bisect_right(self.by_start, latest, key=_started_at)]

    def next_start(self, deployment: Deployment) -> int | None:
        """The start of the next deployment by start; None after the last."""
        index = bisect_right(self.by_start, start_order(deployment), key=start_order)
        return self.by_start[index].started_at if index < len(self.by_start) else None

    def full_sha(self, sha: str) -> str | None:
        """The SHA that an abbreviation stands for: the only such SHA deployed or shipped; None if ambiguous."""
        if not is_abbreviated(sha):
            return sha
        possible = {*self._by_sha.abbreviated(sha), *self.shipments.abbreviated(sha)}
        return possible.pop() if len(possible) == 1 else None

    def abbreviating(self) -> Iterator[None]:
        """Gets ready to find SHAs by their abbreviations, a step at a time, during which nothing comes or goes."""
        yield from self._by_sha.abbreviating()
        yield from self.shipments.abbreviating()

    def first_with_sha(self, sha: str) -> Deployment | None:
        """The first deployment that deployed or shipped a commit."""
        firsts = (next(iter(self._by_sha.find(sha)), None), self.shipments.first_with_sha(sha))
        return min((each for each in firsts if each), key=finish_order, default=None)

    def is_first_with(self, deployment: Deployment, origin: LookupKey) -> bool:
        """Whether a deployment was the first with a commit, a pull request or a version."""
        kind, name = origin[0], origin[-1]
        if kind == "version":
            return self._by_version.find(name)[0] is deployment
        if kind in ("sha", "merge"):
            return self.first_with_sha(name) is deployment
        return next(iter(self.shipments.with_key(origin)), None) is deployment

    def with_version(self, version: str) -> Sequence[Deployment]:
        """The deployments of a version, in order of finish."""
        return self._by_version.find(version)

    def latest_with_version_before(self, version: str, deployment: Deployment) -> Deployment | None:
        """The last deployment of a version before another deployment."""
        return self._by_version.last_before(version, deployment)

    def latest_same_before(self, deployment: Deployment) -> Deployment | None:
        """The last earlier deployment of the same thing."""
        found = [index.last_before(key, deployment) for index, key in self._possibly_same(deployment)]
        return max((each for each in found if each), key=finish_order, default=None)

    def target_of(self, deployment: Deployment) -> Deployment | None:
        """The last earlier deployment of the same thing; None if it is the one just before, or there is none."""
        previous = self.before(deployment)
        if previous is None or same(previous, deployment):
            return None
        return self.latest_same_before(deployment)

    def same_after(self, deployment: Deployment) -> Iterator[Deployment]:
        """The later deployments whose ``latest_same_before`` may be this one."""
        for index, key in self._possibly_same(deployment):
            for later in index.after(key, deployment):
                yield later
                # Whatever is the same as the deployment is the same as this later one, and looks back no further.
                # One with another SHA shares only the version.
                if not later.commit_sha or later.commit_sha == deployment.commit_sha:
                    break

    def parts(self) -> Iterator[object]:
        """What it consists of."""
        yield from (self.by_finish, self.by_start)
        yield from self.shipments.parts()
        for index in (self._by_sha, self._by_version, self._without_sha):
            yield index.made

    def _searched_for(self, event: Event | None) -> Iterable[Index]:
        """The indexes that a change of an event searches."""
        if isinstance(event, Deployment):
            return [index for index, _ in self._possibly_same(event)]
        if event is None:
            return self._by_sha, self._without_sha
        asked = ((self._by_sha, event.commit_sha), (self._by_version, event.version))
        return [index for index, name in asked if name]

    def _possibly_same(self, deployment: Deployment) -> tuple[tuple[Index, str | None], ...]:
        if deployment.commit_sha:
            return (self._by_sha, deployment.commit_sha), (self._without_sha, deployment.version)
        return ((self._by_version, deployment.version),)


def is_abbreviated(sha: str) -> bool:
    """Whether a SHA is not in full."""
    return len(sha) not in _FULL_LENGTHS


def keys_of_sha(sha: str) -> tuple[LookupKey, LookupKey]:
    """The keys under which a SHA is looked up: in full, and by the characters that its abbreviations share."""
    return ("commit", sha), ("abbreviated", sha[:SHORTEST])


def key_of_origin(origin: LookupKey) -> LookupKey:
    """The key that changes when the commit, pull request or version comes or goes."""
    kind, name = origin[0], origin[-1]
    return ("commit", name) if kind in ("sha", "merge") else origin


def is_redeployment(one: Deployment, earlier: Deployment) -> bool:
    """Whether a deployment brought nothing new since an earlier one, which it therefore cannot have remedied."""
    if same(one, earlier):
        return True
    brought = {commit.sha for commit in commits_of(one)}
    return bool(brought) and brought == {commit.sha for commit in commits_of(earlier)}


def same(one: Deployment, other: Deployment) -> bool:
    """Whether two deployments deployed the same thing: by SHA if both have one, else by version."""
    if one.commit_sha and other.commit_sha:
        return one.commit_sha == other.commit_sha
    return one.version is not None and one.version == other.version


def _insert(ordered: list[Deployment], deployment: Deployment, order: "attrgetter[tuple[int, int, str]]") -> None:
    ordered.insert(bisect_right(ordered, order(deployment), key=order), deployment)


def _distinct(deployments: list[Deployment], name_of: Callable[[Deployment], str | None]) -> Steps[int | None]:
    """How many deployments have a name, each another one; None when two have the same."""
    seen: set[str] = set()
    count = 0
    for some in batches(deployments, _INDEXED_PER_SLICE):
        names = list(filter(None, map(name_of, some)))
        seen.update(names)
        count += len(names)
        if len(seen) < count:
            return None
        yield
    return count


def _version_without_sha(deployment: Deployment) -> str | None:
    """The version of a deployment without a SHA."""
    return None if deployment.commit_sha else deployment.version
