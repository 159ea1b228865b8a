"""The services of which one of the four metrics got worse, as the rules recorded it for the alerts."""

from grafana.generator import links, looks, promql, units
from grafana.generator.panels import Column, Look, Panel, table

_BEFORE = f"max by ({promql.SERVICES}) (service_environment:dora_{{}}:before_7d)"
_TIMES = "times", Look("suffix:x", 2)


def panels() -> list[Panel]:
    """One for each metric, with only those services that have enough samples on both sides."""
    return [
        _got_worse(
            "Failing more often",
            "The services whose rate of the last 7 days is furthest above that of the 83 days before.",
            "dora_change_failure_rate",
            "> 0",
            before=_BEFORE.format("change_failure_rate"),
            look=looks.FAILURE_RATE,
            change=("more", Look(units.RATIO, 1)),
        ),
        _got_longer("lead time", "dora_change_lead_time_seconds"),
        _got_longer("time to restore", "dora_time_to_restore_seconds"),
        _got_worse(
            "Deployed less often",
            "The services that were deployed least often in the last 7 days, compared with the 83 days before.",
            "dora_deployment_frequency_per_day",
            "< 1",
            before=f"{_BEFORE.format('deployments')} / 83",
            look=looks.FREQUENCY,
            change=_TIMES,
        ),
    ]


def _got_longer(time: str, metric: str) -> Panel:
    return _got_worse(
        f"Longer {time}, median",
        f"The services whose {time} of the last 7 days is most times that of the last 90.",
        metric,
        "> 1",
        promql.MEDIAN,
        before=promql.gauge(metric, 'window="90d"', promql.MEDIAN, by=promql.SERVICES),
        look=looks.DURATION,
        change=_TIMES,
    )


def _got_worse(
    title: str,
    description: str,
    metric: str,
    than: str,
    statistic: str = "",
    *,
    before: str,
    look: Look,
    change: tuple[str, Look],
) -> Panel:
    worst = "bottomk" if than.startswith("<") else "topk"
    growth = promql.each_chosen(f"service_environment:{metric}:growth7d")
    shown = f"({worst}(5, {growth} {than}))"
    now = promql.gauge(metric, 'window="7d"', statistic, by=promql.SERVICES)
    name, change_look = change
    explained = links.explain(metric, links.OF_THE_ROW, "7d")
    columns = [
        Column("last 7d", f"({now}) and on ({promql.SERVICES}) {shown}", looks.linked(look, explained), 110),
        Column("before", f"({before}) and on ({promql.SERVICES}) {shown}", look, 110),
        Column(name, shown, change_look, 90),
    ]
    return table(
        title,
        f"{description} Recorded by dora.rules.yaml; services with few deployments, commits or incidents are left out.",
        {"service": 190, "environment": 120},
        columns,
        by=name,
        descending=worst == "topk",
        links={"service": [links.SERVICE_DASHBOARD, links.series(links.OF_THE_ROW)]},
        nothing="nothing got worse",
    ).sized(12, 7)
