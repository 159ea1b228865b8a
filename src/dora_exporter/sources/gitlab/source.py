"""GitLab: its deployments and incidents, polled over the REST API and pushed by webhooks."""

import asyncio
from collections.abc import Mapping

from yarl import URL

from dora_exporter.runtime.json_flaws import FLAWS
from dora_exporter.sources.contract import Check, Delivery, Ignored, Memory, Misconfigured, Receipt, Sink, SourceContext
from dora_exporter.sources.forges.backfill import Backfill
from dora_exporter.sources.gitlab.api import GitLabApi
from dora_exporter.sources.gitlab.deployments import DeploymentMapping
from dora_exporter.sources.gitlab.incidents import IncidentMapping
from dora_exporter.sources.gitlab.poll import Pass, Shared
from dora_exporter.sources.gitlab.project_list import ProjectList
from dora_exporter.sources.gitlab.reports import NotUnderstood, ReportedDeployment
from dora_exporter.sources.gitlab.scope import Scope
from dora_exporter.sources.gitlab.settings import GitLabSettings
from dora_exporter.sources.gitlab.webhook_events import head_of, read
from dora_exporter.sources.http.client import Credentials, Traffic, Upstream
from dora_exporter.sources.http.pushed_settings import PUSHED_TUNING, webhook_secrets_of
from dora_exporter.sources.http.settings import with_headers
from dora_exporter.sources.settings import fingerprint_of, secret_of
from dora_exporter.sources.webhook_signatures import any_of, api_key, standard_webhooks, token

_LARGEST_BODY = 25 * 1024 * 1024  # so much GitLab sends at most
_SIGNING = "whsec_"
_TOKEN = "X-Gitlab-Token"  # noqa: S105 - the name of a header
_SIGNATURE = "webhook-signature"


class GitLab:
    """The projects of one GitLab. Passes and webhooks meet in the mappings."""

    def __init__(self, name: str, settings: GitLabSettings, context: SourceContext) -> None:
        """``name`` begins the ids of its events."""
        self._settings = settings
        self._transport = context.transport
        self._backfill_ms = settings.backfill_ms(context.longest_window_ms)
        environment = context.default_environment
        self.fingerprint = fingerprint_of(
            settings, environment, str(self._backfill_ms), *settings.header_texts(), tuning=PUSHED_TUNING
        )
        self._shared = Shared(
            settings=settings,
            deployments=DeploymentMapping(name, settings, default_environment=environment),
            incidents=IncidentMapping(name, settings, default_environment=environment),
            scope=Scope(settings),
            projects=ProjectList(name, settings),
            backfill=Backfill(name, self.fingerprint, what="projects"),
        )
        self.traffic = Traffic()
        self.interval_ms: int | None = settings.interval.ms if settings.is_polled else None
        self.unmapped_services: int | None = None

    @property
    def progress(self) -> str | None:
        """How far the past has been read; None when it is not being read."""
        return self._shared.backfill.in_words

    async def poll(self, memory: Memory, sink: Sink, *, now_ms: int) -> Memory:
        """Reads what was deployed and which incidents changed since the last pass."""
        api = GitLabApi(await self._upstream(), sink, self._shared.unchanged, now_ms=now_ms)
        one_pass = Pass(api, self._shared, sink, backfill_ms=self._backfill_ms, now_ms=now_ms)
        try:
            return await one_pass.run(memory)
        finally:
            if self._shared.backfill.since_ms is not None:  # it failed: what it read may not have been written
                self._shared.unchanged.clear()

    @property
    def body_limit(self) -> int:
        """As much as GitLab sends."""
        return _LARGEST_BODY

    async def authenticate(self, delivery: Delivery) -> Check | None:
        """A secret token, or a signature with one that begins with ``whsec_``; without secrets a key of the daemon."""
        if not (delivery.has_key or _TOKEN in delivery.headers or _SIGNATURE in delivery.headers):
            return None
        secrets = await webhook_secrets_of(self._settings)
        if not secrets:
            return api_key(delivery)
        signing = [each for each in secrets if each.startswith(_SIGNING)]
        plain = [each for each in secrets if not each.startswith(_SIGNING)]
        return any_of(token(delivery, plain, header=_TOKEN), standard_webhooks(delivery, signing))

    async def ingest(self, delivery: Delivery, body: bytes, sink: Sink) -> Receipt:
        """Writes what a webhook says. GitLab switches hooks off that answer errors, so nonsense is only counted."""
        kind = delivery.headers.get("X-Gitlab-Event", "")
        try:
            object_kind = head_of(body).object_kind
        except FLAWS:
            return Receipt(kind, Ignored.UNREADABLE)
        try:
            ignored = await self._ingest(object_kind, body, sink, delivery.received_ms)
        except (*FLAWS, NotUnderstood) as reason:
            sink.quarantine(delivery.headers.get("X-Gitlab-Event-UUID"), str(reason))
            return Receipt(kind or object_kind)
        return Receipt(kind or object_kind, ignored)

    async def _ingest(self, object_kind: str, body: bytes, sink: Sink, now_ms: int) -> Ignored | None:
        seen = read(object_kind, body, now_ms=now_ms)
        if isinstance(seen, Ignored):
            return seen
        if isinstance(seen, ReportedDeployment):
            return await self._ingest_deployment(seen, sink, now_ms)
        incident = self._shared.incidents.event(seen, sink)
        if isinstance(incident, Ignored):
            return incident
        await sink.write([incident])
        await sink.flush()
        return None

    async def _ingest_deployment(self, seen: ReportedDeployment, sink: Sink, now_ms: int) -> Ignored | None:
        event = self._shared.deployments.event(seen, sink)
        if not isinstance(event, Ignored):
            await sink.write([event])
        elif event is Ignored.NO_EVENT and (note := self._shared.deployments.begin(seen, sink, now_ms=now_ms)):
            await sink.write([sink.note(note)])
        await sink.flush()
        return event if isinstance(event, Ignored) else None

    @property
    def repositories_host(self) -> str:
        """The host in the names of its projects."""
        return URL(self._settings.base_url).host or ""

    @property
    def api_url(self) -> str:
        """Where the REST API begins."""
        return self._settings.base_url.rstrip("/") + "/api/v4"

    async def api_headers(self) -> Mapping[str, str]:
        """The headers of a request, with the token as it is now."""
        return (await self._credentials()).headers

    async def _credentials(self) -> Credentials:
        private = await asyncio.to_thread(secret_of, self._settings.token, self._settings.token_file)
        if private is None:
            raise Misconfigured("there is neither a token nor a token_file")
        own = Credentials(headers={"PRIVATE-TOKEN": private, "Accept": "application/json"}, secrets=(private,))
        return await asyncio.to_thread(with_headers, own, self._settings)

    async def _upstream(self) -> Upstream:
        """GitLab with the token as it is now: its file is read at each pass."""
        credentials = await self._credentials()
        return self._transport.upstream(self.api_url, credentials=credentials, traffic=self.traffic)
