"""The table of sources: each kind's settings and what makes a source of them."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from dora_exporter.sources.alertmanager import Alertmanager
from dora_exporter.sources.alertmanager_settings import AlertmanagerSettings
from dora_exporter.sources.datadog_apm import DatadogApm, DatadogApmSettings
from dora_exporter.sources.pagerduty import PagerDuty
from dora_exporter.sources.pagerduty_settings import PagerDutySettings
from dora_exporter.sources.prometheus import Prometheus, PrometheusSettings
from dora_exporter.sources.source import Build

KINDS: Mapping[str, Build] = {
    "alertmanager": Alertmanager,
    "datadog_apm": DatadogApm,
    "pagerduty": PagerDuty,
    "prometheus": Prometheus,
}

AnySettings = Annotated[
    AlertmanagerSettings | DatadogApmSettings | PagerDutySettings | PrometheusSettings, Field(discriminator="kind")
]
"""The settings of a source of any kind."""
