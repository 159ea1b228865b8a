"""Datadog: the deployments that its APM Deployment Tracking found, or what its trace metrics say about versions."""

import asyncio
from typing import Annotated, ClassVar, Literal, Self

from msgspec.structs import replace
from pydantic import model_validator

from dora_exporter.config.durations import Duration, parse
from dora_exporter.config.validators import HTTP_URL, NamedFile, Secret, matching
from dora_exporter.dora.events import DAY_MS
from dora_exporter.sources.clamping import clamped_end
from dora_exporter.sources.contract import Memory, Misconfigured, Sink, SourceContext
from dora_exporter.sources.datadog import deployments_api, traffic
from dora_exporter.sources.http.client import Credentials, Traffic, Upstream
from dora_exporter.sources.http.settings import HEADER_SETTINGS, HttpSourceSettings, with_headers
from dora_exporter.sources.label import Label
from dora_exporter.sources.settings import fingerprint_of, secret_of
from dora_exporter.sources.version_detection.segments import Rules
from dora_exporter.sources.version_detection.tracker import Scope, Seen, VersionWatch

VERDICTS_MS = 14 * DAY_MS
"""For so long Datadog may change its mind about a deployment."""

_KEYS = ("api_key", "api_key_file", "app_key", "app_key_file")
_TUNING = (*_KEYS, *HEADER_SETTINGS, "interval", "overlap", "relist", "settle")


class DatadogApmSettings(HttpSourceSettings):
    """``method`` decides what is asked: ``dora`` takes Datadog's own list, ``metrics`` looks for versions itself."""

    OWN_HEADERS: ClassVar[frozenset[str]] = frozenset({"dd-api-key", "dd-application-key"})

    kind: Literal["datadog_apm"]
    method: Literal["dora", "metrics"] = "dora"
    site: Annotated[str, matching("[a-z0-9.-]+", "must be a host name such as datadoghq.eu")] = "datadoghq.com"
    base_url: Annotated[str, HTTP_URL] | None = None
    api_key: Secret | None = None
    api_key_file: NamedFile | None = None
    app_key: Secret | None = None
    app_key_file: NamedFile | None = None
    query: str = "source:apm_deployments"
    operation: Annotated[str, matching(r"[\w.]+", "must be letters, digits, dots and underscores")] | None = None
    environments: tuple[str, ...] = ()
    environment: Label | None = None
    interval: Duration = parse("5m")
    overlap: Duration = parse("10m")
    settle: Duration = parse("2m")
    gap: Duration = parse("30m")
    relist: Duration = parse("24h")
    backfill: Duration | None = None

    @model_validator(mode="after")
    def _has_keys(self) -> Self:
        for name in ("api_key", "app_key"):
            if (getattr(self, name) is None) == (getattr(self, f"{name}_file") is None):
                raise ValueError(f"needs either {name} or {name}_file")
        return self


class DatadogApm:
    """One Datadog account."""

    def __init__(self, name: str, settings: DatadogApmSettings, context: SourceContext) -> None:
        """Asks nothing yet."""
        self._name = name
        self._settings = settings
        self._transport = context.transport
        self._environment = settings.environment or context.default_environment
        self._backfill_ms = settings.backfill.ms if settings.backfill else context.longest_window_ms
        self._relisted_at: int | None = None
        self._versions = VersionWatch(
            Scope(
                source=name,
                environment=self._environment,
                environments=frozenset(settings.environments),
                rules=Rules(gap_ms=settings.gap.ms),
                step_ms=traffic.STEP_MS,
                settle_ms=settings.settle.ms,
                overlap_ms=settings.overlap.ms,
                backfill_ms=self._backfill_ms,
            )
        )
        self.interval_ms: int | None = settings.interval.ms
        self.fingerprint = fingerprint_of(settings, self._environment, *settings.header_texts(), tuning=_TUNING)
        self.traffic = Traffic()
        self.unmapped_services: int | None = None

    async def poll(self, memory: Memory, sink: Sink, *, now_ms: int) -> Memory:
        """Reads what is new since the last pass, by the method that the settings name."""
        upstream = await self._upstream()
        if self._settings.method == "dora":
            return await self._read_list(upstream, memory, sink, now_ms)
        return await self._read_traffic(upstream, memory, sink, now_ms)

    async def _upstream(self) -> Upstream:
        settings = self._settings
        api_key = await asyncio.to_thread(secret_of, settings.api_key, settings.api_key_file)
        app_key = await asyncio.to_thread(secret_of, settings.app_key, settings.app_key_file)
        if not api_key or not app_key:
            raise Misconfigured("api_key and app_key must not be empty")
        credentials = Credentials(
            headers={"DD-API-KEY": api_key, "DD-APPLICATION-KEY": app_key}, secrets=(api_key, app_key)
        )
        credentials = await asyncio.to_thread(with_headers, credentials, settings)
        base_url = settings.base_url or f"https://api.{settings.site}"
        return self._transport.upstream(base_url, credentials=credentials, traffic=self.traffic)

    async def _read_list(self, upstream: Upstream, memory: Memory, sink: Sink, now_ms: int) -> Memory:
        first_ms = now_ms - self._backfill_ms
        if memory:
            first_ms = min(memory["cursor"], now_ms) - self._settings.overlap.ms
        is_relist = self._relisted_at is None or abs(now_ms - self._relisted_at) >= self._settings.relist.ms
        if is_relist:
            first_ms = min(first_ms, now_ms - VERDICTS_MS)
        pages = deployments_api.walk(upstream, query=self._settings.query, first_ms=first_ms, last_ms=now_ms)
        async for page in pages:
            await self._ingest(page, sink)
        if is_relist:
            self._relisted_at = now_ms
        return {"cursor": now_ms}

    async def _ingest(self, page: deployments_api.Page, sink: Sink) -> None:
        for id_ in page.unreadable:
            sink.quarantine(id_, "it is not a deployment as Datadog documents it")
        if page.has_overflowed:
            sink.overflow()
        deployments = []
        for row in page.rows:
            deployment = row.deployment(source=self._name, environment=self._environment)
            if self._settings.environments and deployment.environment not in self._settings.environments:
                sink.skip()
                continue
            finished_at = clamped_end(deployment.id, deployment.started_at, deployment.finished_at, sink)
            deployments.append(replace(deployment, finished_at=finished_at))
        if deployments:
            await sink.write(deployments)

    async def _read_traffic(self, upstream: Upstream, memory: Memory, sink: Sink, now_ms: int) -> Memory:
        async def ask(first_ms: int, end_ms: int) -> list[Seen]:
            answers = [
                await traffic.ask(
                    upstream,
                    first_ms=first_ms,
                    end_ms=end_ms,
                    environment=environment,
                    operation=self._settings.operation,
                )
                for environment in self._settings.environments or (None,)
            ]
            return [seen for answer in answers for seen in answer]

        return await self._versions.poll(ask, memory, sink, now_ms=now_ms)
