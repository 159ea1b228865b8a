"""The dashboard of one team in one environment."""

from grafana.generator import annotations, links, promql, variables
from grafana.generator.dashboard import Dashboard, Row, link
from grafana.generator.panels import Panel
from grafana.generator.rollup import Rollup, beside

_TEAM = Rollup("team")
_ITS_SERVICES = f' and on ({promql.SERVICES}) dora_service_info{{team="$team"}}'


def dashboard() -> Dashboard:
    """The whole of it."""
    return Dashboard(
        "Team",
        "One team in one environment: the four DORA metrics, computed from the events of its services, and these.",
        _TEAM.rows(Row("Its services, over $window", [_services()])),
        [*variables.of_one(variables.TEAM), variables.DATABASE, variables.JSON_SOURCE],
        [
            *annotations.from_prometheus(promql.ENVIRONMENT, _ITS_SERVICES),
            *annotations.from_database("team = ${team:sqlstring} AND environment = ${environment:sqlstring}"),
            *_TEAM.annotations(),
        ],
        [link("dora-exporter", "${exporter_url}/")],
    )


def _services() -> Panel:
    return beside(
        "Services",
        "The four metrics of each service of the team, worst failure rate first.",
        "service",
        gauge=lambda metric, *more: (
            promql.gauge(f"dora_{metric}", promql.ENVIRONMENT, *more, by=promql.SERVICES) + _ITS_SERVICES
        ),
        explained=lambda metric: links.explain(f"dora_{metric}", links.OF_THE_ROW),
        leads_to=[links.SERVICE_DASHBOARD, links.series(links.OF_THE_ROW)],
    )
