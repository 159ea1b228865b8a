"""All chosen services together: the four metrics as sums and means over all of them."""

from grafana.generator import looks, promql, units
from grafana.generator.panels import Panel, Query, lines, stat


def _sum(metric: str, *matchers: str) -> str:
    return f"sum({promql.each_chosen(metric, *matchers)})"


def _mean(metric: str, samples: str, *matchers: str) -> str:
    """A mean over all samples of all chosen services, where these are enough."""
    means = promql.each_chosen(metric, promql.WINDOW, *matchers)
    total = f"sum({means} * {promql.each_chosen(samples, promql.WINDOW)})"
    return f"{total} / ({_sum(samples, promql.WINDOW)} >= $sample)"


_FREQUENCY = _sum("dora_deployment_frequency_per_day", promql.WINDOW)
_LEAD_TIME = _mean("dora_change_lead_time_seconds", "dora_lead_time_commits", 'statistic="mean"')
_FAILED, _DEPLOYMENTS = (_sum(f"dora_{each}", promql.WINDOW) for each in ("failed_deployments", "deployments"))
_FAILURE_RATE = f"{_FAILED} / ({_DEPLOYMENTS} >= $sample)"
_RESTORE = _mean("dora_time_to_restore_seconds", "dora_restored_incidents", 'statistic="mean"')


def numbers() -> list[Panel]:
    """The four metrics over the chosen window, and what they are made of."""
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
            Query(_sum("dora_open_incidents")),
            look=looks.OPEN,
            nothing="no services",
        ),
    ]


def _count(title: str, description: str, metric: str) -> Panel:
    return stat(title, description, Query(_sum(metric, promql.WINDOW)), look=looks.COUNT, nothing="no services")


def over_time() -> list[Panel]:
    """The four metrics over the window that ends at each point."""
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
