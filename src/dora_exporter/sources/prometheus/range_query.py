"""Queries Prometheus for the times at which versions were running."""

import asyncio
import math
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, Field, ValidationError

from dora_exporter.sources.contract import Unreadable
from dora_exporter.sources.http.client import Upstream
from dora_exporter.sources.version_detection.build import build_of
from dora_exporter.sources.version_detection.segments import spans_of
from dora_exporter.sources.version_detection.tracker import Seen

PATH = "/api/v1/query_range"
NAMES = ("service", "environment", "version", "commit", "repository", "team")
_LONGEST_WORDS = 300
_REMARKS = ("PromQL info:", "PromQL warning:")
"""So begins what the evaluation of a query remarks; its result is whole."""
_MISSING = re.compile(
    "partial|incomplete|missing|truncat|stor(?:e|age)|fetch|receive|rpc|remote|connect|deadline|time(?:d )?-?out|"
    "unavailable|unreachable|fail|error|cannot|unable|skipp|limit|exceed|drop|lost|shard|ingester|no answer|not answer",
    re.IGNORECASE,
)


class _Series(BaseModel):
    metric: dict[str, str]
    values: list[tuple[float, float]]


class _Matrix(BaseModel):
    result_type: Annotated[Literal["matrix"], Field(alias="resultType")]
    result: list[_Series]


class _Answer(BaseModel):
    status: Literal["success"]
    data: _Matrix
    warnings: list[str] | None = None
    is_partial: Annotated[bool, Field(alias="isPartial")] = False


Labels = Mapping[str, Sequence[str]]
"""The labels that may hold each of ``NAMES``: the first that is not empty counts."""


async def ask(
    upstream: Upstream, *, query: str, labels: Labels, first_ms: int, end_ms: int, step_ms: int
) -> list[Seen]:
    """What the query shows from one moment up to before another, both multiples of the step.

    A sample of 0 or NaN says that the version was not there. A series that ends without a word stays visible for
    Prometheus' lookback of five minutes; its beginning is exact to the step. A sample at another time than was asked
    about is left out. Raises Unreadable, also when the answer says that a part of it is missing.
    """
    fields = [
        ("query", query),
        ("start", _seconds(first_ms)),
        ("end", _seconds(end_ms - step_ms)),
        ("step", _seconds(step_ms)),
    ]
    answer = await upstream.post_form(PATH, fields)
    return await asyncio.to_thread(_read, answer.body, labels, range(first_ms, end_ms, step_ms))


def _read(body: bytes, labels: Labels, asked: range) -> list[Seen]:
    try:
        answer = _Answer.model_validate_json(body)
    except ValidationError:
        raise Unreadable("the range query was not answered with a matrix") from None
    missing = [warning for warning in answer.warnings or () if _reports_missing_data(warning)]
    if answer.is_partial or missing:
        raise Unreadable(f"the response is incomplete: {'; '.join(missing)[:_LONGEST_WORDS] or 'it says so itself'}")
    return [_seen(series, labels, asked) for series in answer.data.result]


def _reports_missing_data(warning: str) -> bool:
    """Whether a warning means missing data: a storage that does not answer is reported as a warning."""
    return not warning.startswith(_REMARKS) and _MISSING.search(warning) is not None


def _seen(series: _Series, labels: Labels, asked: range) -> Seen:
    service, environment, version, *build = (_label(series.metric, labels[name]) for name in NAMES)
    first, end = asked.start / 1000, asked.stop / 1000
    moments = (round(at * 1000) for at, value in series.values if first <= at < end and _is_there(value))
    return Seen(service, environment, version, spans_of(moments, asked.step), build_of(*build))


def _seconds(moment_ms: int) -> str:
    return f"{moment_ms / 1000:.3f}"


def _label(metric: Mapping[str, str], names: Sequence[str]) -> str:
    return next((metric[name] for name in names if metric.get(name)), "")


def _is_there(value: float) -> bool:
    return value != 0 and not math.isnan(value)
