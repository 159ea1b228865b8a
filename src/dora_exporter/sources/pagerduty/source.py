"""PagerDuty: its incidents, polled over the REST API and pushed by webhooks."""

import asyncio

from dora_exporter.sources.contract import (
    Memory,
    Misconfigured,
    Sink,
    SourceContext,
    fingerprint_of,
    secret_of,
    secrets_of,
)
from dora_exporter.sources.http.client import Credentials, Traffic, Upstream
from dora_exporter.sources.http.settings import with_headers
from dora_exporter.sources.pagerduty.api import ACCEPT, PagerDutyApi
from dora_exporter.sources.pagerduty.mapping import IncidentMapping
from dora_exporter.sources.pagerduty.poll import Pass, PollState
from dora_exporter.sources.pagerduty.settings import TUNING, PagerDutySettings
from dora_exporter.sources.pagerduty.webhook_events import Event, take


class PagerDuty:
    """One account. Passes and webhooks meet in ``mapping``."""

    def __init__(self, name: str, settings: PagerDutySettings, context: SourceContext) -> None:
        """``name`` begins the ids of its incidents."""
        self.name = name
        self.settings = settings
        self.mapping = IncidentMapping(name, settings, default_environment=context.default_environment)
        self._transport = context.transport
        self._backfill_ms = settings.backfill_ms(context.longest_window_ms)
        self._traffic = Traffic()
        self._state = PollState()
        self._fingerprint = fingerprint_of(
            settings, context.default_environment, str(self._backfill_ms), *settings.header_texts(), tuning=TUNING
        )

    @property
    def interval_ms(self) -> int | None:
        """None without a token."""
        return self.settings.interval.ms if self.settings.is_polled else None

    @property
    def fingerprint(self) -> str:
        """Changes with filters, map, environment and back-fill."""
        return self._fingerprint

    @property
    def traffic(self) -> Traffic:
        """What its requests met."""
        return self._traffic

    @property
    def unmapped_services(self) -> int | None:
        """How many services appear under their PagerDuty name."""
        return self.mapping.unmapped_services

    async def poll(self, memory: Memory, sink: Sink, *, now_ms: int) -> Memory:
        """Reads what is new, what is open and what changed; everything when that is due."""
        self.mapping.open(sink)
        one_pass = Pass(
            api=PagerDutyApi(await self._upstream(), sink),
            mapping=self.mapping,
            sink=sink,
            settings=self.settings,
            backfill_ms=self._backfill_ms,
            state=self._state,
        )
        return await one_pass.run(memory, now_ms=now_ms)

    async def take(self, event: Event, sink: Sink, *, dd_env: str | None, now_ms: int) -> None:
        """Takes over what a webhook says; raises ``Unavailable`` when that cannot be made durable."""
        self.mapping.open(sink)
        await take(event, self.mapping, sink, dd_env=dd_env, now_ms=now_ms)

    async def secrets(self) -> tuple[str, ...]:
        """What its webhooks may be signed with, one on each line of a file; raises ``Misconfigured``."""
        if self.settings.webhook_secrets_file is None:
            return tuple(each.get_secret_value() for each in self.settings.webhook_secrets)
        return await asyncio.to_thread(secrets_of, self.settings.webhook_secrets_file)

    async def _upstream(self) -> Upstream:
        """The account with the token as it is now: its file is read at each pass."""
        token = await asyncio.to_thread(secret_of, self.settings.token, self.settings.token_file)
        if token is None:
            raise Misconfigured("there is neither a token nor a token_file")
        headers = {"Authorization": f"Token token={token}", "Accept": ACCEPT, "Content-Type": "application/json"}
        own = Credentials(headers=headers, secrets=(token,))
        credentials = await asyncio.to_thread(with_headers, own, self.settings)
        return self._transport.upstream(self.settings.base_url, credentials=credentials, traffic=self._traffic)
