"""Lists that a forge does not have: a workflow missing from a repository, a feature that is switched off."""

from hashlib import sha256

_HOUR_MS = 3_600_000
_SOONEST_MS = _HOUR_MS
_SPREAD_MS = 2 * _HOUR_MS
_MOST = 100_000


class Absent:
    """Each is asked for again after one to three hours, and not all of them in one pass."""

    def __init__(self) -> None:
        """None yet."""
        self._until_ms: dict[str, int] = {}

    def __contains__(self, path: str) -> bool:
        """Whether a list was not there when it was last asked for."""
        return path in self._until_ms

    def spares(self, path: str, now_ms: int) -> bool:
        """Whether a list need not be asked for now."""
        until_ms = self._until_ms.get(path, 0)
        return now_ms < until_ms <= now_ms + _SOONEST_MS + _SPREAD_MS

    def note(self, path: str, now_ms: int) -> None:
        """A list was asked for and was not there."""
        if len(self._until_ms) < _MOST:
            self._until_ms[path] = now_ms + _SOONEST_MS + _number_of(path) % _SPREAD_MS

    def forget(self, path: str) -> None:
        """A list has been read."""
        self._until_ms.pop(path, None)


def _number_of(path: str) -> int:
    return int.from_bytes(sha256(path.encode()).digest()[:4])
