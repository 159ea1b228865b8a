"""The dashboard of one team in one environment."""

from grafana.generator import annotations, links, looks, variables
from grafana.generator.dashboard import Dashboard, Row, link
from grafana.generator.panels import Column, Look, Panel, table
from grafana.generator.subject import Subject

_CHOSEN = ("${team:percentencode}", "${environment:percentencode}")
_SUBJECT = Subject(
    "dora_team_",
    'team="$team", environment="$environment"',
    lambda metric: links.explain_rollup("team", metric, *_CHOSEN),
)
_ITS_SERVICES = 'and on (service, environment) dora_service_info{team="$team"}'
_EXPLAIN = "${exporter_url}/api/v1/explain?team=${team:percentencode}&environment=${environment:percentencode}"


def dashboard() -> Dashboard:
    """The whole of it."""
    return Dashboard(
        "Team",
        "One team in one environment: the four DORA metrics, computed from the events of its services, and these.",
        [
            Row("$team in $environment, over $window", _SUBJECT.numbers()),
            Row("The four over time", _SUBJECT.over_time()),
            Row("Its services, over $window", [_services()]),
            Row("The counts behind the ratios, over $window", _SUBJECT.counts()),
            Row("What failed and why, over $window", _SUBJECT.failures()),
            Row("Performance levels, over $window", [_SUBJECT.levels()]),
        ],
        [
            variables.DATASOURCE,
            variables.TIER,
            variables.ENVIRONMENT,
            variables.TEAM,
            variables.WINDOW,
            variables.STATISTIC,
            variables.SAMPLE,
            variables.EXPORTER_URL,
            variables.DATABASE,
            variables.JSON_SOURCE,
        ],
        [
            *annotations.from_prometheus('environment="$environment"', f" {_ITS_SERVICES}"),
            *annotations.from_database("team = ${team:sqlstring} AND environment = ${environment:sqlstring}"),
            *annotations.from_json(f"{_EXPLAIN}&window=${{window}}"),
        ],
        [link("dora-exporter", "${exporter_url}/")],
    )


def _services() -> Panel:
    row = links.OF_THE_ROW

    def gauge(metric: str, more: str = "") -> str:
        matchers = ", ".join(filter(None, ('environment="$environment"', more)))
        return f"max by (service, environment) ({metric}{{{matchers}}}) {_ITS_SERVICES}"

    def column(title: str, metric: str, look: Look, statistic: str = "") -> Column:
        more = ", ".join(filter(None, ('window="$window"', statistic)))
        return Column(title, gauge(metric, more), looks.linked(look, links.explain(metric, row)), 140)

    statistic = 'statistic="$statistic"'
    return table(
        "Services",
        "The four metrics of each service of the team, worst failure rate first.",
        {"service": 190, "environment": 120},
        [
            column("failure rate", "dora_change_failure_rate", looks.FAILURE_RATE),
            column("lead time", "dora_change_lead_time_seconds", looks.DURATION, statistic),
            column("deployed", "dora_deployment_frequency_per_day", looks.FREQUENCY),
            column("time to restore", "dora_time_to_restore_seconds", looks.DURATION, statistic),
            column("deployments", "dora_deployments", looks.COUNT),
            column("failed", "dora_failed_deployments", looks.COUNT),
            Column("open incidents", gauge("dora_open_incidents"), looks.OPEN, 130),
        ],
        by="failure rate",
        links={"service": [links.SERVICE_DASHBOARD, links.series(row)]},
    ).sized(24, 7)
