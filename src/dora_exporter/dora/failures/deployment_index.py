"""An index of a series' deployments by version or SHA."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import islice

from dora_exporter.dora.events import Deployment
from dora_exporter.dora.failures.abbreviations import Abbreviations
from dora_exporter.dora.failures.order import finish_order

_PER_STEP = 2000


class Index:
    """Deployments by a key, without those that have none.

    The index is built at the first search, because most series are never searched. Most keys have one deployment, so
    only a key with several costs a list.
    """

    __slots__ = ("_abbreviations", "_all", "_entries", "_key", "_unfinished")

    def __init__(self, key: Callable[[Deployment], str | None], everything: Sequence[Deployment]) -> None:
        """``everything`` is all deployments in order of finish, which their owner keeps current."""
        self._key = key
        self._all = everything
        self._entries: dict[str, Deployment | list[Deployment]] | None = None
        self._abbreviations: Abbreviations | None = None
        self._unfinished: tuple[dict[str, Deployment | list[Deployment]], Iterator[Deployment]] | None = None

    @property
    def made(self) -> object:
        """What was made of it."""
        return self._entries

    def find(self, key: str | None) -> Sequence[Deployment]:
        """The deployments with a key, in order of finish."""
        held = self.make().get(key) if key else None
        if held is None:
            return ()
        return (held,) if isinstance(held, Deployment) else held

    def last_before(self, key: str | None, deployment: Deployment) -> Deployment | None:
        """The last deployment with a key before another one."""
        found = self.find(key)
        index = bisect_left(found, finish_order(deployment), key=finish_order)
        return found[index - 1] if index else None

    def after(self, key: str | None, deployment: Deployment) -> Sequence[Deployment]:
        """The deployments with a key after another one."""
        found = self.find(key)
        return found[bisect_right(found, finish_order(deployment), key=finish_order) :]

    def abbreviated(self, key: str) -> Collection[str]:
        """The keys with that beginning; for keys that are SHAs."""
        if self._abbreviations is None:
            self._abbreviations = Abbreviations(self.make())
        return self._abbreviations.find(key)

    def abbreviating(self) -> Iterator[None]:
        """Gets ready for ``abbreviated``, a step at a time, during which nothing comes or goes."""
        if self._abbreviations is None:
            while not self.make_some(_PER_STEP):
                yield
            self._abbreviations = yield from Abbreviations.made_in_steps(self.make())

    def add(self, deployment: Deployment) -> None:
        """Adds a deployment."""
        # What was begun goes through a copy of all, which lacks this one.
        self._unfinished = None
        key = self._key(deployment)
        if self._entries is not None and key:
            _enter(self._entries, key, deployment)
            if self._abbreviations:
                self._abbreviations.add(key)

    def remove(self, deployment: Deployment) -> None:
        """Removes a deployment."""
        self._unfinished = None
        key = self._key(deployment)
        if self._entries is None or not key:
            return
        held = self._entries[key]
        if isinstance(held, Deployment):
            del self._entries[key]
            if self._abbreviations:
                self._abbreviations.discard(key)
            return
        del held[bisect_left(held, finish_order(deployment), key=finish_order)]
        if len(held) == 1:
            self._entries[key] = held[0]

    def make(self) -> dict[str, Deployment | list[Deployment]]:
        """Builds the index, unless it is built."""
        if self._entries is None:
            self._entries = {}
            self._unfinished = None
            self._enter_all(self._entries, self._all)
        return self._entries

    def make_some(self, limit: int) -> bool:
        """Builds a part of the index; True once it is complete. A change starts over."""
        if self._entries is None:
            if self._unfinished is None:
                self._unfinished = {}, iter(list(self._all))
            entries, rest = self._unfinished
            if self._enter_all(entries, islice(rest, limit)) == limit:
                return False
            self._entries, self._unfinished = entries, None
        return True

    def _enter_all(self, entries: dict[str, Deployment | list[Deployment]], deployments: Iterable[Deployment]) -> int:
        count = 0
        for deployment in deployments:
            count += 1
            key = self._key(deployment)
            if key:
                _enter(entries, key, deployment)
        return count


def _enter(entries: dict[str, Deployment | list[Deployment]], key: str, deployment: Deployment) -> None:
    held = entries.setdefault(key, deployment)
    if held is deployment:
        return
    if isinstance(held, Deployment):
        entries[key] = sorted([held, deployment], key=finish_order)
    else:
        held.insert(bisect_right(held, finish_order(deployment), key=finish_order), deployment)
