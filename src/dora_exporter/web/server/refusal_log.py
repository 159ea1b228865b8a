"""Says which events are refused, and why, in one log line a second at most."""

import logging

from dora_exporter.runtime.latest_lines import LatestLines

_SECONDS = 1.0
_SHOWN_CHARACTERS = 300


class RefusalLog:
    """Logs the first refusal at once, then at most once a second the latest one and their number."""

    def __init__(self, *, seconds: float = _SECONDS) -> None:
        """Starts with nothing to log."""
        self._lines = LatestLines(logging.getLogger(__name__), seconds=seconds)

    def note(self, *, path: str, reason: str, detail: str, sender: str | None, events: int = 1) -> None:
        """Logs a refused request, or ``events`` refused events of one."""
        message = "events refused path=%r reason=%s detail=%r from=%s"
        self._lines.warn(message, path, reason, detail[:_SHOWN_CHARACTERS], sender, count=events)
