"""Logs what clients can cause at will in one line a second at most."""

import asyncio
import logging
from dataclasses import dataclass


@dataclass
class _Held:
    """The latest facts of a message that wait for their second to pass, and how many there are."""

    facts: tuple[object, ...] | None = None
    count: int = 0


class LatestLines:
    """Logs a message at once, then at most once a second with its latest facts and the number of those not shown."""

    def __init__(self, logger: logging.Logger, *, seconds: float = 1.0) -> None:
        """``seconds`` lie between two lines of one message."""
        self._logger = logger
        self._seconds = seconds
        self._held: dict[str, _Held] = {}

    def warn(self, message: str, *facts: object, count: int = 1) -> None:
        """Takes a warning that stands for ``count`` things. The messages are few: they stay in memory for a second."""
        is_quiet = message not in self._held
        held = self._held.setdefault(message, _Held())
        held.facts, held.count = facts, held.count + count
        if is_quiet:
            self._log(message)

    def _log(self, message: str) -> None:
        """Without anything to say, the next warning is logged at once again."""
        held = self._held[message]
        if held.facts is None:
            del self._held[message]
            return
        line = f"{message} not_shown=%d"
        self._logger.warning(line, *held.facts, held.count - 1)
        self._held[message] = _Held()
        asyncio.get_running_loop().call_later(self._seconds, self._log, message)
