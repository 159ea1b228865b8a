"""What a metric is: a name, a function that reads its values from measures, and the events that explain them."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

from dora_exporter.dora.measures import DeploymentFacts, IncidentFacts, Measures
from dora_exporter.dora.sliding_window import Window

Value = tuple[tuple[str, ...], float]
"""The values of the metric's own labels, and the sample; an unknown sample is left out, never 0 or NaN."""
Facts = TypeVar("Facts", DeploymentFacts, IncidentFacts)


class Moment(Enum):
    """The moment of an event that lies in the window if the event counts. The value says why another one does not."""

    FINISHED = "finished outside of the window"
    ENDED = "ended outside of the window"
    RECOVERED = "was not remedied in the window"
    BEGAN = "began outside of the window"
    RESTORED = "was not resolved in the window"

    @property
    def is_of_deployments(self) -> bool:
        """Whether deployments have this moment; else incidents have it."""
        return self in {Moment.FINISHED, Moment.ENDED, Moment.RECOVERED}

    @property
    def is_of_attempts(self) -> bool:
        """Whether attempts that did not succeed have this moment, too."""
        return self is Moment.ENDED


@dataclass(frozen=True)  # without slots, which a frozen generic class cannot have in Python 3.11
class Sum(Generic[Facts]):
    """A number that the events of a window add up to; ``parts`` names the parts of what one event adds."""

    name: str
    addend: Callable[[Facts], int]
    parts: Callable[[Facts], Iterable[str]] = lambda _: ()

    def over(self, events: Sequence[Facts]) -> Iterator[tuple[str, int]]:
        """The sum by its name, then each of its parts that is not 0."""
        yield self.name, sum(map(self.addend, events))
        parts = Counter(part for each in events for part in self.parts(each))
        yield from ((f"{self.name}_{part}", count) for part, count in sorted(parts.items()))


DEPLOYMENTS = Sum[DeploymentFacts]("deployments", lambda _: 1)
COMMITS = Sum[DeploymentFacts]("commits", lambda facts: len(facts.lead_times))
INCIDENTS = Sum[IncidentFacts]("incidents", lambda _: 1)


@dataclass(frozen=True, slots=True)
class Basis:
    """The events that a window counts, what they add up to, and a sentence with those sums and ``days``.

    A metric whose basis has no sums is not explained.
    """

    moment: Moment = Moment.FINISHED
    sums: tuple[Sum[Any], ...] = ()
    sentence: str = ""

    def in_words(self, numbers: Mapping[str, int], window: Window) -> str:
        """The sentence with its sums filled in."""
        return self.sentence.format(days=window.days, **numbers)


@dataclass(frozen=True, slots=True)
class WindowMetric:
    """A gauge per window, which its ``basis`` explains; ``labels`` are its own, beside the group's and ``window``."""

    name: str
    help: str
    read: Callable[[Measures, Window], Iterable[Value]]
    basis: Basis = Basis()
    labels: tuple[str, ...] = ()
    is_per_team: bool = True


@dataclass(frozen=True, slots=True)
class StateMetric:
    """A gauge without a window."""

    name: str
    help: str
    read: Callable[[Measures], Iterable[Value]]
    labels: tuple[str, ...] = ()
    is_per_team: bool = True


Metric = WindowMetric | StateMetric
