"""Prometheus: deployments, by the versions that its series say were running."""

import asyncio
import ssl
from base64 import b64encode
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from dora_exporter.config.client_tls import TlsConfig, client_context
from dora_exporter.config.durations import Duration, parse
from dora_exporter.config.validators import HTTP_URL, NamedFile, Secret
from dora_exporter.sources.contract import Memory, Misconfigured, Sink, SourceContext
from dora_exporter.sources.http.client import Credentials, Traffic
from dora_exporter.sources.http.settings import HEADER_SETTINGS, HttpSourceSettings, with_headers
from dora_exporter.sources.label import Label
from dora_exporter.sources.prometheus import range_query
from dora_exporter.sources.settings import SourceSettings, fingerprint_of, secret_of
from dora_exporter.sources.version_detection.segments import Rules
from dora_exporter.sources.version_detection.tracker import Scope, Seen, VersionWatch

_ACCESS = ("bearer_token", "bearer_token_file", "basic_auth")
_TUNING = (*_ACCESS, *HEADER_SETTINGS, "tls_config", "interval", "overlap", "settle")

LabelNames = Annotated[tuple[str, ...], BeforeValidator(lambda names: (names,) if isinstance(names, str) else names)]
"""One label, or several: the first that is not empty counts."""


class Labels(BaseModel):
    """Where a series says what it is about: by default as OpenTelemetry's ``target_info`` does."""

    model_config = SourceSettings.model_config

    service: LabelNames = ("service_name", "job")
    environment: LabelNames = ("deployment_environment_name", "deployment_environment")
    version: LabelNames = ("service_version", "version")
    commit: LabelNames = ("vcs_ref_head_revision",)
    repository: LabelNames = ("vcs_repository_url_full",)
    team: LabelNames = ()


class BasicAuth(BaseModel):
    """A user and the password."""

    model_config = SourceSettings.model_config

    username: str
    password: Secret | None = None
    password_file: NamedFile | None = None


class PrometheusSettings(HttpSourceSettings):
    """``query`` is PromQL; each of its series says by its labels which version of which service is running."""

    kind: Literal["prometheus"]
    url: Annotated[str, HTTP_URL]
    query: str = Field("target_info", min_length=1)
    labels: Labels = Labels()
    environment: Label | None = None
    interval: Duration = parse("1m")
    step: Duration = parse("60s")
    overlap: Duration = parse("10m")
    settle: Duration = parse("2m")
    gap: Duration = parse("30m")
    backfill: Duration | None = None
    bearer_token: Secret | None = None
    bearer_token_file: NamedFile | None = None
    basic_auth: BasicAuth | None = None
    tls_config: TlsConfig | None = None

    def own_headers(self) -> frozenset[str]:
        """``Authorization`` where there is another way to say who asks."""
        return frozenset({"authorization"} if any(getattr(self, way) is not None for way in _ACCESS) else ())

    @model_validator(mode="after")
    def _has_one_way_in(self) -> Self:
        if sum(way is not None for way in (self.bearer_token, self.bearer_token_file, self.basic_auth)) > 1:
            raise ValueError("takes one of bearer_token, bearer_token_file and basic_auth")
        if self.gap.ms < self.step.ms:
            raise ValueError("gap must not be shorter than step")
        return self


class Prometheus:
    """One Prometheus, or what answers range queries as it does."""

    def __init__(self, name: str, settings: PrometheusSettings, context: SourceContext) -> None:
        """Asks nothing yet."""
        environment = settings.environment or context.default_environment
        self._settings = settings
        self._transport = context.transport
        self._labels = {each: getattr(settings.labels, each) for each in range_query.NAMES}
        self._versions = VersionWatch(
            Scope(
                source=name,
                environment=environment,
                environments=frozenset(),
                rules=Rules(gap_ms=settings.gap.ms),
                step_ms=settings.step.ms,
                settle_ms=settings.settle.ms,
                overlap_ms=settings.overlap.ms,
                backfill_ms=settings.backfill.ms if settings.backfill else context.longest_window_ms,
            )
        )
        self.interval_ms: int | None = settings.interval.ms
        self.fingerprint = fingerprint_of(settings, environment, *settings.header_texts(), tuning=_TUNING)
        self.traffic = Traffic()
        self.unmapped_services: int | None = None

    async def poll(self, memory: Memory, sink: Sink, *, now_ms: int) -> Memory:
        """Reads which versions were running since the last pass."""
        credentials = await asyncio.to_thread(_credentials, self._settings)
        upstream = self._transport.upstream(self._settings.url, credentials=credentials, traffic=self.traffic)

        async def ask(first_ms: int, end_ms: int) -> list[Seen]:
            return await range_query.ask(
                upstream,
                query=self._settings.query,
                labels=self._labels,
                first_ms=first_ms,
                end_ms=end_ms,
                step_ms=self._settings.step.ms,
            )

        return await self._versions.poll(ask, memory, sink, now_ms=now_ms)


def _credentials(settings: PrometheusSettings) -> Credentials:
    """The credentials of every request, with files read now."""
    return with_headers(_access(settings), settings)


def _access(settings: PrometheusSettings) -> Credentials:
    tls = _tls(settings.tls_config) if settings.tls_config else None
    token = secret_of(settings.bearer_token, settings.bearer_token_file)
    if token:
        return Credentials(headers={"Authorization": f"Bearer {token}"}, secrets=(token,), tls=tls)
    if settings.basic_auth:
        password = secret_of(settings.basic_auth.password, settings.basic_auth.password_file) or ""
        encoded = b64encode(f"{settings.basic_auth.username}:{password}".encode()).decode()
        return Credentials(headers={"Authorization": f"Basic {encoded}"}, secrets=(encoded, password), tls=tls)
    return Credentials(tls=tls)


def _tls(settings: TlsConfig) -> ssl.SSLContext:
    try:
        return client_context(settings)
    except OSError as reason:
        raise Misconfigured(
            f"tls_config: a certificate cannot be loaded: {reason.strerror or type(reason).__name__}"
        ) from None
