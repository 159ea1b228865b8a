"""The dashboard of one service in one environment."""

from grafana.generator import annotations, links, variables
from grafana.generator.dashboard import Dashboard, Row, link
from grafana.generator.panels import Look, Panel, Query, note, stat
from grafana.generator.subject import Subject, limits

_SELECTOR = 'service="$service", environment="$environment"'
_SUBJECT = Subject("dora_", _SELECTOR, lambda metric: links.explain(metric, links.CHOSEN))
_EXPLAIN = "${exporter_url}/api/v1/explain?service=${service:percentencode}&environment=${environment:percentencode}"


def dashboard() -> Dashboard:
    """The whole of it."""
    return Dashboard(
        "Service",
        "One service in one environment: the four DORA metrics, what they are made of, what failed and why.",
        [
            Row("$service in $environment, over $window", _SUBJECT.numbers()),
            Row("The four over time", _SUBJECT.over_time()),
            Row("The counts behind the ratios, over $window", _SUBJECT.counts()),
            Row(
                "What failed and why, over $window", [*_SUBJECT.failures(), _team().sized(12, 6), _more().sized(12, 6)]
            ),
            Row("Performance levels, over $window", [_SUBJECT.levels(), limits()]),
        ],
        [*variables.of_one(variables.SERVICE), variables.DATABASE, variables.JSON_SOURCE],
        [
            *annotations.from_prometheus(_SELECTOR),
            *annotations.from_database(
                "service = ${service:sqlstring} AND environment = ${environment:sqlstring}",
            ),
            *annotations.from_json(f"{_EXPLAIN}&window=${{window}}"),
        ],
        [
            link(
                "Events",
                "${exporter_url}/series?service=${service:percentencode}&environment=${environment:percentencode}",
            )
        ],
    )


def _team() -> Panel:
    return stat(
        "Team and repository",
        "From the latest deployment; empty when it named none.",
        Query(f"max by (team, repository) (dora_service_info{{{_SELECTOR}}})", "{{team}} {{repository}}"),
        look=Look(),
        graph=False,
        shows="name",
        nothing="no deployment",
    )


def _more() -> Panel:
    page = "${exporter_url}/explain?service=${service:percentencode}&environment=${environment:percentencode}"
    return note(
        "Which deployments, and why",
        "How to find out more.",
        "Prometheus has counts only. The daemon names each deployment and incident behind a number, what was decided "
        "about it, and by which rule:\n\n"
        f"* [the failed deployments]({page}&metric=dora_failed_deployments&window=${{window}})\n"
        f"* [the lead times]({page}&metric=dora_change_lead_time_seconds&window=${{window}})\n"
        f"* [the incidents]({page}&metric=dora_incidents&window=${{window}})\n",
    )
