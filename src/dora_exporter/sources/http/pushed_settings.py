"""The settings shared by sources that receive webhooks and, with a token, are polled as well."""

import asyncio
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

from dora_exporter.config.durations import Duration, Span
from dora_exporter.config.validators import HTTP_URL, NamedFile, Secret, matching
from dora_exporter.sources.contract import Check, Delivery
from dora_exporter.sources.http.settings import HEADER_SETTINGS, HttpSourceSettings
from dora_exporter.sources.label import Label
from dora_exporter.sources.settings import SourceSettings, secrets_of
from dora_exporter.sources.webhook_signatures import api_key, hmac_sha256, presented_hmacs

BaseUrl = Annotated[
    str,
    matching(
        r"https?://[^/?#@]+(/[^?#]*)?",
        "must begin with http:// or https://, and hold no user, password, query or fragment",
    ),
    HTTP_URL,
]
PUSHED_TUNING = (
    *HEADER_SETTINGS,
    "base_url",
    "interval",
    "overlap",
    "token",
    "token_file",
    "webhook_secrets",
    "webhook_secrets_file",
)
"""What may change without reading the past anew."""


class MappedService(BaseModel):
    """What something upstream is called here; what is not given follows the usual order."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    service: Label
    environment: Label | None = None
    team: Label | None = None


def _as_entry(value: object) -> object:
    return {"service": value} if isinstance(value, str) else value


ServiceEntry = Annotated[MappedService, BeforeValidator(_as_entry)]
"""A mapped service, or only its name."""


class WebhookSecretSettings(SourceSettings):
    """What webhooks may be proved with: several secrets while one is rotated."""

    webhook_secrets: tuple[Secret, ...] = ()
    webhook_secrets_file: NamedFile | None = None

    @model_validator(mode="after")
    def _one_place_of_secrets(self) -> Self:
        if self.webhook_secrets and self.webhook_secrets_file is not None:
            raise ValueError("give webhook_secrets or webhook_secrets_file, not both")
        return self

    @property
    def has_webhook_secrets(self) -> bool:
        """Whether there is a secret to check with."""
        return bool(self.webhook_secrets) or self.webhook_secrets_file is not None


class PushedSourceSettings(WebhookSecretSettings, HttpSourceSettings):
    """Without a token only webhooks are taken. ``backfill`` is how far back the first pass reads."""

    token: Secret | None = None
    token_file: NamedFile | None = None
    backfill: Duration | None = None

    @model_validator(mode="after")
    def _one_token(self) -> Self:
        if self.token is not None and self.token_file is not None:
            raise ValueError("give token or token_file, not both")
        return self

    @property
    def has_token(self) -> bool:
        """Whether there is a token to ask with."""
        return self.token is not None or self.token_file is not None

    def backfill_ms(self, longest_window_ms: int) -> int:
        """How far back the first pass reads."""
        span: Span | None = self.backfill
        return longest_window_ms if span is None else span.ms


async def hmac_or_key(delivery: Delivery, settings: WebhookSecretSettings, *, header: str, prefix: str) -> Check | None:
    """A signature with one of the secrets; where there are none, one of the daemon's keys."""
    if not delivery.has_key and not presented_hmacs(delivery, header=header, prefix=prefix):
        return None
    secrets = await webhook_secrets_of(settings)
    return hmac_sha256(delivery, secrets, header=header, prefix=prefix) if secrets else api_key(delivery)


async def webhook_secrets_of(settings: WebhookSecretSettings) -> tuple[str, ...]:
    """What webhooks may be proved with, one on each line of a file; raises ``Misconfigured``."""
    if settings.webhook_secrets_file is None:
        return tuple(each.get_secret_value() for each in settings.webhook_secrets)
    return await asyncio.to_thread(secrets_of, settings.webhook_secrets_file)
