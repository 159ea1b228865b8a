"""The panels about one service, team or group: the four metrics, what they are made of, what failed and why."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from grafana.generator import looks, promql, units
from grafana.generator.panels import Column, Look, Panel, Query, bars, lines, stat, table

Json = dict[str, Any]
_WINDOWS = ("7d", "30d", "90d")
_FEW = "fewer than the sample"


@dataclass(frozen=True)
class Subject:
    """Whose numbers are shown: ``prefix`` begins the names of the gauges, ``explain`` links to what is behind one."""

    prefix: str
    selector: str
    explain: Callable[[str], Json]

    def gauge(self, name: str, *more: str, by: str = "") -> str:
        """A gauge of the subject, the highest where several instances of the exporter have it."""
        return promql.gauge(f"{self.prefix}{name}", self.selector, *more, by=by)

    def look(self, look: Look, name: str) -> Look:
        """A look that leads to the explanation of a gauge."""
        return looks.linked(look, self.explain(f"{self.prefix}{name}"))

    def numbers(self) -> list[Panel]:
        """The four metrics and what belongs to them, over the chosen window."""
        return [*self._four(), *(panel.sized(6, 4) for panel in self._others())]

    def _enough(self, name: str, samples: str, *more: str) -> str:
        return f"{self.gauge(name, promql.WINDOW, *more)} and {self.gauge(samples, promql.WINDOW)} >= $sample"

    def _four(self) -> list[Panel]:
        return [
            stat(
                "Deployment frequency",
                "Deployments that finished in the window, per day. Rollbacks and redeployments are deployments.",
                Query(self.gauge("deployment_frequency_per_day", promql.WINDOW)),
                look=self.look(looks.FREQUENCY, "deployment_frequency_per_day"),
            ),
            stat(
                "Change lead time, $statistic",
                "From the time a commit was written to the end of the deployment that shipped it first, over the "
                "commits that deployments in the window shipped first. Hidden while there are fewer commits than the "
                "smallest sample.",
                Query(self._enough("change_lead_time_seconds", "lead_time_commits", promql.STATISTIC)),
                look=self.look(looks.DURATION, "change_lead_time_seconds"),
                nothing=_FEW,
            ),
            stat(
                "Change failure rate",
                "Failed deployments divided by all deployments that finished in the window. Hidden while there are "
                "fewer deployments than the smallest sample.",
                Query(self._enough("change_failure_rate", "deployments")),
                look=self.look(looks.FAILURE_RATE, "change_failure_rate"),
                nothing=_FEW,
            ),
            stat(
                "Time to restore, $statistic",
                "From begin to end of the incidents that were resolved in the window. Hidden while fewer were resolved "
                "than the smallest sample.",
                Query(self._enough("time_to_restore_seconds", "restored_incidents", promql.STATISTIC)),
                look=self.look(looks.DURATION, "time_to_restore_seconds"),
                nothing=_FEW,
            ),
        ]

    def _others(self) -> list[Panel]:
        return [
            stat(
                "Failed deployment recovery, $statistic",
                "From the end of a failed deployment to the end of its remedy, or until its incidents were resolved, "
                "whichever came first; over those that recovered in the window. Hidden while fewer recovered than the "
                "smallest sample.",
                Query(
                    self._enough("failed_deployment_recovery_time_seconds", "recovered_deployments", promql.STATISTIC),
                ),
                look=self.look(looks.DURATION, "failed_deployment_recovery_time_seconds"),
                nothing=_FEW,
            ),
            stat(
                "Rework rate",
                "Share of the deployments in the window that remedied a failed one, or were the first to finish after "
                "an incident of an earlier one began. Hidden while there are fewer deployments than the smallest "
                "sample.",
                Query(self._enough("deployment_rework_rate", "deployments")),
                look=self.look(looks.RATIO, "deployment_rework_rate"),
                nothing=_FEW,
            ),
            stat(
                "Open incidents",
                "Incidents that have begun and not ended.",
                Query(self.gauge("open_incidents")),
                look=looks.OPEN,
            ),
            stat(
                "Last deployment",
                "When the latest deployment finished.",
                Query(f"{self.gauge('last_deployment_timestamp_seconds')} * 1000"),
                look=looks.SINCE,
                graph=False,
                nothing="never",
            ),
        ]

    def over_time(self) -> list[Panel]:
        """The four metrics over the default windows, the shortest first."""
        axis = looks.ON_AN_AXIS
        return [
            lines(
                "Deployment frequency",
                "Deployments per day, over the window that ends at each point.",
                *self._each_window("deployment_frequency_per_day"),
                look=axis["frequency"],
            ),
            lines(
                "Change lead time, $statistic, in hours",
                "Over the window that ends at each point. A gap is a time without a commit in the window.",
                *self._each_window("change_lead_time_seconds", promql.STATISTIC, scale=f" / {units.HOUR_SECONDS}"),
                look=axis["hours"],
            ),
            lines(
                "Change failure rate",
                "Over the window that ends at each point. A gap is a time without a deployment in the window.",
                *self._each_window("change_failure_rate"),
                look=axis["ratio"],
                at_least=0.2,
            ),
            lines(
                "Time to restore, $statistic, in hours",
                "Over the window that ends at each point. A gap is a time without a resolved incident in the window.",
                *self._each_window("time_to_restore_seconds", promql.STATISTIC, scale=f" / {units.HOUR_SECONDS}"),
                look=axis["hours"],
            ),
        ]

    def _each_window(self, name: str, *more: str, scale: str = "") -> list[Query]:
        return [Query(self.gauge(name, f'window="{window}"', *more) + scale, window) for window in _WINDOWS]

    def counts(self) -> list[Panel]:
        """What the ratios and times are made of."""
        count = looks.ON_AN_AXIS["count"]

        def counted(title: str, description: str, **names: str) -> Panel:
            queries = [Query(self.gauge(name, promql.WINDOW), legend) for legend, name in names.items()]
            return lines(title, description, *queries, look=count, at_least=4).sized(8, 8)

        return [
            counted(
                "Deployments",
                "Deployments that finished in the window, those that failed, and those with neither version nor SHA, "
                "for which rollbacks are not detected.",
                all="deployments",
                failed="failed_deployments",
                unidentified="unidentified_deployments",
            ),
            counted(
                "Incidents",
                "Incidents that began in the window, those that no deployment explains, and those that were resolved "
                "in the window.",
                began="incidents",
                unattributed="unattributed_incidents",
                resolved="restored_incidents",
            ),
            counted(
                "Commits",
                "Commits first shipped by deployments that finished in the window: what the lead time is over.",
                commits="lead_time_commits",
            ),
        ]

    def failures(self) -> list[Panel]:
        """What failed, how that is known, and where the time goes."""
        causes = self.gauge("change_failures", promql.WINDOW, by="cause")
        stages = self.gauge("lead_time_stage_seconds", promql.WINDOW, promql.STATISTIC, by="stage")
        failed = Column("failed deployments", causes, self.look(looks.COUNT, "change_failures"), 170)
        return [
            table(
                "Failed deployments by cause",
                "How it is known that they failed. Each has one cause, so they add up to the failed deployments.",
                {"cause": 200},
                [failed],
                by=failed.title,
                links={"cause": [self.explain(f"{self.prefix}failed_deployments")]},
            ).sized(8, 8),
            lines(
                "Causes over time",
                "Failed deployments of the window by how it is known.",
                Query(causes, "{{cause}}"),
                look=looks.ON_AN_AXIS["count"],
                at_least=4,
                many=True,
            ).sized(8, 8),
            bars(
                "Stages of the lead time, $statistic",
                "The way of a commit: to a pull request that is ready (time_to_pr_ready), to its approval (review), to "
                "the merge (merge), until the deployment begins (time_to_deploy), the deployment itself (deploy). The "
                "first three need pull_requests in the daemon's configuration.",
                Query(f"{stages} and on () {self.gauge('lead_time_commits', promql.WINDOW)} >= $sample", "{{stage}}"),
                look=looks.DURATION,
            ).sized(8, 8),
        ]

    def levels(self) -> Panel:
        """Where the four stand in a report."""

        def column(title: str, metrics: str) -> Column:
            level = self.gauge("performance_level", promql.WINDOW, f'metric=~"{metrics}"', by="environment")
            return Column(title, level, looks.LEVEL, 190)

        return table(
            "Performance levels",
            "Where each number stands in the report of DORA that the daemon is configured with. A dash is no data, or "
            "a gap in the report.",
            {"environment": 150},
            [
                column("deployment frequency", "deployment_frequency"),
                column("change lead time", "change_lead_time"),
                column("change failure rate", "change_failure_rate"),
                column("recovery", "failed_deployment_recovery_time|time_to_restore"),
            ],
            by="environment",
            descending=False,
        ).sized(24, 4)


def limits() -> Panel:
    """What a report asks for."""

    def column(title: str, metrics: str, look: Look) -> Column:
        limit = f'max by (level) (dora_performance_level_threshold{{metric=~"{metrics}"}})'
        return Column(title, limit, look, 190)

    return table(
        "Limits of the levels",
        "The worst value that still reaches each level, in the report that the daemon is configured with. A level that "
        "is not listed does not exist in that report: 2022 has no elite performers. Levels need not be in order: in "
        "2024 medium performers fail less often than high performers.",
        {"level": 160},
        [
            column("deployment frequency", "deployment_frequency", looks.FREQUENCY),
            column("change lead time", "change_lead_time", looks.DURATION),
            column("change failure rate", "change_failure_rate", looks.RATIO),
            column("recovery", "failed_deployment_recovery_time|time_to_restore", looks.DURATION),
        ],
        by="deployment frequency",
    ).sized(24, 7)
