"""Asks Datadog which versions answered requests in which minutes, by its trace metrics."""

import asyncio
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from pydantic import BaseModel

from dora_exporter.sources.contract import Unreadable
from dora_exporter.sources.http.client import Upstream
from dora_exporter.sources.version_detection.segments import spans_of
from dora_exporter.sources.version_detection.tracker import Seen

PATH = "/api/v2/query/timeseries"
STEP_MS = 60_000
_LONGEST_WORDS = 300
_TAGS = ("service", "env", "version")


class _Series(BaseModel):
    group_tags: list[str]


class _Attributes(BaseModel):
    series: list[_Series] = []
    times: list[int] = []
    values: list[list[float | None]] = []


class _Data(BaseModel):
    attributes: _Attributes


class _Answer(BaseModel):
    data: _Data
    errors: Any = None


async def ask(
    upstream: Upstream, *, first_ms: int, end_ms: int, environment: str | None, operation: str | None
) -> list[Seen]:
    """What was seen from one moment up to before another, whole minutes both, in one environment or in all.

    Without an operation Datadog takes each service's primary one. Raises Unreadable.
    """
    attributes = {
        "from": first_ms,
        "to": end_ms,
        "interval": STEP_MS,
        "queries": [_query(environment, operation)],
        "formulas": [{"formula": "hits"}],
    }
    answer = await upstream.post_json(PATH, {"data": {"type": "timeseries_request", "attributes": attributes}})
    return await asyncio.to_thread(_read, answer.body, first_ms, end_ms)


def _read(body: bytes, first_ms: int, end_ms: int) -> list[Seen]:
    """What an answer says of the time that was asked about.

    A bucket coarser than it was asked for counts for all its time, and may begin earlier.
    """
    try:
        whole = _Answer.model_validate_json(body)
        answer = whole.data.attributes
        rows = list(zip(answer.series, answer.values, strict=True))
        width_ms = _width_ms(answer.times)
        asked = range(first_ms - width_ms + 1, end_ms)
        seen = [_seen(series, zip(answer.times, values, strict=True), asked, width_ms) for series, values in rows]
    except ValueError as reason:
        raise Unreadable(f"the timeseries cannot be read: {type(reason).__name__}") from None
    if whole.errors:
        raise Unreadable(f"the timeseries is incomplete: {str(whole.errors)[:_LONGEST_WORDS]}")
    return seen


def _width_ms(times: list[int]) -> int:
    width_ms = min((later - earlier for earlier, later in pairwise(times)), default=STEP_MS)
    if width_ms <= 0:
        raise ValueError("the times are not in order")
    return width_ms


def _seen(series: _Series, points: Iterable[tuple[int, float | None]], asked: range, width_ms: int) -> Seen:
    tags = {key: value for key, _, value in (tag.partition(":") for tag in series.group_tags)}
    spans = spans_of((start for start, hits in points if hits and start in asked), width_ms)
    return Seen(tags.get("service", ""), tags.get("env", ""), tags.get("version", ""), spans)


def _query(environment: str | None, operation: str | None) -> dict[str, Any]:
    if operation is None:
        query_filter = {"query_filter": f"env:{environment}"} if environment else {}
        return {"data_source": "apm_metrics", "name": "hits", "stat": "hits", "group_by": [*_TAGS], **query_filter}
    scope = f"env:{environment},version:*" if environment else "version:*"
    query = f"sum:trace.{operation}.hits{{{scope}}} by {{{','.join(_TAGS)}}}.as_count().rollup(sum,{STEP_MS // 1000})"
    return {"data_source": "metrics", "name": "hits", "query": query}
