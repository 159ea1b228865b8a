"""The state of a replica's connection to the shared log, for its own metrics."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Statistics:
    """The state at one moment. Times are milliseconds since the epoch; None means not yet.

    ``position`` is the last record applied, ``head`` the last one known to exist. ``rows_lost`` counts those that
    could not be read. ``unavailable_since_ms`` is None while the database answers.
    """

    position: int
    head: int
    rows_lost: int
    last_write_ms: int | None
    last_commit_seconds: float | None
    unavailable_since_ms: int | None
