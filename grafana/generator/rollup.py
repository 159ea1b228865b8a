"""What the dashboards of a team and of a group have in common."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from grafana.generator import annotations, links, looks, promql
from grafana.generator.dashboard import Row
from grafana.generator.panels import Column, Look, Panel, table
from grafana.generator.subject import Subject

Json = dict[str, Any]
_ENVIRONMENT = "${environment:percentencode}"


@dataclass(frozen=True)
class Rollup:
    """One team or group, which is the ``kind``, in one environment."""

    kind: str

    @property
    def chosen(self) -> str:
        """The parameters of a page about it."""
        return f"{self.kind}=${{{self.kind}:percentencode}}&environment={_ENVIRONMENT}"

    def rows(self, beside: Row) -> list[Row]:
        """Its numbers, with those that it is made of or stands beside."""
        name = f"${{{self.kind}:percentencode}}"
        subject = Subject(
            f"dora_{self.kind}_",
            f'{self.kind}="${self.kind}", {promql.ENVIRONMENT}',
            lambda metric: links.explain_rollup(self.kind, metric, name, _ENVIRONMENT),
        )
        return [
            Row(f"${self.kind} in $environment, over $window", subject.numbers()),
            Row("The four over time", subject.over_time()),
            beside,
            Row("The counts behind the ratios, over $window", subject.counts()),
            Row("What failed and why, over $window", subject.failures()),
            Row("Performance levels, over $window", [subject.levels()]),
        ]

    def annotations(self) -> list[Json]:
        """Its events as marks, from the exporter's JSON."""
        return annotations.from_json(f"${{exporter_url}}/api/v1/explain?{self.chosen}&window=${{window}}")


def beside(
    title: str,
    description: str,
    label: str,
    *,
    gauge: Callable[..., str],
    explained: Callable[[str], Json],
    leads_to: Sequence[Json],
) -> Panel:
    """The four metrics of each ``label``; ``gauge`` asks for one by the end of its name."""

    def column(title: str, metric: str, look: Look, statistic: str = "") -> Column:
        look = looks.linked(look, explained(metric))
        return Column(title, gauge(metric, promql.WINDOW, statistic), look, 140)

    return table(
        title,
        description,
        {label: 190, "environment": 120},
        [
            column("failure rate", "change_failure_rate", looks.FAILURE_RATE),
            column("lead time", "change_lead_time_seconds", looks.DURATION, promql.STATISTIC),
            column("deployed", "deployment_frequency_per_day", looks.FREQUENCY),
            column("time to restore", "time_to_restore_seconds", looks.DURATION, promql.STATISTIC),
            column("deployments", "deployments", looks.COUNT),
            column("failed", "failed_deployments", looks.COUNT),
            Column("open incidents", gauge("open_incidents"), looks.OPEN, 130),
        ],
        by="failure rate",
        links={label: leads_to},
    ).sized(24, 7)
