"""The sources of the settings, with the connections that they share."""

from collections.abc import Mapping

from dora_exporter.app.settings import Settings
from dora_exporter.app.storage import Storage
from dora_exporter.commits.providers.contract import Lent
from dora_exporter.commits.providers.http import ForgeFailed, ForgeMisconfigured
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.clock import Clock
from dora_exporter.runtime.scheduler import Schedule
from dora_exporter.sources import KINDS
from dora_exporter.sources.contract import Lending, Misconfigured, SourceContext, Unreadable
from dora_exporter.sources.http.client import Refused, Transport, Unreachable
from dora_exporter.sources.polling import RunningSources


class ConfiguredSources:
    """Runs the sources that the settings name; ``use`` follows other settings."""

    def __init__(
        self, settings: Settings, *, store: EventStore, storage: Storage, schedule: Schedule, clock: Clock
    ) -> None:
        """None runs yet. Polled events go to the leader's log, pushed ones to the log of every replica."""
        self._settings = settings
        self._first = settings.sources  # providers of pull requests do not change before the next start
        self._clock = clock
        self._transport = Transport(clock=clock)
        self.running = RunningSources(
            store=store,
            log=storage.log,
            pass_log=storage.replication.leader_log,
            leads=lambda: storage.replication.leads,
            clock=clock,
            schedule=schedule,
        )

    def context(self) -> SourceContext:
        """What a source is built with, by the settings in use."""
        return SourceContext(
            transport=self._transport,
            clock=self._clock,
            default_environment=self._settings.default_environment,
            longest_window_ms=max(window.ms for window in self._settings.windows),
        )

    async def start(self) -> None:
        """Opens the connections, and has the sources polled."""
        await self._transport.open()
        await self.use(self._settings)

    async def use(self, settings: Settings) -> None:
        """Adds, changes and removes sources as the settings say; the others go on undisturbed."""
        self._settings = settings
        await self.running.configure(settings.sources, self.context())

    def lend(self, name: str) -> Lent:
        """What a source lends to a provider of pull requests, which asks as the source does at that time."""
        settings = self._first[name]
        source = KINDS[settings.kind](name, settings, self.context())
        if not isinstance(source, Lending):
            raise TypeError(f"{settings.kind} lends nothing")  # the settings have been checked

        async def headers() -> Mapping[str, str]:
            running = self.running.named(name)
            if running is None or not isinstance(running.source, Lending):
                raise ForgeMisconfigured(f"the source {name}, which lends its credentials, does not exist")
            try:
                return await running.source.api_headers()
            except Misconfigured as reason:
                raise ForgeMisconfigured(str(reason)) from None
            except (Refused, Unreachable, Unreadable) as reason:
                raise ForgeFailed(str(reason)) from None

        return Lent(kind=settings.kind, host=source.repositories_host, base_url=source.api_url, headers=headers)

    async def stop(self) -> None:
        """Closes the connections."""
        await self._transport.close()
