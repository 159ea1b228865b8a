"""A chart of a number over time: a line with its axis, and dates and value of each point for pointer and keyboard."""

from collections.abc import Sequence
from dataclasses import dataclass

from dora_exporter.dora.events import DAY_MS
from dora_exporter.series.summary import LINE_DAYS
from dora_exporter.web.pages.formatting import figure, moment
from dora_exporter.web.pages.trend import line

_STEP, _HEIGHT = 32, 120


@dataclass(frozen=True, slots=True)
class Chart:
    """A ``path`` and its ``dots`` in a box from ``left`` on; a column of ``width`` divided by their number has a point.

    ``points`` say the time and the value of each; ``most`` is the value at the top, the days are the ends.
    """

    left: int
    width: int
    height: int
    path: str
    dots: str
    points: Sequence[str]
    most: str
    first_day: str
    last_day: str


def chart_of(values: Sequence[float | None], name: str, end_ms: int) -> Chart:
    """The chart of one of the numbers over the last 90 days, in windows of equal length."""
    drawn = line(values, width=_STEP * (len(values) - 1), height=_HEIGHT)
    length = LINE_DAYS * DAY_MS // len(values)
    ends = [end_ms - back * length for back in reversed(range(len(values)))]
    points = [
        f"{_day(end - length)} to {_day(end)}: {_said(value, name)}" for end, value in zip(ends, values, strict=True)
    ]
    most = max((value for value in values if value is not None), default=None)
    return Chart(
        left=-_STEP // 2,
        width=_STEP * len(values),
        height=_HEIGHT,
        path=drawn.path,
        dots="".join(f"M{x:g} {y:g}h0" for x, y in drawn.points),
        points=points,
        most=figure(most, name),
        first_day=_day(end_ms - LINE_DAYS * DAY_MS),
        last_day=_day(end_ms),
    )


def _day(at_ms: int) -> str:
    return moment(at_ms)[:10]


def _said(value: float | None, name: str) -> str:
    return "no data" if value is None else figure(value, name)
