"""Change lead time: from a commit's author time to the end of the deployment that shipped it first."""

from collections.abc import Iterator

from dora_exporter.dora.measures import DeploymentFacts, Measures
from dora_exporter.dora.metrics.contract import COMMITS, DEPLOYMENTS, Basis, Moment, Sum, Value, WindowMetric
from dora_exporter.dora.sliding_window import Window


def lead_time(measures: Measures, window: Window) -> Iterator[Value]:
    """Statistics over the commits first shipped by deployments finished in the window; absent without one."""
    for statistic, seconds in measures.lead_times.statistics(window):
        yield (statistic,), seconds


def commits(measures: Measures, window: Window) -> Iterator[Value]:
    """The number of commits behind those statistics."""
    yield (), measures.lead_times.count(window)


def stages(measures: Measures, window: Window) -> Iterator[Value]:
    """Statistics over the stages of those commits; absent for a stage without data."""
    for stage, samples in measures.stages.items():
        for statistic, seconds in samples.statistics(window):
            yield (stage, statistic), seconds


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
        commits,
        _BASIS,
    ),
    WindowMetric(
        "dora_lead_time_stage_seconds",
        "The stages of the change lead time, over the same commits. Absent for a stage without data.",
        stages,
        _STAGES_BASIS,
        labels=("stage", "statistic"),
    ),
)
