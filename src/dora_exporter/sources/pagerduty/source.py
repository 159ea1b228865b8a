"""PagerDuty: its incidents, polled over the REST API and pushed by webhooks."""

import asyncio

from dora_exporter.sources.contract import Check, Delivery, Memory, Misconfigured, Receipt, Sink, SourceContext
from dora_exporter.sources.http.client import Credentials, Traffic, Upstream
from dora_exporter.sources.http.pushed_settings import hmac_or_key
from dora_exporter.sources.http.settings import with_headers
from dora_exporter.sources.pagerduty.api import ACCEPT, PagerDutyApi
from dora_exporter.sources.pagerduty.mapping import IncidentMapping
from dora_exporter.sources.pagerduty.poll import Pass, PollState
from dora_exporter.sources.pagerduty.settings import TUNING, PagerDutySettings
from dora_exporter.sources.pagerduty.webhook_events import environment_of, event_of, ingest
from dora_exporter.sources.settings import fingerprint_of, secret_of
from dora_exporter.sources.webhook_signatures import HmacHeader

_LARGEST_BODY = 1024 * 1024
_SIGNATURE: HmacHeader = {"header": "X-PagerDuty-Signature", "prefix": "v1="}


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
        self.state = PollState()
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
        """Statistics of its requests."""
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
            state=self.state,
        )
        return await one_pass.run(memory, now_ms=now_ms)

    @property
    def body_limit(self) -> int:
        """Far more than PagerDuty sends."""
        return _LARGEST_BODY

    async def authenticate(self, delivery: Delivery) -> Check | None:
        """A signature with one of the secrets; where there are none, one of the daemon's keys."""
        return await hmac_or_key(delivery, self.settings, **_SIGNATURE)

    async def ingest(self, delivery: Delivery, body: bytes, sink: Sink) -> Receipt:
        """Writes what a webhook says; ``dd_env`` names the environment."""
        event, environment = event_of(body), environment_of(delivery)
        self.mapping.open(sink)
        return await ingest(event, self.mapping, sink, dd_env=environment, now_ms=delivery.received_ms)

    async def _upstream(self) -> Upstream:
        """The account with the token as it is now: its file is read at each pass."""
        token = await asyncio.to_thread(secret_of, self.settings.token, self.settings.token_file)
        if token is None:
            raise Misconfigured("there is neither a token nor a token_file")
        headers = {"Authorization": f"Token token={token}", "Accept": ACCEPT, "Content-Type": "application/json"}
        own = Credentials(headers=headers, secrets=(token,))
        credentials = await asyncio.to_thread(with_headers, own, self.settings)
        return self._transport.upstream(self.settings.base_url, credentials=credentials, traffic=self._traffic)
