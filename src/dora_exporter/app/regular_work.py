"""What the daemon does at regular intervals."""

from dora_exporter.app.http_access import HttpAccess
from dora_exporter.app.metrics_service import MetricsService
from dora_exporter.app.reload import Configuration
from dora_exporter.app.storage import Storage
from dora_exporter.runtime.scheduler import Schedule
from dora_exporter.web.pages.kept_lines import REFRESH_SECONDS, KeptLines

_MAINTENANCE_SECONDS = 60
_REFRESH_SECONDS = 5
_CATCH_UP_SECONDS = 1


class RegularWork:
    """Runs the schedule, with the jobs that no source owns."""

    def __init__(
        self,
        schedule: Schedule,
        *,
        storage: Storage,
        metrics: MetricsService,
        access: HttpAccess,
        configuration: Configuration,
        lines: KeptLines,
    ) -> None:
        """Nothing runs yet."""
        self._schedule = schedule
        self._storage = storage
        self._metrics = metrics
        self._access = access
        self._configuration = configuration
        self._lines = lines

    async def start(self) -> None:
        """From here on jobs run."""
        self._schedule.every(_MAINTENANCE_SECONDS, self.maintain, name="maintenance")
        self._schedule.every(_CATCH_UP_SECONDS, self._metrics.keep_up, name="numbers")
        self._schedule.every(REFRESH_SECONDS, self._lines.refresh, name="lines", first_within=0)
        self._schedule.every(_REFRESH_SECONDS, self._access.refresh, name="web configuration")
        self._schedule.start()

    async def stop(self) -> None:
        """Ends the jobs under way, those of sources too."""
        await self._schedule.stop()

    async def maintain(self) -> None:
        """Forgets what is older than the retention, and compacts what is kept."""
        settings = self._configuration.settings
        await self._storage.maintain(settings.retention.ms, self._metrics.engine.definitions.catalogue)
