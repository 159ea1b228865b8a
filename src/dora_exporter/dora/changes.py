"""A write to an event: the event before and after it, and what it did."""

import enum

from dora_exporter.dora.events import Event

Change = tuple[Event | None, Event | None]
"""A write to an event, as the event before and after it: None before it is created and after it is deleted, the same
object twice when the write changed nothing."""


class Outcome(enum.Enum):
    """What a write did to an event."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DELETED = "deleted"


def outcome(before: Event | None, after: Event | None) -> Outcome:
    """The outcome of a write, from the event before and after it."""
    if before is after:
        return Outcome.UNCHANGED
    if before is None:
        return Outcome.CREATED
    return Outcome.DELETED if after is None else Outcome.UPDATED
