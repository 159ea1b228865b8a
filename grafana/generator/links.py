"""Links from numbers to the pages of dora-exporter and to the other dashboards."""

from typing import Any

from grafana.generator.panels import link

Json = dict[str, Any]

OF_THE_ROW = ("${__data.fields.service:percentencode}", "${__data.fields.environment:percentencode}")
CHOSEN = ("${service:percentencode}", "${environment:percentencode}")


def explain(metric: str, of: tuple[str, str], window: str = "${window}") -> Json:
    """Which events make up a number, and why."""
    service, environment = of
    return link("Explain this number", _page("explain", service, environment) + f"&metric={metric}&window={window}")


def series(of: tuple[str, str]) -> Json:
    """The events of a service."""
    return link("Its events", _page("series", *of))


def explain_rollup(kind: str, metric: str, name: str, environment: str) -> Json:
    """The same for a number of a team or a group, which is the kind."""
    page = f"${{exporter_url}}/explain?{kind}={name}&environment={environment}&metric={metric}"
    return link("Explain this number", f"{page}&window=${{window}}")


SERVICE_DASHBOARD = link(
    "This service",
    "/d/dora-service?var-datasource=${datasource}&var-exporter_url=${exporter_url:percentencode}"
    "&var-service=${__data.fields.service:percentencode}"
    "&var-environment=${__data.fields.environment:percentencode}&${tier:queryparam}&var-window=${window}",
)
TEAM_DASHBOARD = link(
    "This team",
    "/d/dora-team?var-datasource=${datasource}&var-exporter_url=${exporter_url:percentencode}"
    "&var-team=${__data.fields.team:percentencode}"
    "&var-environment=${__data.fields.environment:percentencode}&${tier:queryparam}&var-window=${window}",
)


GROUP_DASHBOARD = link(
    "This group",
    "/d/dora-group?var-datasource=${datasource}&var-exporter_url=${exporter_url:percentencode}"
    "&var-group=${__data.fields.group:percentencode}"
    "&var-environment=${__data.fields.environment:percentencode}&${tier:queryparam}&var-window=${window}",
)


def _page(path: str, service: str, environment: str) -> str:
    return f"${{exporter_url}}/{path}?service={service}&environment={environment}"
