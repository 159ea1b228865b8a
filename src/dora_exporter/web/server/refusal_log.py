"""Says which events are refused, and why, in one log line a second at most."""

import asyncio
import logging

logger = logging.getLogger(__name__)

_SECONDS = 1.0
_SHOWN_CHARACTERS = 300


class RefusalLog:
    """Logs the first refusal at once, then at most once a second the latest one and their number."""

    def __init__(self, *, seconds: float = _SECONDS) -> None:
        """Starts with nothing to log."""
        self._seconds = seconds
        self._waiting: asyncio.TimerHandle | None = None
        self._held_back = 0
        self._last: tuple[str, str, str, str | None] | None = None

    def note(self, *, path: str, reason: str, detail: str, sender: str | None, events: int = 1) -> None:
        """Logs a refused request, or ``events`` refused events of one."""
        self._last = (path, reason, detail[:_SHOWN_CHARACTERS], sender)
        self._held_back += events
        if self._waiting is None:
            self._say()

    def _say(self) -> None:
        """Without a line to say, the next refusal is logged at once again."""
        self._waiting = None
        if self._last is None:
            return
        path, reason, detail, sender = self._last
        logger.warning(
            "events refused path=%r reason=%s detail=%r from=%s not_shown=%d",
            *(path, reason, detail, sender, self._held_back - 1),
        )
        self._last, self._held_back = None, 0
        self._waiting = asyncio.get_running_loop().call_later(self._seconds, self._say)
