"""Decides which series keep labels of their own when there are more than the limit."""

from bisect import bisect_left, insort
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=tuple[str, ...])


class SeriesLimit(Generic[Key]):
    """Keys in the order of their rank; the first ``limit`` of them keep their own labels."""

    def __init__(self, limit: int) -> None:
        """Starts empty."""
        self.limit = limit
        self._present: list[tuple[int, Key]] = []

    def __len__(self) -> int:
        """The number of keys."""
        return len(self._present)

    @property
    def folded(self) -> int:
        """The number of keys beyond the limit."""
        return max(0, len(self._present) - self.limit)

    def enter(self, rank: int, key: Key) -> list[Key]:
        """Inserts a key; returns the keys that it put beyond the limit: the new one, the last within, or none."""
        insort(self._present, (rank, key))
        if not self.folded:
            return []
        if bisect_left(self._present, (rank, key)) >= self.limit:
            return [key]
        return [self._present[self.limit][1]]

    def leave(self, rank: int, key: Key) -> Key | None:
        """Removes a key; returns the key that is within the limit now, if there is one."""
        index = bisect_left(self._present, (rank, key))
        del self._present[index]
        if index < self.limit <= len(self._present):
            return self._present[self.limit - 1][1]
        return None
