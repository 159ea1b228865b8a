"""Asks a Prometheus which versions it saw when, by a range query."""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel

from dora_exporter.sources.versions import Seen

PATH = "/api/v1/query_range"
MOST_POINTS = 11_000
"""Prometheus refuses to answer with more points of a series."""

Post = Callable[[str, dict[str, str]], Awaitable[Any]]
"""Asks a question as a form at a path and gives the answer's JSON."""


class _Series(BaseModel):
    metric: dict[str, str]
    values: list[tuple[float, str]]


class _Matrix(BaseModel):
    resultType: Literal["matrix"]
    result: list[_Series]


class _Answer(BaseModel):
    status: Literal["success"]
    data: _Matrix
    warnings: list[str] = []


class PartialAnswer(Exception):
    """Prometheus answered with warnings: some of what it should have looked at is missing."""


async def ask(
    post: Post, *, query: str, labels: Mapping[str, Sequence[str]], first_ms: int, end_ms: int, step_ms: int
) -> list[Seen]:
    """What the query shows from one moment up to before another, both multiples of the step.

    ``labels`` gives for service, environment and version the labels that may hold them: the first that is not empty
    counts. A sample of 0 or NaN says that the version was not there. A series that ends without a word stays visible
    for Prometheus' lookback (5 minutes); its beginning is exact to the step. Raises PartialAnswer, and ValidationError
    when the answer is none.
    """
    form = {
        "query": query,
        "start": _seconds(first_ms),
        "end": _seconds(end_ms - step_ms),
        "step": _seconds(step_ms),
    }
    answer = _Answer.model_validate(await post(PATH, form))
    if answer.warnings:
        raise PartialAnswer("; ".join(answer.warnings))
    return [
        Seen(
            *(_label(series.metric, labels[name]) for name in ("service", "environment", "version")),
            [round(at * 1000) for at, value in series.values if _is_there(value)],
        )
        for series in answer.data.result
    ]


def _seconds(moment_ms: int) -> str:
    return f"{moment_ms / 1000:.3f}"


def _label(metric: Mapping[str, str], names: Sequence[str]) -> str:
    return next((metric[name] for name in names if metric.get(name)), "")


def _is_there(value: str) -> bool:
    number = float(value)
    return number != 0 and not math.isnan(number)
