"""The line of a number over time, as an SVG path."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

WIDTH, HEIGHT = 180, 40
_TOP = 3


@dataclass(frozen=True, slots=True)
class Line:
    """``path`` in a box of ``width`` by ``height``, broken where there is no value."""

    width: int
    height: int
    path: str
    points: Sequence[tuple[float, float]]


def line(values: Sequence[float | None], *, width: int = WIDTH, height: int = HEIGHT) -> Line:
    """A line from 0 at the bottom to the highest value."""
    most = max((value for value in values if value is not None), default=0) or 1
    step = width / max(1, len(values) - 1)
    points = [
        None if value is None else (round(index * step, 1), round(height - (height - _TOP) * value / most, 1))
        for index, value in enumerate(values)
    ]
    runs = [[each for each in run if each] for known, run in groupby(points, key=bool) if known]
    path = "".join(_stroke(run) for run in runs)
    return Line(width, height, path, [each for each in points if each])


def _stroke(run: Sequence[tuple[float, float]]) -> str:
    (x, y), *rest = run
    end = "".join(f"L{x:g} {y:g}" for x, y in rest) or "h1"
    return f"M{x:g} {y:g}{end}"
