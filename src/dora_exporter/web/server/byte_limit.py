"""Bounds the bytes that clients may hold together."""

from collections import OrderedDict
from typing import Protocol


class Evictable(Protocol):
    """A holder of bytes that can be dropped."""

    def evict(self) -> None:
        """Releases its bytes soon."""
        ...


class ByteLimit:
    """Bounds the bytes held by all holders together: beyond the limit the oldest holders are evicted."""

    def __init__(self, most: int) -> None:
        """At most ``most`` bytes, unless one holder alone has more: that is bounded elsewhere. ``total`` are held."""
        self._most = most
        self.total = 0
        self._held: OrderedDict[Evictable, int] = OrderedDict()

    def hold(self, holder: Evictable, count: int) -> None:
        """Sets how many bytes a holder has; evicts the oldest others while the total is above the limit."""
        self.total += count - self._held.get(holder, 0)
        self._held[holder] = count
        while self.total > self._most and len(self._held) > 1:
            oldest = next(each for each in self._held if each is not holder)
            self.release(oldest)
            oldest.evict()

    def release(self, holder: Evictable) -> None:
        """Releases the bytes of a holder."""
        self.total -= self._held.pop(holder, 0)
