"""Asks Datadog which versions answered requests in which minutes, by its trace metrics."""

from itertools import pairwise
from typing import Any

from pydantic import BaseModel

from dora_exporter.sources.datadog_list import Post
from dora_exporter.sources.versions import Seen

PATH = "/api/v2/query/timeseries"
STEP_MS = 60_000
SLICE_MS = 4 * 60 * STEP_MS
"""A longer question may be answered in coarser buckets."""

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


async def ask(post: Post, *, first_ms: int, end_ms: int, environment: str | None, operation: str | None) -> list[Seen]:
    """What was seen from one moment up to before another, whole minutes both, in one environment or in all.

    Without an operation Datadog takes each service's primary one. A bucket coarser than a minute counts for all its
    minutes. Raises ValidationError when the answer is none.
    """
    attributes = {
        "from": first_ms,
        "to": end_ms,
        "interval": STEP_MS,
        "queries": [_query(environment, operation)],
        "formulas": [{"formula": "hits"}],
    }
    raw = await post(PATH, {"data": {"type": "timeseries_request", "attributes": attributes}})
    answer = _Answer.model_validate(raw).data.attributes
    width = min((later - earlier for earlier, later in pairwise(answer.times)), default=STEP_MS)
    seen = []
    for series, values in zip(answer.series, answer.values, strict=True):
        tags = {key: value for key, _, value in (tag.partition(":") for tag in series.group_tags)}
        moments = [
            minute
            for start, hits in zip(answer.times, values, strict=True)
            if hits
            for minute in range(start, start + width, STEP_MS)
        ]
        seen.append(Seen(tags.get("service", ""), tags.get("env", ""), tags.get("version", ""), moments))
    return seen


def _query(environment: str | None, operation: str | None) -> dict[str, Any]:
    if operation is None:
        query_filter = {"query_filter": f"env:{environment}"} if environment else {}
        return {"data_source": "apm_metrics", "name": "hits", "stat": "hits", "group_by": [*_TAGS], **query_filter}
    scope = f"env:{environment},version:*" if environment else "version:*"
    query = f"sum:trace.{operation}.hits{{{scope}}} by {{{','.join(_TAGS)}}}.as_count().rollup(sum,{STEP_MS // 1000})"
    return {"data_source": "metrics", "name": "hits", "query": query}
