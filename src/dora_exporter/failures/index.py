"""Finds a series' deployments by what they deployed."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence

from dora_exporter.events import Deployment
from dora_exporter.failures.order import finish_order


class Index:
    """Deployments by a key; those without one are not in it.

    It is made when it is first asked, because most series are read far more often than they are searched. A key has
    one deployment in most cases, so only several of one key cost a list.
    """

    __slots__ = ("_all", "_entries", "_key")

    def __init__(self, key: Callable[[Deployment], str | None], everything: Callable[[], Iterable[Deployment]]) -> None:
        """``everything`` gives the deployments, in order of finish, at the first search."""
        self._key = key
        self._all = everything
        self._entries: dict[str, Deployment | list[Deployment]] | None = None

    def find(self, key: str | None) -> Sequence[Deployment]:
        """The deployments with a key, in order of finish."""
        held = self.make().get(key) if key else None
        if held is None:
            return ()
        return (held,) if isinstance(held, Deployment) else held

    def last_before(self, key: str | None, deployment: Deployment) -> Deployment | None:
        """The last one with a key before another deployment."""
        found = self.find(key)
        index = bisect_left(found, finish_order(deployment), key=finish_order)
        return found[index - 1] if index else None

    def after(self, key: str | None, deployment: Deployment) -> Sequence[Deployment]:
        """Those with a key after another deployment."""
        found = self.find(key)
        return found[bisect_right(found, finish_order(deployment), key=finish_order) :]

    def add(self, deployment: Deployment) -> None:
        """A deployment came."""
        key = self._key(deployment)
        if self._entries is not None and key:
            _enter(self._entries, key, deployment)

    def remove(self, deployment: Deployment) -> None:
        """A deployment went."""
        key = self._key(deployment)
        if self._entries is None or not key:
            return
        held = self._entries[key]
        if isinstance(held, Deployment):
            del self._entries[key]
            return
        held.remove(deployment)
        if len(held) == 1:
            self._entries[key] = held[0]

    def make(self) -> dict[str, Deployment | list[Deployment]]:
        """Makes it now, unless it was made before."""
        if self._entries is None:
            self._entries = {}
            for deployment in self._all():
                key = self._key(deployment)
                if key:
                    _enter(self._entries, key, deployment)
        return self._entries


def _enter(entries: dict[str, Deployment | list[Deployment]], key: str, deployment: Deployment) -> None:
    held = entries.setdefault(key, deployment)
    if held is deployment:
        return
    if isinstance(held, Deployment):
        entries[key] = sorted([held, deployment], key=finish_order)
    else:
        held.insert(bisect_right(held, finish_order(deployment), key=finish_order), deployment)
