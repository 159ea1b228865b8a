"""The small chart of deployments day by day, as the outlines of its bars."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dora_exporter.series.overview import Day

HEIGHT = 28
_BAR = 4
_STEP = 5


@dataclass(frozen=True, slots=True)
class Bars:
    """Two SVG paths in a box of ``width`` by ``height``, and a text alternative."""

    width: int
    height: int
    good: str
    failed: str
    words: str


def bars(days: Sequence[Day]) -> Bars:
    """A bar a day, the failed deployments at its foot; the highest bar fills the height."""
    most = max((day.deployments for day in days), default=0)
    deployed, failed = sum(day.deployments for day in days), sum(day.failed for day in days)
    return Bars(
        width=_STEP * len(days),
        height=HEIGHT,
        good="".join(_outlines([(day.failed, day.deployments) for day in days], most)),
        failed="".join(_outlines([(0, day.failed) for day in days], most)),
        words=f"Deployments a day over {len(days)} days: {deployed} in all, {failed} failed, at most {most} a day",
    )


def _outlines(spans: Sequence[tuple[int, int]], most: int) -> Iterator[str]:
    for index, (low, high) in enumerate(spans):
        if high > low:
            bottom, top = (HEIGHT - round(HEIGHT * count / most, 1) for count in (low, high))
            yield f"M{index * _STEP} {bottom:g}V{top:g}h{_BAR}V{bottom:g}z"
