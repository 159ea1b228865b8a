"""The dashboard of all services: how they are together, what got worse, each of them, and their teams."""

from grafana.generator import links, looks, promql, together, variables, worse
from grafana.generator.dashboard import Dashboard, Row, link
from grafana.generator.panels import Column, Look, Panel, table


def dashboard() -> Dashboard:
    """The whole of it."""
    return Dashboard(
        "Overview",
        "All services at a glance: the four DORA metrics of production, what got worse, the services and the teams.",
        [
            Row("All chosen services together, over $window", together.numbers()),
            Row("Got worse: 7d against 90d", worse.panels()),
            Row("The four over time, all chosen services together, over $window", together.over_time()),
            Row("Services, over $window", [_services()]),
            Row("Teams, over $window: computed from events, so medians are medians", [_teams()]),
            Row("Performance levels, over $window", [_levels()]),
        ],
        [
            variables.DATASOURCE,
            variables.TIER,
            variables.ENVIRONMENTS,
            variables.TEAMS,
            variables.WINDOW,
            variables.SAMPLE,
            variables.EXPORTER_URL,
        ],
        links=[link("dora-exporter", "${exporter_url}/")],
    )


def _services() -> Panel:
    row = links.OF_THE_ROW

    def column(title: str, metric: str, look: Look, width: int, statistic: str = "") -> Column:
        asked = promql.each_chosen(metric, promql.WINDOW, statistic)
        return Column(title, asked, looks.linked(look, links.explain(metric, row)), width)

    last = f"{promql.each_chosen('dora_last_deployment_timestamp_seconds')} * 1000"
    columns = [
        column("failure rate", "dora_change_failure_rate", looks.FAILURE_RATE, 105),
        column("lead time", "dora_change_lead_time_seconds", looks.DURATION, 105, promql.MEDIAN),
        column("deployed", "dora_deployment_frequency_per_day", looks.FREQUENCY, 105),
        column("time to restore", "dora_time_to_restore_seconds", looks.DURATION, 125, promql.MEDIAN),
        Column("open incidents", promql.each_chosen("dora_open_incidents"), looks.OPEN, 120),
        Column("last deployment", last, looks.SINCE, 145),
        column("deployments", "dora_deployments", looks.COUNT, 110),
        column("failed", "dora_failed_deployments", looks.COUNT, 75),
        column("commits", "dora_lead_time_commits", looks.COUNT, 90),
        column("resolved", "dora_restored_incidents", looks.COUNT, 90),
    ]
    return table(
        "Services",
        "The four metrics of each service (of times the median), worst failure rate first, with the counts that they "
        "are made of. A dash is no data: no deployment, no commit, nothing resolved.",
        {"service": 165, "environment": 115},
        columns,
        by="failure rate",
        links={"service": [links.SERVICE_DASHBOARD, links.series(row)]},
    ).sized(24, 13)


def _teams() -> Panel:
    chosen = 'environment=~"$environment", team=~"$team"'

    def column(title: str, metric: str, look: Look, statistic: str = "") -> Column:
        asked = promql.gauge(metric, chosen, promql.WINDOW, statistic, by="team, environment")
        return Column(title, asked, look, 150)

    return table(
        "Teams",
        "The four metrics of each team (of times the median), with what they are made of. An incident of several "
        "services of a team counts once.",
        {"team": 190, "environment": 120},
        [
            column("failure rate", "dora_team_change_failure_rate", looks.FAILURE_RATE),
            column("lead time", "dora_team_change_lead_time_seconds", looks.DURATION, promql.MEDIAN),
            column("deployed", "dora_team_deployment_frequency_per_day", looks.FREQUENCY),
            column("time to restore", "dora_team_time_to_restore_seconds", looks.DURATION, promql.MEDIAN),
            column("deployments", "dora_team_deployments", looks.COUNT),
            column("failed", "dora_team_failed_deployments", looks.COUNT),
        ],
        by="failure rate",
        links={"team": [links.TEAM_DASHBOARD]},
    ).sized(24, 8)


def _levels() -> Panel:
    def column(title: str, metrics: str) -> Column:
        level = promql.each_chosen("dora_performance_level", promql.WINDOW, f'metric=~"{metrics}"')
        return Column(title, level, looks.LEVEL, 190)

    return table(
        "Performance levels",
        "Where each number stands in the report of DORA that the daemon is configured with. Of times the median is "
        "judged; recovery is of failed deployments since the report of 2023, of incidents before. A dash is no data, "
        "or a gap in the report; not every report has all four levels. The levels are groups that a survey found, not "
        "marks to reach.",
        {"service": 190, "environment": 120},
        [
            column("deployment frequency", "deployment_frequency"),
            column("change lead time", "change_lead_time"),
            column("change failure rate", "change_failure_rate"),
            column("recovery", "failed_deployment_recovery_time|time_to_restore"),
        ],
        by="service",
        descending=False,
        links={"service": [links.SERVICE_DASHBOARD]},
    ).sized(24, 12)
