"""The dashboard of one group in one environment, beside the others."""

from grafana.generator import annotations, links, looks, variables
from grafana.generator.dashboard import Dashboard, Row, link
from grafana.generator.panels import Column, Look, Panel, table
from grafana.generator.subject import Subject

_CHOSEN = ("${group:percentencode}", "${environment:percentencode}")
_OF_THE_ROW = ("${__data.fields.group:percentencode}", "${__data.fields.environment:percentencode}")
_SUBJECT = Subject(
    "dora_group_",
    'group="$group", environment="$environment"',
    lambda metric: links.explain_rollup("group", metric, *_CHOSEN),
)
_EXPLAIN = "${exporter_url}/api/v1/explain?group=${group:percentencode}&environment=${environment:percentencode}"


def dashboard() -> Dashboard:
    """The whole of it. Prometheus does not know which services a group has, so these are on the exporter's page."""
    return Dashboard(
        "Group",
        "One group of services and teams in one environment: the four DORA metrics, computed from their events, and "
        "all groups beside each other. It is empty where no groups are configured.",
        [
            Row("$group in $environment, over $window", _SUBJECT.numbers()),
            Row("The four over time", _SUBJECT.over_time()),
            Row("All groups, over $window", [_groups()]),
            Row("The counts behind the ratios, over $window", _SUBJECT.counts()),
            Row("What failed and why, over $window", _SUBJECT.failures()),
            Row("Performance levels, over $window", [_SUBJECT.levels()]),
        ],
        [
            variables.DATASOURCE,
            variables.TIER,
            variables.ENVIRONMENT,
            variables.GROUP,
            variables.WINDOW,
            variables.STATISTIC,
            variables.SAMPLE,
            variables.EXPORTER_URL,
            variables.JSON_SOURCE,
        ],
        annotations.from_json(f"{_EXPLAIN}&window=${{window}}"),
        [
            link("This group and its services", f"${{exporter_url}}/group?group={_CHOSEN[0]}&environment={_CHOSEN[1]}"),
            link("dora-exporter", "${exporter_url}/"),
        ],
    )


def _groups() -> Panel:
    statistic = 'statistic="$statistic"'

    def gauge(metric: str, more: str = "") -> str:
        matchers = ", ".join(filter(None, ('environment="$environment"', more)))
        return f"max by (group, environment) (dora_group_{metric}{{{matchers}}})"

    def column(title: str, metric: str, look: Look, more: str = "") -> Column:
        explained = links.explain_rollup("group", f"dora_group_{metric}", *_OF_THE_ROW)
        matchers = ", ".join(filter(None, ('window="$window"', more)))
        return Column(title, gauge(metric, matchers), looks.linked(look, explained), 140)

    return table(
        "Groups",
        "The four metrics of each group in the environment, worst failure rate first. A group has what the groups "
        "within it have, too.",
        {"group": 190, "environment": 120},
        [
            column("failure rate", "change_failure_rate", looks.FAILURE_RATE),
            column("lead time", "change_lead_time_seconds", looks.DURATION, statistic),
            column("deployed", "deployment_frequency_per_day", looks.FREQUENCY),
            column("time to restore", "time_to_restore_seconds", looks.DURATION, statistic),
            column("deployments", "deployments", looks.COUNT),
            column("failed", "failed_deployments", looks.COUNT),
            Column("open incidents", gauge("open_incidents"), looks.OPEN, 130),
        ],
        by="failure rate",
        links={"group": [links.GROUP_DASHBOARD]},
    ).sized(24, 7)
