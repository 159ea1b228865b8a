"""The contract of the event log: where records are appended, replayed and followed."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol

from dora_exporter.dora.changes import Outcome
from dora_exporter.dora.records import Record

Apply = Callable[[Sequence[Record]], list[Outcome]]
"""Applies committed records to memory, and returns the outcomes of the events in them. The log calls it on the event
loop in the order of the log: once for each append, and with no record twice."""


class Unavailable(Exception):
    """The log cannot accept records now. A refused record may still appear later, so a retry must be idempotent."""


class Appendable(Protocol):
    """A log that accepts records."""

    def append(self, records: Sequence[Record]) -> Awaitable[list[Outcome]]:
        """Commits records and applies them; returns the outcomes of the events in them once they are durable.

        The order of the calls is the order in the log. Raises ``Unavailable`` if the records cannot be made durable.
        """
        ...


class EventLog(Appendable, Protocol):
    """An ordered, durable list of records. All methods are called on the event loop, and never block it.

    Its life: ``replay`` to the end, ``start``, any number of concurrent ``append``, ``close``.
    """

    def replay(self) -> AsyncIterator[Sequence[Record]]:
        """The stored records, in order, in chunks that take a few milliseconds to apply."""
        ...

    async def start(self, apply: Apply) -> None:
        """Applies every record that is committed from now on."""
        ...

    async def close(self) -> None:
        """Commits what was appended, and refuses further records."""
        ...
