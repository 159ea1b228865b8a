"""An aggregate of the exposition: the measures of a series, a rollup or a surplus."""

from collections.abc import Mapping

from msgspec.structs import replace

from dora_exporter.dora.measures import DeploymentFacts, IncidentFacts, Measures


class Aggregate:
    """The labels of a group, and its measures."""

    __slots__ = ("key", "labels", "measures", "present")

    def __init__(self, labels: Mapping[str, str], *, is_by_source: bool = True) -> None:
        """An aggregate without events. Its ``key`` is the values of its labels."""
        self.labels = labels
        self.key = tuple(labels.values())
        self.measures = Measures(is_by_source=is_by_source)
        self.present = 0

    @property
    def kind(self) -> str:
        """What it is of: the name of its first label."""
        return next(iter(self.labels))

    def reset(self) -> None:
        """Removes all events."""
        self.measures = self.measures.emptied()
        self.present = 0

    def change_deployment(self, before: DeploymentFacts | None, after: DeploymentFacts | None) -> None:
        """Replaces the facts of a deployment."""
        if before and after and after.lead_times and _samples(before) == _samples(after):
            # They stay where they are: there may be thousands.
            before, after = (replace(each, lead_times=(), stages=()) for each in (before, after))
        if before is not None:
            self.measures.remove_deployment(before)
        if after is not None:
            self.measures.add_deployment(after)

    def change_incident(self, before: IncidentFacts | None, after: IncidentFacts | None) -> None:
        """Replaces the facts of an incident."""
        if before is not None:
            self.measures.remove_incident(before)
        if after is not None:
            self.measures.add_incident(after)


def _samples(facts: DeploymentFacts) -> tuple[int, tuple[int, ...], tuple[tuple[str, int], ...]]:
    return facts.finished_at, facts.lead_times, facts.stages
