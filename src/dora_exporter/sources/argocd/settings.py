"""The settings of an ``argocd`` source."""

from typing import Literal

from pydantic import Field

from dora_exporter.config.durations import Duration, parse
from dora_exporter.sources.http.pushed_settings import ServiceEntry
from dora_exporter.sources.label import Label, Name
from dora_exporter.sources.settings import SourceSettings


class ArgoCdSettings(SourceSettings):
    """The Argo CDs that notify with one of the daemon's keys. What an application's annotations say comes first."""

    kind: Literal["argocd"] = "argocd"
    environment: Label | None = None
    services: dict[Name, ServiceEntry] = Field(default_factory=dict)
    count_unchanged_images: bool = False
    degraded_within: Duration = parse("30m")
