"""Chooses what an explanation shows first: the failed, slowest or longest of the events behind a number."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import nlargest

from dora_exporter.dora.metrics.contract import COMMITS, DEPLOYMENTS, Moment, WindowMetric
from dora_exporter.series.counted_events import CountedDeployment, CountedIncident, LeftOut
from dora_exporter.series.explanation import Explanation

SHOWN = 10
LARGEST_LIST = 200
Weight = Callable[[CountedDeployment], float]


@dataclass(frozen=True, slots=True)
class Causes:
    """At most ten events, heaviest first, under a ``title``; ``other`` has the rest of the list, newest first.

    ``surprising`` are the omissions that a reader would not expect; ``expected`` are the others.
    """

    title: str
    deployments: Sequence[CountedDeployment]
    incidents: Sequence[CountedIncident]
    other_deployments: Sequence[CountedDeployment]
    other_incidents: Sequence[CountedIncident]
    surprising: Sequence[LeftOut]
    expected: Sequence[LeftOut]


def causes(explanation: Explanation) -> Causes:
    """What an explanation shows first; called in a thread, because it looks at every event."""
    title, weight = _ranking(explanation.metric)
    weighed = [each for each in explanation.deployments if weight(each) > 0]
    deployments = nlargest(SHOWN, weighed, key=weight)
    incidents = nlargest(SHOWN, explanation.incidents, key=_length)
    first = {id(each) for each in (*deployments, *incidents)}
    return Causes(
        title=title,
        deployments=deployments,
        incidents=incidents,
        other_deployments=[each for each in explanation.deployments if id(each) not in first],
        other_incidents=[each for each in explanation.incidents if id(each) not in first],
        surprising=[each for each in explanation.left_out if not each.is_expected],
        expected=[each for each in explanation.left_out if each.is_expected],
    )


def _ranking(metric: WindowMetric) -> tuple[str, Weight]:
    """The longest, or the slowest for lead times, else what the metric counts of all deployments, else the latest."""
    basis = metric.basis
    if not basis.moment.is_of_deployments:
        return "Longest", _recovery
    if basis.moment is Moment.RECOVERED:
        return "Longest to recover", _recovery
    if COMMITS in basis.sums:
        return "Slowest", _lead_time
    counted = next((each for each in basis.sums if each is not DEPLOYMENTS), None)
    if counted is None or basis.moment is Moment.ENDED:
        return "Latest", lambda _: 1
    return counted.name.capitalize(), lambda each: counted.addend(each.facts)


def _recovery(counted: CountedDeployment) -> float:
    return -1 if counted.recovery_ms is None else counted.recovery_ms + 1


def _lead_time(counted: CountedDeployment) -> float:
    return max((value for _, value in counted.lead_times_ms), default=0)


def _length(counted: CountedIncident) -> float:
    return float("inf") if counted.restore_ms is None else counted.restore_ms
