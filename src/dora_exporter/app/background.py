"""Tasks beside the requests, which end with the daemon."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from dora_exporter.runtime.cooperative import in_background


class BackgroundTasks:
    """Tasks that nothing waits for until ``stop``."""

    def __init__(self) -> None:
        """None runs yet."""
        self._running: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, object], *, name: str) -> None:
        """Runs ``work``; its exceptions are logged under ``name``."""
        task = in_background(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def stop(self) -> None:
        """Cancels those that still run, and waits for their end."""
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
