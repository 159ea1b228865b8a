"""The settings in use, and how others take their place."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from operator import attrgetter

from dora_exporter.app.settings import ConfigError, Settings
from dora_exporter.runtime.clock import Clock

logger = logging.getLogger(__name__)

NEEDS_RESTART = (
    "web.listen_addresses",
    "web.config_file",
    "web.enable_lifecycle",
    "web.external_url",
    "web.route_prefix",
    "snapshot",
    "store",
    "git",
    "repositories",
    "pull_requests",
)
"""The settings that are read at the start only."""


class Configuration:
    """Reads the settings again on demand. Bad ones leave those before in use."""

    def __init__(
        self,
        settings: Settings,
        *,
        load: Callable[[], Settings],
        use: Callable[[Settings], Awaitable[None]],
        clock: Clock,
    ) -> None:
        """``load`` reads the settings, ``use`` puts them into effect."""
        self.settings = settings
        self.is_last_reload_successful = True
        self.last_reload_success_ms: int | None = clock()
        self._load = load
        self._use = use
        self._clock = clock
        self._lock = asyncio.Lock()

    async def reload(self) -> str | None:
        """Reads the settings and uses them; gives the mistakes where they are bad."""
        async with self._lock:
            try:
                settings = await asyncio.to_thread(self._load)
                await self._use(settings)
            except ConfigError as mistakes:
                self.is_last_reload_successful = False
                logger.error("configuration reload failed, the previous one stays in use mistakes=%r", str(mistakes))
                return str(mistakes)
            except BaseException:
                self.is_last_reload_successful = False
                raise
            for name in NEEDS_RESTART:
                if attrgetter(name)(settings) != attrgetter(name)(self.settings):
                    logger.warning("changed setting takes effect after a restart setting=%s", name)
            self.settings = settings
            self.is_last_reload_successful = True
            self.last_reload_success_ms = self._clock()
            logger.info("configuration reloaded")
            return None
