"""GitHub: its deployments, pushed by webhooks and polled over its APIs."""

import asyncio
from collections.abc import Mapping

from yarl import URL

from dora_exporter.dora.events import Deployment
from dora_exporter.runtime.json_flaws import FLAWS
from dora_exporter.sources.contract import Check, Delivery, Ignored, Memory, Misconfigured, Receipt, Sink, SourceContext
from dora_exporter.sources.forges.backfill import Backfill
from dora_exporter.sources.github.app_token import AppTokens
from dora_exporter.sources.github.graphql import GitHubApi
from dora_exporter.sources.github.happened import NotUnderstood
from dora_exporter.sources.github.mapping import DeploymentMapping, Reported
from dora_exporter.sources.github.poll import Pass
from dora_exporter.sources.github.reach import Reach
from dora_exporter.sources.github.runs import KnownLists
from dora_exporter.sources.github.settings import TUNING, GitHubSettings
from dora_exporter.sources.github.webhook_events import json_of, read
from dora_exporter.sources.http.client import Credentials, Refused, Traffic, Upstream
from dora_exporter.sources.http.pushed_settings import hmac_or_key
from dora_exporter.sources.http.settings import with_headers
from dora_exporter.sources.settings import fingerprint_of, secret_of
from dora_exporter.sources.webhook_signatures import HmacHeader

_LARGEST_BODY = 25 * 1024 * 1024  # so much GitHub sends at most
_LONGEST_KIND = 50
_ENTERPRISE = "/v3"
_HOST, _API_HOST = "github.com", "api.github.com"
_SIGNATURE: HmacHeader = {"header": "X-Hub-Signature-256", "prefix": "sha256="}


class GitHub:
    """The repositories of one GitHub. Passes and webhooks meet in ``mapping``."""

    def __init__(self, name: str, settings: GitHubSettings, context: SourceContext) -> None:
        """``name`` begins the ids of its deployments."""
        self._settings = settings
        self.mapping = DeploymentMapping(name, settings, default_environment=context.default_environment)
        self._transport = context.transport
        self._backfill_ms = settings.backfill_ms(context.longest_window_ms)
        self.fingerprint = fingerprint_of(
            settings, context.default_environment, str(self._backfill_ms), *settings.header_texts(), tuning=TUNING
        )
        self._backfill = Backfill(name, self.fingerprint)
        self._lists = KnownLists()
        self.traffic = Traffic()
        self._app = AppTokens(settings, context.transport, self.traffic, context.clock)
        self.interval_ms: int | None = settings.interval.ms if settings.is_polled else None
        self.unmapped_services: int | None = None

    @property
    def progress(self) -> str | None:
        """How far the past has been read; None when it is not being read."""
        return self._backfill.in_words

    async def poll(self, memory: Memory, sink: Sink, *, now_ms: int) -> Memory:
        """Reads what is new in each repository, and the deployments that had not finished."""
        one_pass = Pass(
            api=GitHubApi(await self._upstream(), sink, rest=self._rest),
            mapping=self.mapping,
            sink=sink,
            reach=Reach(first_ms=now_ms - self._backfill_ms, overlap_ms=self._settings.overlap.ms, now_ms=now_ms),
            backfill=self._backfill,
            known=self._lists,
        )
        try:
            return await one_pass.run(memory)
        except Refused as reason:
            if reason.is_misconfiguration:
                self._app.forget()
            raise
        finally:
            if self._backfill.since_ms is not None:  # it failed: what it read may not have been written
                self._lists.etags.clear()

    @property
    def body_limit(self) -> int:
        """As much as GitHub sends."""
        return _LARGEST_BODY

    async def authenticate(self, delivery: Delivery) -> Check | None:
        """A signature with one of the secrets; where there are none, one of the daemon's keys."""
        return await hmac_or_key(delivery, self._settings, **_SIGNATURE)

    async def ingest(self, delivery: Delivery, body: bytes, sink: Sink) -> Receipt:
        """Writes what a webhook says. What is malformed in an event of a known kind is only counted."""
        kind = delivery.headers.get("X-GitHub-Event", "")[:_LONGEST_KIND]
        said = json_of(delivery, body)
        try:
            ignored = await self._ingest(kind, said, sink, delivery.received_ms)
        except (*FLAWS, NotUnderstood) as reason:
            sink.quarantine(delivery.headers.get("X-GitHub-Delivery"), str(reason))
            return Receipt(kind)
        return Receipt(kind, ignored)

    async def _ingest(self, kind: str, said: bytes, sink: Sink, now_ms: int) -> Ignored | None:
        found = read(kind, said, self.mapping.scope, now_ms=now_ms)
        if isinstance(found, Ignored):
            return found
        event = self.mapping.event(found, sink)
        if isinstance(event, Deployment):
            await sink.write([event])
        elif isinstance(found, Reported) and event is Ignored.NO_EVENT:
            note = self.mapping.begin(found, sink, now_ms=now_ms)
            if note is not None:
                await sink.write([sink.note(note)])
        await sink.flush()
        return event if isinstance(event, Ignored) else None

    @property
    def _rest(self) -> str:
        """Where the REST API begins behind the part that it shares with GraphQL: an Enterprise server's is a folder."""
        return _ENTERPRISE if self._settings.base_url.rstrip("/").endswith(f"/api{_ENTERPRISE}") else ""

    @property
    def repositories_host(self) -> str:
        """The host in the names of its repositories: of github.com its APIs have another one."""
        host = URL(self._settings.base_url).host or ""
        return _HOST if host == _API_HOST else host

    @property
    def api_url(self) -> str:
        """Where the REST API begins."""
        return self._settings.base_url

    async def api_headers(self) -> Mapping[str, str]:
        """The headers of a request, with the token as it is now."""
        return (await self._credentials()).headers

    async def _credentials(self) -> Credentials:
        settings = self._settings
        if settings.has_app:
            token: str | None = await self._app.token()
        else:
            token = await asyncio.to_thread(secret_of, settings.token, settings.token_file)
        if token is None:
            raise Misconfigured("there is neither a token nor an App")
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
        return await asyncio.to_thread(with_headers, Credentials(headers=headers, secrets=(token,)), settings)

    async def _upstream(self) -> Upstream:
        """The API with the token as it is now."""
        base_url = self._settings.base_url.rstrip("/").removesuffix(self._rest)
        return self._transport.upstream(base_url, credentials=await self._credentials(), traffic=self.traffic)
