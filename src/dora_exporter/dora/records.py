"""The records of the log: replayed in order, they rebuild the store.

A record is an intent whose effect follows from the state before it, so every reader of one log reaches one state.
"""

from typing import Any, Literal

import msgspec

from dora_exporter.dora.events import SENT, Deployment, Incident, Shipped, Verdict

EventKind = Literal["deployment", "incident"]


RETENTION = "(retention)"
"""The source of deletions by retention; no real source can have this name."""


class Judgement(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag="verdict", tag_field="type"):
    """Sets the verdict on a deployment; None removes it. Without effect if the deployment is not held."""

    id: str
    verdict: Verdict | None = None


class Resolution(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag="commits", tag_field="type"):
    """Sets the commits found in Git for a deployment; None removes them.

    Without effect if the deployment is not held, or names another repository or SHA by now. For a deployment of several
    repositories it sets the part of one.
    """

    id: str
    shipped: Shipped | None = None


class Deletion(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag="deletion", tag_field="type"):
    """Removes an event with its verdict and its commits.

    ``at`` is the time of the deletion. For a polled item (``source`` is not ``api``) the deletion stays as a
    tombstone: later upserts of that id by its source have no effect. Retention leaves no tombstone, and spares an
    event that was written again and ended at ``at`` or later.
    """

    kind: EventKind
    id: str
    at: int
    source: str = SENT


class Cursor(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag="cursor", tag_field="type"):
    """The state of a source between two polls. It replaces the state before; None removes it."""

    source: str
    state: dict[str, Any] | None = None


class SeriesOrder(msgspec.Struct, frozen=True, gc=False, tag="series", tag_field="type"):
    """Series and teams in the order of their first appearance, which decides who keeps labels when there are too many.

    Teams are in it as ``appearance_order.team_entry``.
    """

    names: tuple[tuple[str, str], ...]


class Batch(msgspec.Struct, frozen=True, gc=False, tag="batch", tag_field="type"):
    """Records that are applied together or not at all."""

    records: tuple[Deployment | Incident | Judgement | Resolution | Deletion | Cursor, ...]


Record = Deployment | Incident | Judgement | Resolution | Deletion | Cursor | SeriesOrder | Batch
