"""The records of the log: replayed in order, they rebuild the store.

A record is an intent whose effect follows from the state before it, so every reader of one log reaches one state.
"""

from typing import Any, Literal

import msgspec

from dora_exporter.dora.events import Deployment, Incident, Shipped, Verdict

EventKind = Literal["deployment", "incident"]


RETENTION = "(retention)"
"""Stands for the source of a deletion that retention asks for; no source can have this name."""


class Judgement(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag="verdict", tag_field="type"):
    """Sets the verdict on a deployment; None takes it back. Without effect when no such deployment is held."""

    id: str
    verdict: Verdict | None = None


class Resolution(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag="commits", tag_field="type"):
    """Sets what Git says a deployment shipped; None forgets it.

    Without effect when the deployment is not held, or by now names another repository or SHA. Of a deployment of
    several repositories it sets the part of one.
    """

    id: str
    shipped: Shipped | None = None


class Deletion(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag="deletion", tag_field="type"):
    """Removes an event with all that was learnt about it.

    ``at`` is the time of the deletion. Of a polled item (``source`` is not ``api``) the deletion stays as a
    tombstone: later upserts of that id by its source have no effect. What retention drops leaves no tombstone,
    and stays if it was written anew meanwhile and ended at ``at`` or later.
    """

    kind: EventKind
    id: str
    at: int
    source: str = "api"


class Cursor(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag="cursor", tag_field="type"):
    """What a source has to remember between two passes; it replaces what it remembered before, None forgets it."""

    source: str
    state: dict[str, Any] | None = None


class SeriesOrder(msgspec.Struct, frozen=True, gc=False, tag="series", tag_field="type"):
    """Series and teams in the order of their first appearance, which decides who keeps labels when there are too many.

    A team stands there as ``appearance.team_entry`` has it.
    """

    names: tuple[tuple[str, str], ...]


class Batch(msgspec.Struct, frozen=True, gc=False, tag="batch", tag_field="type"):
    """Records that take effect together or not at all."""

    records: tuple[Deployment | Incident | Judgement | Resolution | Deletion | Cursor, ...]


Record = Deployment | Incident | Judgement | Resolution | Deletion | Cursor | SeriesOrder | Batch
