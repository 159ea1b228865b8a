"""The table of sources: each kind's settings and what makes a source of them."""

from collections.abc import Mapping

from dora_exporter.sources import alertmanager, datadog_apm, pagerduty, prometheus
from dora_exporter.sources.source import Kind

KINDS: Mapping[str, Kind] = {
    "alertmanager": alertmanager.KIND,
    "datadog_apm": datadog_apm.KIND,
    "pagerduty": pagerduty.KIND,
    "prometheus": prometheus.KIND,
}
