"""The settings in use, and their reload."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from operator import attrgetter

from dora_exporter.app.settings import Settings
from dora_exporter.config.errors import ConfigError
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


Use = Callable[[Settings], Awaitable[None]]
"""Puts settings into effect; raises ``ConfigError`` where that cannot be."""


class Configuration:
    """Reads the settings again on demand. If they are bad, the previous ones stay in use."""

    def __init__(
        self,
        settings: Settings,
        *,
        load: Callable[[], Settings],
        users: Iterable[Use],
        clock: Clock,
    ) -> None:
        """``load`` reads the settings; ``users`` put them into effect, one after the other."""
        self.settings = settings
        self.is_last_reload_successful = True
        self.last_reload_success_ms: int | None = clock()
        self._load = load
        self._users = tuple(users)
        self._clock = clock
        self._lock = asyncio.Lock()

    def edition(self) -> str:
        """The edition of DORA's report that performance levels are taken from."""
        return self.settings.levels.edition

    async def reload(self) -> str | None:
        """Reads the settings and puts them into effect; returns the mistakes if they are bad."""
        async with self._lock:
            try:
                settings = await asyncio.to_thread(self._load)
                for use in self._users:
                    await use(settings)
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
