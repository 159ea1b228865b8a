"""A chart of a number over time: a line with its axis, and a point with date and value for pointer and keyboard."""

from collections.abc import Sequence
from dataclasses import dataclass

from dora_exporter.dora.events import DAY_MS
from dora_exporter.series.summary import LINE_DAYS
from dora_exporter.web.pages.formatting import figure, moment
from dora_exporter.web.pages.trend import line

_WIDTH, _HEIGHT = 600, 120


@dataclass(frozen=True, slots=True)
class Point:
    """A point at ``x`` and ``y``, and what it says: the time that it is of, and the value."""

    x: float
    y: float
    words: str


@dataclass(frozen=True, slots=True)
class Chart:
    """``path`` in a box of ``width`` by ``height``; ``most`` is the value at its top, the days are its ends."""

    width: int
    height: int
    path: str
    points: Sequence[Point]
    most: str
    first_day: str
    last_day: str


def chart_of(values: Sequence[float | None], name: str, end_ms: int) -> Chart:
    """The chart of one of the numbers over the last 90 days, in windows of equal length."""
    drawn = line(values, width=_WIDTH, height=_HEIGHT)
    length = LINE_DAYS * DAY_MS // len(values)
    ends = [end_ms - back * length for back in reversed(range(len(values)))]
    known = [(end, value) for end, value in zip(ends, values, strict=True) if value is not None]
    points = [
        Point(x, y, f"{moment(end - length)[:10]} to {moment(end)[:10]}: {figure(value, name)}")
        for (x, y), (end, value) in zip(drawn.points, known, strict=True)
    ]
    most = max((value for _, value in known), default=None)
    first, last = moment(end_ms - LINE_DAYS * DAY_MS)[:10], moment(end_ms)[:10]
    return Chart(drawn.width, drawn.height, drawn.path, points, figure(most, name), first, last)
