"""Walks Datadog's list of deployments, which has no pages: only a window of time and a limit."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from dora_exporter.sources.contract import Unreadable
from dora_exporter.sources.datadog.rows import DeploymentRow
from dora_exporter.sources.http.client import Upstream
from dora_exporter.sources.http.timestamps import written

PATH = "/api/v2/dora/deployments"
LIMIT = 500
HIGHEST_LIMIT = 1000

_SECOND_MS = 1000


@dataclass(frozen=True)
class Page:
    """Rows not seen on the page before, the ids of those that cannot be read, and whether some had to be left out."""

    rows: tuple[DeploymentRow, ...]
    unreadable: tuple[str, ...] = ()
    has_overflowed: bool = False


class _Answer(BaseModel):
    data: list[Any]


async def walk(upstream: Upstream, *, query: str, first_ms: int, last_ms: int) -> AsyncIterator[Page]:
    """The rows that began in the window, both borders included, newest first; it ends now.

    The next window ends where the oldest row began. Its second comes again then, because the upper border is included
    and the service may round it. A second with more rows than an answer can hold is stepped over. Raises Unreadable.
    """
    to_ms, limit = _whole_second(last_ms), LIMIT
    known: set[str] = set()
    while to_ms >= first_ms:
        answer = await upstream.post_json(PATH, _question(query, first_ms, to_ms, limit))
        rows, unreadable = await asyncio.to_thread(_read, answer.body, last_ms)
        fresh = tuple({row.id: row for row in rows if row.id not in known}.values())
        known = {row.id for row in rows}
        if len(rows) + len(unreadable) < limit:
            yield Page(fresh, unreadable)
            return
        if not rows:
            raise Unreadable(f"none of the {limit} rows until {written(to_ms)} can be read")
        oldest_ms = _whole_second(min(row.attributes.started_at for row in rows))
        is_stuck = oldest_ms >= to_ms
        has_overflowed = is_stuck and limit == HIGHEST_LIMIT
        yield Page(fresh, unreadable, has_overflowed)
        if is_stuck and not has_overflowed:
            limit = HIGHEST_LIMIT
        else:
            to_ms, limit = to_ms - _SECOND_MS if is_stuck else oldest_ms, LIMIT


def _read(body: bytes, now_ms: int) -> tuple[list[DeploymentRow], tuple[str, ...]]:
    """The rows of an answer, and the ids of those that cannot be read."""
    try:
        answer = _Answer.model_validate_json(body)
    except ValidationError:
        raise Unreadable("the list of deployments cannot be read") from None
    rows, unreadable = [], []
    for each in answer.data:
        try:
            rows.append(DeploymentRow.model_validate(each, context=now_ms))
        except ValidationError:
            unreadable.append(str(each.get("id")) if isinstance(each, dict) else "?")
    return rows, tuple(unreadable)


def _question(query: str, first_ms: int, to_ms: int, limit: int) -> dict[str, Any]:
    attributes = {
        "from": written(first_ms),
        "to": written(to_ms),
        "query": query,
        "limit": limit,
        "sort": "-started_at",
    }
    return {"data": {"type": "dora_deployments_list_request", "attributes": attributes}}


def _whole_second(moment_ms: int) -> int:
    """The first whole second not before a moment."""
    return -(-moment_ms // _SECOND_MS) * _SECOND_MS
