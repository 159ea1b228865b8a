"""The seam between the events in memory and where they are kept."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol

from dora_exporter.dora.records import Record
from dora_exporter.dora.store import Outcome

Apply = Callable[[Sequence[Record]], list[Outcome]]
"""Gives records their effect in memory and says what became of the events in them. The log calls it on the event loop,
with the committed records in the log's order: those of one append together, and none of them twice."""


class Unavailable(Exception):
    """The log cannot take records now. What was refused may still appear later, so a retry must be idempotent."""


class Appendable(Protocol):
    """Where records go."""

    def append(self, records: Sequence[Record]) -> Awaitable[list[Outcome]]:
        """Commits records and applies them; the outcomes of the events in them come once they are durable.

        The order of the calls is the order in the log. Raises ``Unavailable`` when the records could not be made
        durable.
        """
        ...


class EventLog(Appendable, Protocol):
    """An ordered, durable list of records. All methods are called on the event loop and never make it wait.

    Life: ``replay`` to its end, then ``start``, then any number of ``append`` at once, at last ``close``.
    """

    def replay(self) -> AsyncIterator[Sequence[Record]]:
        """The records kept so far, in order and in chunks that each take a few milliseconds to apply."""
        ...

    async def start(self, apply: Apply) -> None:
        """From here on every committed record is applied."""
        ...

    async def close(self) -> None:
        """Commits what was appended, then refuses further records."""
        ...
