"""How far the start of the daemon has come."""

import asyncio


class Startup:
    """Progress of the start: what readiness and the replay's own metric are read from."""

    def __init__(self) -> None:
        """Nothing has been read yet."""
        self.ready = asyncio.Event()
        """Set once all kept events are in the gauges, from when on requests are served."""
        self.replay_seconds: float | None = None
        """Duration of reading what was kept and computing its numbers; None until that is done."""
