"""The table of sources: each kind's settings and what makes a source of them."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from dora_exporter.sources.alertmanager.settings import AlertmanagerSettings
from dora_exporter.sources.alertmanager.source import Alertmanager
from dora_exporter.sources.argocd.settings import ArgoCdSettings
from dora_exporter.sources.argocd.source import ArgoCd
from dora_exporter.sources.contract import Build
from dora_exporter.sources.datadog.source import DatadogApm, DatadogApmSettings
from dora_exporter.sources.flux.settings import FluxSettings
from dora_exporter.sources.flux.source import Flux
from dora_exporter.sources.github.settings import GitHubSettings
from dora_exporter.sources.github.source import GitHub
from dora_exporter.sources.gitlab.settings import GitLabSettings
from dora_exporter.sources.gitlab.source import GitLab
from dora_exporter.sources.pagerduty.settings import PagerDutySettings
from dora_exporter.sources.pagerduty.source import PagerDuty
from dora_exporter.sources.prometheus.source import Prometheus, PrometheusSettings
from dora_exporter.sources.webhook.settings import WebhookSettings
from dora_exporter.sources.webhook.source import JsonWebhook

KINDS: Mapping[str, Build] = {
    "alertmanager": Alertmanager,
    "argocd": ArgoCd,
    "datadog_apm": DatadogApm,
    "flux": Flux,
    "github": GitHub,
    "gitlab": GitLab,
    "pagerduty": PagerDuty,
    "prometheus": Prometheus,
    "webhook": JsonWebhook,
}

AnySettings = Annotated[
    AlertmanagerSettings
    | ArgoCdSettings
    | DatadogApmSettings
    | FluxSettings
    | GitHubSettings
    | GitLabSettings
    | PagerDutySettings
    | PrometheusSettings
    | WebhookSettings,
    Field(discriminator="kind"),
]
"""The settings of a source of any kind."""
