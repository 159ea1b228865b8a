"""The settings of a ``pagerduty`` source."""

from typing import ClassVar, Literal

from pydantic import Field

from dora_exporter.config.durations import Duration, parse
from dora_exporter.sources.http.pushed_settings import PUSHED_TUNING, BaseUrl, PushedSourceSettings, ServiceEntry
from dora_exporter.sources.label import Label, Name

TUNING = (*PUSHED_TUNING, "relist")
"""What may change without reading the past anew."""


class PagerDutySettings(PushedSourceSettings):
    """One PagerDuty account. Without a token it is never polled, and only its webhooks are taken."""

    OWN_HEADERS: ClassVar[frozenset[str]] = frozenset({"authorization", "accept"})

    kind: Literal["pagerduty"] = "pagerduty"
    base_url: BaseUrl = "https://api.pagerduty.com"
    interval: Duration = parse("60s")
    overlap: Duration = parse("1h")
    relist: Duration = parse("24h")
    service_ids: tuple[Name, ...] = ()
    team_ids: tuple[Name, ...] = ()
    urgencies: tuple[Literal["high", "low"], ...] = ()
    priorities: tuple[Name, ...] = ()
    environment: Label | None = None
    environment_field: Name | None = None
    services: dict[Name, ServiceEntry] = Field(default_factory=dict)

    @property
    def is_polled(self) -> bool:
        """Whether there is a token to ask with."""
        return self.has_token
