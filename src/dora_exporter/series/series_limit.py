"""Who keeps labels of their own when there are more than the limit."""

from bisect import bisect_left, insort
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=tuple[str, ...])


class SeriesLimit(Generic[Key]):
    """Keys in the order of their rank; the first ``limit`` of them are seated."""

    def __init__(self, limit: int) -> None:
        """Nobody is here."""
        self.limit = limit
        self._present: list[tuple[int, Key]] = []

    def __len__(self) -> int:
        """How many are here."""
        return len(self._present)

    @property
    def folded(self) -> int:
        """How many are not seated."""
        return max(0, len(self._present) - self.limit)

    def enter(self, rank: int, key: Key) -> list[Key]:
        """Somebody comes; gives who is left without a seat by that: the newcomer, or the last who had one, or none."""
        insort(self._present, (rank, key))
        if not self.folded:
            return []
        if bisect_left(self._present, (rank, key)) >= self.limit:
            return [key]
        return [self._present[self.limit][1]]

    def leave(self, rank: int, key: Key) -> Key | None:
        """Somebody goes; gives who gets the seat, if there is one to get."""
        index = bisect_left(self._present, (rank, key))
        del self._present[index]
        if index < self.limit <= len(self._present):
            return self._present[self.limit - 1][1]
        return None
