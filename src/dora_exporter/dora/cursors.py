"""What sources remember between two passes."""

from collections.abc import Callable, Mapping
from typing import Any

from dora_exporter.dora.records import Cursor

State = dict[str, Any]
CursorObserver = Callable[[str], None]
"""Receives the name of a cursor once it is written or removed."""


class Cursors(dict[str, State]):
    """The states of all cursors by name. Whoever writes one uses the methods below, which tell the observers."""

    def __init__(self) -> None:
        """No cursor."""
        super().__init__()
        self._observers: list[CursorObserver] = []

    def observe(self, observer: CursorObserver) -> None:
        """Adds an observer of every write from now on."""
        self._observers.append(observer)

    def ignore(self, observer: CursorObserver) -> None:
        """Removes an observer."""
        self._observers.remove(observer)

    def write(self, cursor: Cursor) -> None:
        """Holds the state of a cursor; one without a state is removed."""
        if cursor.state is None:
            self.pop(cursor.source, None)
        else:
            self[cursor.source] = cursor.state
        self._notify(cursor.source)

    def adopt(self, others: Mapping[str, State]) -> None:
        """Takes other cursors in place of all; observers hear of each."""
        self.clear()
        self.update(others)
        for name in others:
            self._notify(name)

    def _notify(self, name: str) -> None:
        for observer in tuple(self._observers):
            observer(name)
