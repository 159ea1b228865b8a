"""Change lead time: from a commit's author time to the end of the deployment that shipped it first."""

from dora_exporter.dora.measures import DeploymentFacts
from dora_exporter.dora.metrics.contract import COMMITS, DEPLOYMENTS, Basis, Moment, Sum, WindowMetric
from dora_exporter.dora.metrics.readings import number, statistics, statistics_by_name, within

lead_time = statistics(lambda of: of.lead_times)
"""Statistics over the commits that deployments finished in the window shipped first."""
_STAGES = Sum[DeploymentFacts](
    "stages", lambda facts: len(facts.stages), lambda facts: [stage for stage, _ in facts.stages]
)
_BASIS = Basis(
    Moment.FINISHED,
    (DEPLOYMENTS, COMMITS),
    "Over {commits:,} commits first shipped by {deployments:,} deployments.",
)
_STAGES_BASIS = Basis(
    Moment.FINISHED, (DEPLOYMENTS, COMMITS, _STAGES), "Over {stages:,} stages of {commits:,} commits."
)
METRICS = (
    WindowMetric(
        "dora_change_lead_time_seconds",
        "Time from a commit to the end of the deployment that shipped it first, over the deployments that finished in "
        "the window. Absent without such a commit.",
        lead_time,
        _BASIS,
        labels=("statistic",),
    ),
    WindowMetric(
        "dora_lead_time_commits",
        "Commits first shipped by deployments that finished in the window: the samples of the change lead time.",
        number(within(lambda of: of.lead_times)),
        _BASIS,
    ),
    WindowMetric(
        "dora_lead_time_stage_seconds",
        "The stages of the change lead time, over the same commits. Absent for a stage without data.",
        statistics_by_name(lambda of: of.stages),
        _STAGES_BASIS,
        labels=("stage", "statistic"),
    ),
)
