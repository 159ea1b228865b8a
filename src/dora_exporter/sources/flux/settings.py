"""The settings of a ``flux`` source."""

from typing import Literal

from pydantic import Field

from dora_exporter.sources.http.pushed_settings import ServiceEntry, WebhookSecretSettings
from dora_exporter.sources.label import Label, Name


class FluxSettings(WebhookSecretSettings):
    """The Fluxes that share secrets. ``services`` are by ``namespace/name`` or name of an object."""

    kind: Literal["flux"] = "flux"
    environment: Label | None = None
    services: dict[Name, ServiceEntry] = Field(default_factory=dict)
