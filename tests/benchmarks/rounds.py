"""How things are compared: in turns, so that the machine's moods meet all of them, and by ratios round by round."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """One row of the table: what was measured, how it reads, what is to be reached, and whether it was."""

    what: str
    measured: str
    to_reach: str
    reached: bool


def interleaved(measurements: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """The values of each measurement, taken in turns: A B C A B C ..."""
    values: dict[str, list[float]] = {name: [] for name in measurements}
    for _ in range(rounds):
        for name, measure in measurements.items():
            values[name].append(measure())
    return values


def ratio(of: Sequence[float], to: Sequence[float]) -> float:
    """The median of the ratios of each round."""
    return statistics.median(one / other for one, other in zip(of, to, strict=True))


def median(values: Sequence[float]) -> float:
    """The median of the rounds."""
    return statistics.median(values)
