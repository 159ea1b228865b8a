"""The settings of a ``pagerduty`` source."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from dora_exporter.config.durations import Duration, Span, parse
from dora_exporter.config.validators import HTTP_URL, NamedFile, Secret, matching
from dora_exporter.sources.http.settings import HEADER_SETTINGS, HttpSourceSettings

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
TUNING = (
    *HEADER_SETTINGS,
    "base_url",
    "interval",
    "overlap",
    "relist",
    "token",
    "token_file",
    "webhook_secrets",
    "webhook_secrets_file",
)
"""What may change without reading the past anew."""


class MappedService(BaseModel):
    """What a PagerDuty service is called here; what is not given follows the usual order."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    service: Name
    environment: Name | None = None
    team: Name | None = None


def _as_entry(value: object) -> object:
    return {"service": value} if isinstance(value, str) else value


class PagerDutySettings(HttpSourceSettings):
    """One PagerDuty account. Without a token it is never polled, and only its webhooks are taken."""

    OWN_HEADERS: ClassVar[frozenset[str]] = frozenset({"authorization", "accept"})

    kind: Literal["pagerduty"] = "pagerduty"
    base_url: Annotated[
        str,
        matching(
            r"https?://[^/?#@]+(/[^?#]*)?",
            "must begin with http:// or https://, and hold no user, password, query or fragment",
        ),
        HTTP_URL,
    ] = "https://api.pagerduty.com"
    token: Secret | None = None
    token_file: NamedFile | None = None
    interval: Duration = parse("60s")
    overlap: Duration = parse("1h")
    relist: Duration = parse("24h")
    backfill: Duration | None = None
    service_ids: tuple[Name, ...] = ()
    team_ids: tuple[Name, ...] = ()
    urgencies: tuple[Literal["high", "low"], ...] = ()
    priorities: tuple[Name, ...] = ()
    environment: Name | None = None
    environment_field: Name | None = None
    services: dict[Name, Annotated[MappedService, BeforeValidator(_as_entry)]] = Field(default_factory=dict)
    webhook_secrets: tuple[Secret, ...] = ()
    webhook_secrets_file: NamedFile | None = None

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if self.token is not None and self.token_file is not None:
            raise ValueError("give token or token_file, not both")
        if self.webhook_secrets and self.webhook_secrets_file is not None:
            raise ValueError("give webhook_secrets or webhook_secrets_file, not both")
        return self

    @property
    def is_polled(self) -> bool:
        """Whether there is a token to ask with."""
        return self.token is not None or self.token_file is not None

    def backfill_ms(self, longest_window_ms: int) -> int:
        """How far back the first pass reads."""
        span: Span | None = self.backfill
        return longest_window_ms if span is None else span.ms
