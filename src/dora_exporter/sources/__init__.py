"""The table of sources: each kind's settings and what makes a source of them."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from dora_exporter.sources import alertmanager, datadog_apm, pagerduty, prometheus
from dora_exporter.sources.alertmanager_settings import AlertmanagerSettings
from dora_exporter.sources.datadog_apm import DatadogApmSettings
from dora_exporter.sources.pagerduty_settings import PagerDutySettings
from dora_exporter.sources.prometheus import PrometheusSettings
from dora_exporter.sources.source import Kind

KINDS: Mapping[str, Kind] = {
    "alertmanager": alertmanager.KIND,
    "datadog_apm": datadog_apm.KIND,
    "pagerduty": pagerduty.KIND,
    "prometheus": prometheus.KIND,
}

AnySettings = Annotated[
    AlertmanagerSettings | DatadogApmSettings | PagerDutySettings | PrometheusSettings, Field(discriminator="kind")
]
"""The settings of a source of any kind."""
