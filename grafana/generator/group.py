"""The dashboard of one group in one environment, beside the others."""

from grafana.generator import links, promql, variables
from grafana.generator.dashboard import Dashboard, Row, link
from grafana.generator.panels import Panel
from grafana.generator.rollup import Rollup, beside

_GROUP = Rollup("group")


def dashboard() -> Dashboard:
    """The whole of it. Prometheus does not know which services a group has, so these are on the exporter's page."""
    return Dashboard(
        "Group",
        "One group of services and teams in one environment: the four DORA metrics, computed from their events, and "
        "all groups beside each other. It is empty where no groups are configured.",
        _GROUP.rows(Row("All groups, over $window", [_groups()])),
        [*variables.of_one(variables.GROUP), variables.JSON_SOURCE],
        _GROUP.annotations(),
        [
            link("This group and its services", f"${{exporter_url}}/group?{_GROUP.chosen}"),
            link("dora-exporter", "${exporter_url}/"),
        ],
    )


def _groups() -> Panel:
    return beside(
        "Groups",
        "The four metrics of each group in the environment, worst failure rate first. A group has what the groups "
        "within it have, too.",
        "group",
        gauge=lambda metric, *more: promql.gauge(
            f"dora_group_{metric}", promql.ENVIRONMENT, *more, by="group, environment"
        ),
        explained=lambda metric: links.explain_rollup(
            "group",
            f"dora_group_{metric}",
            "${__data.fields.group:percentencode}",
            "${__data.fields.environment:percentencode}",
        ),
        leads_to=[links.GROUP_DASHBOARD],
    )
