"""The dashboard of all services: how they are together, what got worse, each of them, and their teams."""

from collections.abc import Sequence

from grafana.generator import links, looks, units, variables
from grafana.generator.dashboard import Dashboard, Row, link
from grafana.generator.panels import Column, Look, Panel, Query, lines, stat, table

_WHOSE = 'environment=~"$environment"'
_TEAM = 'and on (service, environment) dora_service_info{team=~"$team"}'
_WINDOW = 'window="$window"'
_NAMES = {"service": 190, "environment": 120}


def dashboard() -> Dashboard:
    """The whole of it."""
    return Dashboard(
        "Overview",
        "All services at a glance: the four DORA metrics of production, what got worse, the services and the teams.",
        [
            Row("All chosen services together, over $window", _together()),
            Row("Got worse: 7d against 90d", _worse()),
            Row("The four over time, all chosen services together, over $window", _over_time()),
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


def _each(metric: str, more: str = "", *, windowed: bool = True) -> str:
    """A gauge of each chosen service."""
    matchers = ", ".join(filter(None, (_WHOSE, _WINDOW if windowed else "", more)))
    return f"(max by (service, environment) ({metric}{{{matchers}}}) {_TEAM})"


def _sum(metric: str, *, windowed: bool = True) -> str:
    return f"sum({_each(metric, windowed=windowed)})"


def _mean(metric: str, samples: str, more: str = "") -> str:
    """A mean over all samples of all chosen services, where these are enough."""
    total = f"sum({_each(metric, more)} * {_each(samples)})"
    return f"{total} / ({_sum(samples)} >= $sample)"


_FREQUENCY = _sum("dora_deployment_frequency_per_day")
_LEAD_TIME = _mean("dora_change_lead_time_seconds", "dora_lead_time_commits", 'statistic="mean"')
_FAILURE_RATE = f"{_sum('dora_failed_deployments')} / ({_sum('dora_deployments')} >= $sample)"
_RESTORE = _mean("dora_time_to_restore_seconds", "dora_restored_incidents", 'statistic="mean"')


def _together() -> list[Panel]:
    few = "fewer than the sample"
    return [
        stat(
            "Deployment frequency",
            "Deployments that finished in the window, per day, of all chosen services. Rollbacks and redeployments are "
            "deployments.",
            Query(_FREQUENCY),
            look=looks.FREQUENCY,
            nothing="no services",
        ),
        stat(
            "Change lead time, mean",
            "From the time a commit was written to the end of the deployment that shipped it first: the mean over all "
            "commits that deployments in the window shipped first. Hidden while there are fewer commits than the "
            "smallest sample.",
            Query(_LEAD_TIME),
            look=looks.DURATION,
            nothing=few,
        ),
        stat(
            "Change failure rate",
            "Failed deployments divided by all deployments that finished in the window. A deployment failed when "
            "a person said so, when a later one took it back or fixed it, or when an incident is attributed to it. "
            "Hidden while there are fewer deployments than the smallest sample.",
            Query(_FAILURE_RATE),
            look=looks.FAILURE_RATE,
            nothing=few,
        ),
        stat(
            "Time to restore, mean",
            "From begin to end of the incidents that were resolved in the window: the sum of their lengths divided by "
            "their number. An incident of two services counts in both. Hidden while fewer were resolved than the "
            "smallest sample.",
            Query(_RESTORE),
            look=looks.DURATION,
            nothing=few,
        ),
        *(panel.sized(4, 4) for panel in _counts()),
    ]


def _counts() -> list[Panel]:
    rework = _mean("dora_deployment_rework_rate", "dora_deployments")
    return [
        _count(
            "Deployments", "Deployments that finished in the window: what the failure rate is of.", "dora_deployments"
        ),
        _count("Failed deployments", "Those of them that failed.", "dora_failed_deployments"),
        _count(
            "Commits",
            "Commits first shipped by deployments that finished in the window: what the lead time is over.",
            "dora_lead_time_commits",
        ),
        _count(
            "Resolved incidents",
            "Incidents that were resolved in the window, counted in each service that they name: what the time to "
            "restore is over.",
            "dora_restored_incidents",
        ),
        stat(
            "Rework rate",
            "Deployments that were made because of a failure, divided by all that finished in the window. Hidden while "
            "there are fewer deployments than the smallest sample.",
            Query(rework),
            look=looks.RATIO,
            nothing="fewer than the sample",
        ),
        stat(
            "Open incidents",
            "Incidents that have begun and not ended, counted in each service that they name.",
            Query(_sum("dora_open_incidents", windowed=False)),
            look=looks.OPEN,
            nothing="no services",
        ),
    ]


def _count(title: str, description: str, metric: str) -> Panel:
    return stat(title, description, Query(_sum(metric)), look=looks.COUNT, nothing="no services")


def _worse() -> list[Panel]:
    """What the rules recorded, as the alerts use it: only what has enough samples on both sides."""
    median = 'statistic="median"'
    return [
        _got_worse(
            "Failing more often",
            "The services whose rate of the last 7 days is furthest above that of the 83 days before.",
            "dora_change_failure_rate",
            "> 0",
            now=_of_7d("dora_change_failure_rate"),
            before="max by (service, environment) (service_environment:dora_change_failure_rate:before_7d)",
            look=looks.FAILURE_RATE,
            change=("more", Look(units.RATIO, 1)),
        ),
        _got_worse(
            "Longer lead time, median",
            "The services whose lead time of the last 7 days is most times that of the last 90.",
            "dora_change_lead_time_seconds",
            "> 1",
            now=_of_7d("dora_change_lead_time_seconds", median),
            before=_of_90d("dora_change_lead_time_seconds", median),
            look=looks.DURATION,
            change=("times", _TIMES),
        ),
        _got_worse(
            "Longer time to restore, median",
            "The services whose time to restore of the last 7 days is most times that of the last 90.",
            "dora_time_to_restore_seconds",
            "> 1",
            now=_of_7d("dora_time_to_restore_seconds", median),
            before=_of_90d("dora_time_to_restore_seconds", median),
            look=looks.DURATION,
            change=("times", _TIMES),
        ),
        _got_worse(
            "Deployed less often",
            "The services that were deployed least often in the last 7 days, compared with the 83 days before.",
            "dora_deployment_frequency_per_day",
            "< 1",
            now=_of_7d("dora_deployment_frequency_per_day"),
            before="max by (service, environment) (service_environment:dora_deployments:before_7d) / 83",
            look=looks.FREQUENCY,
            change=("times", _TIMES),
        ),
    ]


_TIMES = Look("suffix:x", 2)


def _of_7d(metric: str, more: str = "") -> str:
    matchers = ", ".join(filter(None, ('window="7d"', more)))
    return f"max by (service, environment) ({metric}{{{matchers}}})"


def _of_90d(metric: str, more: str) -> str:
    return _of_7d(metric, more).replace('"7d"', '"90d"')


def _got_worse(
    title: str,
    description: str,
    metric: str,
    than: str,
    *,
    now: str,
    before: str,
    look: Look,
    change: tuple[str, Look],
) -> Panel:
    worst = "bottomk" if than.startswith("<") else "topk"
    growth = f"max by (service, environment) (service_environment:{metric}:growth7d{{{_WHOSE}}})"
    shown = f"({worst}(5, ({growth} {_TEAM}) {than}))"
    name, change_look = change
    explained = links.explain(metric, links.OF_THE_ROW, "7d")
    columns = [
        Column("last 7d", f"({now}) and on (service, environment) {shown}", looks.linked(look, explained), 110),
        Column("before", f"({before}) and on (service, environment) {shown}", look, 110),
        Column(name, shown, change_look, 90),
    ]
    return table(
        title,
        f"{description} Recorded by dora.rules.yaml; services with few deployments, commits or incidents are left out.",
        _NAMES,
        columns,
        by=name,
        descending=worst == "topk",
        links={"service": [links.SERVICE_DASHBOARD, links.series(links.OF_THE_ROW)]},
        nothing="nothing got worse",
    ).sized(12, 7)


def _over_time() -> list[Panel]:
    hours = f" / {units.HOUR_SECONDS}"
    axis = looks.ON_AN_AXIS
    return [
        lines(
            "Deployment frequency",
            "Deployments per day, over the window that ends at each point.",
            Query(_FREQUENCY, "deployments per day"),
            look=axis["frequency"],
        ),
        lines(
            "Change lead time, mean, in hours",
            "Mean over all commits of the window that ends at each point.",
            Query(f"({_LEAD_TIME}){hours}", "lead time"),
            look=axis["hours"],
        ),
        lines(
            "Change failure rate",
            "Failed deployments divided by all of the window that ends at each point.",
            Query(_FAILURE_RATE, "failure rate"),
            look=axis["ratio"],
            at_least=0.2,
        ),
        lines(
            "Time to restore, mean, in hours",
            "Mean over all incidents that were resolved in the window that ends at each point.",
            Query(f"({_RESTORE}){hours}", "time to restore"),
            look=axis["hours"],
        ),
    ]


def _services() -> Panel:
    row = links.OF_THE_ROW
    median = 'statistic="median"'

    def column(title: str, metric: str, look: Look, width: int, more: str = "") -> Column:
        return Column(title, _each(metric, more), looks.linked(look, links.explain(metric, row)), width)

    last = f"{_each('dora_last_deployment_timestamp_seconds', windowed=False)} * 1000"
    columns: Sequence[Column] = [
        column("failure rate", "dora_change_failure_rate", looks.FAILURE_RATE, 105),
        column("lead time", "dora_change_lead_time_seconds", looks.DURATION, 105, median),
        column("deployed", "dora_deployment_frequency_per_day", looks.FREQUENCY, 105),
        column("time to restore", "dora_time_to_restore_seconds", looks.DURATION, 125, median),
        Column("open incidents", _each("dora_open_incidents", windowed=False), looks.OPEN, 120),
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
    def column(title: str, metric: str, look: Look, more: str = "") -> Column:
        matchers = ", ".join(filter(None, (_WHOSE, 'team=~"$team"', _WINDOW, more)))
        return Column(title, f"max by (team, environment) ({metric}{{{matchers}}})", look, 150)

    median = 'statistic="median"'
    return table(
        "Teams",
        "The four metrics of each team (of times the median), with what they are made of. An incident of several "
        "services of a team counts once.",
        {"team": 190, "environment": 120},
        [
            column("failure rate", "dora_team_change_failure_rate", looks.FAILURE_RATE),
            column("lead time", "dora_team_change_lead_time_seconds", looks.DURATION, median),
            column("deployed", "dora_team_deployment_frequency_per_day", looks.FREQUENCY),
            column("time to restore", "dora_team_time_to_restore_seconds", looks.DURATION, median),
            column("deployments", "dora_team_deployments", looks.COUNT),
            column("failed", "dora_team_failed_deployments", looks.COUNT),
        ],
        by="failure rate",
        links={"team": [links.TEAM_DASHBOARD]},
    ).sized(24, 8)


def _levels() -> Panel:
    def column(title: str, metrics: str) -> Column:
        return Column(title, _each("dora_performance_level", f'metric=~"{metrics}"'), looks.LEVEL, 190)

    return table(
        "Performance levels",
        "Where each number stands in the report of DORA that the daemon is configured with. Of times the median is "
        "judged; recovery is of failed deployments since the report of 2023, of incidents before. A dash is no data, "
        "or a gap in the report; not every report has all four levels. The levels are groups that a survey found, not "
        "marks to reach.",
        _NAMES,
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
