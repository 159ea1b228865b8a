"""The configured limits on requests, and the names that they may ask for."""

from dataclasses import dataclass

from dora_exporter.dora.catalogue.catalogue import NO_CATALOGUE, Catalogue
from dora_exporter.dora.events import DAY_MS


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The limits of one installation.

    ``retention_ms`` is the age beyond which an event is refused. ``max_body_bytes`` bounds a body, and a line of a
    bulk body, after unpacking; ``max_atomic_bytes`` and ``max_atomic_events`` bound what is stored all or none.
    ``catalogue`` has the other names of services and environments.
    A body must arrive within ``body_seconds``; of a bulk body, each piece within ``piece_seconds``.
    """

    retention_ms: int = 400 * DAY_MS
    default_environment: str = "none"
    catalogue: Catalogue = NO_CATALOGUE
    max_body_bytes: int = 1 << 20
    max_atomic_bytes: int = 16 << 20
    max_atomic_events: int = 10_000
    body_seconds: float = 10.0
    piece_seconds: float = 30.0


@dataclass
class CurrentRules:
    """The limits in force, which a reload replaces."""

    now: Rules = Rules()
