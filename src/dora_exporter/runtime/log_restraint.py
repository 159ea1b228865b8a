"""Limits the rate of log lines that requests can cause."""

import logging
from collections.abc import Callable, Iterable

from typing_extensions import override

_BURST = 10
_SECONDS = 1.0

Place = tuple[str, int]
"""The source file and line of a logging call: clients influence a message, but not its place."""


class Restraint(logging.Filter):
    """Passes a burst of records from each place of the given loggers, and then one a second.

    ``held_back`` counts the suppressed records. Debug records are not limited.
    """

    def __init__(self, loggers: Iterable[str], *, stopwatch: Callable[[], float]) -> None:
        """``loggers`` are the names of the loggers that requests reach; their children are limited too."""
        super().__init__()
        self.held_back = 0
        self._loggers = tuple(loggers)
        self._beginnings = tuple(f"{name}." for name in self._loggers)
        self._stopwatch = stopwatch
        self._free_from: dict[Place, float] = {}

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is passed on."""
        if record.levelno <= logging.DEBUG or not self._is_of_requests(record.name):
            return True
        place, now = (record.pathname, record.lineno), self._stopwatch()
        free_from = max(self._free_from.get(place, 0.0), now - (_BURST - 1) * _SECONDS)
        if free_from > now:
            self.held_back += 1
            return False
        self._free_from[place] = free_from + _SECONDS
        return True

    def _is_of_requests(self, name: str) -> bool:
        return name in self._loggers or name.startswith(self._beginnings)
