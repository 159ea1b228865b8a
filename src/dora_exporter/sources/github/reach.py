"""How far back a pass over GitHub's repositories reads."""

from dataclasses import dataclass

from dora_exporter.dora.events import DAY_MS

LONGEST_OPEN_MS = 35 * DAY_MS
"""GitHub itself gives up after 30 days on a job that waits for approval."""


@dataclass(frozen=True, kw_only=True)
class Reach:
    """``first_ms`` is where a repository begins that was never read, ``overlap_ms`` how far others go back."""

    first_ms: int
    overlap_ms: int
    now_ms: int

    def since_ms(self, cursor_ms: int | None) -> int:
        """Where a repository begins that was read up to ``cursor_ms``, None for never."""
        return self.first_ms if cursor_ms is None else cursor_ms - self.overlap_ms
