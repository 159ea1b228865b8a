"""What the snapshot file says about itself, for the daemon's own metrics."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Statistics:
    """The state of the file at one moment. Times are milliseconds since the epoch; None means not yet.

    ``lines_lost`` counts the unreadable lines found by this process. ``unavailable_since_ms`` is None while writing
    works.
    """

    size_bytes: int
    lines_lost: int
    last_write_ms: int | None
    last_compaction_ms: int | None
    last_fsync_seconds: float | None
    last_compaction_seconds: float | None
    unavailable_since_ms: int | None
