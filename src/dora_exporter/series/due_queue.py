"""A queue of items by the moment at which they become due."""

from collections.abc import Hashable, Iterator
from heapq import heappop, heappush
from typing import Generic, TypeVar

Item = TypeVar("Item", bound=Hashable)


class DueQueue(Generic[Item]):
    """Items by the moment of their re-evaluation; an item is due once, at its earliest moment."""

    def __init__(self) -> None:
        """Nothing is due."""
        self._heap: list[tuple[int, int, Item]] = []
        self._moments: dict[Item, int] = {}
        self._count = 0

    def schedule(self, item: Item, moment: int | None) -> None:
        """Schedules ``item`` to be re-evaluated at ``moment``; None never does."""
        if moment is not None and moment < self._moments.get(item, moment + 1):
            self._moments[item] = moment
            self._count += 1
            heappush(self._heap, (moment, self._count, item))

    def due(self, now: int) -> Iterator[Item]:
        """Removes and yields the items that are due."""
        while self._heap and self._heap[0][0] <= now:
            moment, _, item = heappop(self._heap)
            if self._moments.get(item) == moment:
                del self._moments[item]
                yield item

    def forget(self, item: Item) -> None:
        """Removes an item from the queue."""
        self._moments.pop(item, None)
