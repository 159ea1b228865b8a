"""Reads lists and single objects from PagerDuty's REST API, whatever its paging does."""

from collections.abc import AsyncIterator
from itertools import pairwise
from typing import TypeVar
from urllib.parse import quote

import msgspec

from dora_exporter.dora.events import DAY_MS
from dora_exporter.runtime.json_flaws import FLAWS
from dora_exporter.sources.contract import Sink, Unreadable
from dora_exporter.sources.http.client import Query, Refused, Upstream
from dora_exporter.sources.http.timestamps import written
from dora_exporter.sources.pagerduty.rows import IncidentRow, LogEntry

PAGE = 100
CAP = 10_000
"""No list can be read beyond so many rows; a shorter stretch of time must be asked for instead."""
_LONGEST_SLICE_MS = 90 * DAY_MS
_SHORTEST_SLICE_MS = 1000
_MOST_PAGES = 100_000
_BAD_ARGUMENTS = 2002
_INCIDENT_LOST = 2018
_CANNOT_BE_READ = {403, 404}

ACCEPT = "application/vnd.pagerduty+json;version=2, application/json;q=0.9"

Row = TypeVar("Row", IncidentRow, LogEntry)


class _Envelope(msgspec.Struct, frozen=True):
    more: bool | None = None
    total: int | None = None
    incidents: list[msgspec.Raw] | None = None
    log_entries: list[msgspec.Raw] | None = None


class _One(msgspec.Struct, frozen=True):
    incident: msgspec.Raw


class _Nameless(msgspec.Struct, frozen=True):
    id: object = None


class _TooMany(Exception):
    """More rows than can be read; ``at_least`` of them."""

    def __init__(self, at_least: int) -> None:
        super().__init__()
        self.at_least = at_least


class PagerDutyApi:
    """One pass' view of an account."""

    def __init__(self, upstream: Upstream, sink: Sink) -> None:
        """Rows that cannot be understood, and stretches that cannot be read whole, are reported to the sink."""
        self._upstream = upstream
        self._sink = sink
        self._pages = 0

    def incidents(self, filters: Query, *, since_ms: int, until_ms: int) -> AsyncIterator[list[IncidentRow]]:
        """Pages of the incidents that began in a time, in the order of their numbers within a stretch of it."""
        query = [*filters, ("sort_by", "incident_number:asc")]
        return self._stretches("/incidents", IncidentRow, query, since_ms, until_ms)

    def log_entries(self, *, since_ms: int, until_ms: int) -> AsyncIterator[list[LogEntry]]:
        """Pages of what happened to any incident of the account in a time."""
        return self._stretches("/log_entries", LogEntry, [("is_overview", "true")], since_ms, until_ms)

    async def open_incidents(self, filters: Query, *, since_ms: int, until_ms: int) -> AsyncIterator[list[IncidentRow]]:
        """Pages of all that is open, whenever it began.

        Each state is asked for on its own: rows were seen to come twice, and others not at all, from a list of two.
        When more are open than a list can have, those that began in the time are given.
        """
        for status in ("triggered", "acknowledged"):
            query = [*filters, ("statuses[]", status), ("sort_by", "incident_number:asc")]
            try:
                async for rows in self._pages_of("/incidents", IncidentRow, [*query, ("date_range", "all")]):
                    yield rows
            except _TooMany:
                async for rows in self._stretches("/incidents", IncidentRow, query, since_ms, until_ms):
                    yield rows

    async def incident(self, incident_id: str) -> IncidentRow | None:
        """One incident with its custom fields; None when it cannot be read."""
        path = f"/incidents/{quote(incident_id, safe='')}"
        try:
            answer = await self._upstream.get(path, [("include[]", "custom_fields")])
        except Refused as reason:
            if reason.status in _CANNOT_BE_READ or reason.code == _INCIDENT_LOST:
                return None
            raise
        return self._row(_decoded(answer.body, _One).incident, IncidentRow)

    async def resolved_at(self, incident_id: str) -> str | None:
        """When an incident was last resolved, by its log entries."""
        path = f"/incidents/{quote(incident_id, safe='')}/log_entries"
        moments: list[str] = []
        async for entries in self._pages_of(path, LogEntry, []):
            moments += [each.created_at or "" for each in entries if (each.type or "").startswith("resolve_log_entry")]
        return max(moments, default=None)

    async def _stretches(
        self, path: str, shape: type[Row], query: Query, since_ms: int, until_ms: int
    ) -> AsyncIterator[list[Row]]:
        """Pages of a time of any length: in stretches short enough for the API, later ones last.

        A stretch that holds too many rows is cut; one that cannot be cut yields the rows that can be read.
        """
        since_ms = since_ms // 1000 * 1000
        waiting = _cut(since_ms, -(-until_ms // 1000) * 1000, -(-(until_ms - since_ms) // _LONGEST_SLICE_MS))
        while waiting:
            begin, end = waiting.pop()
            bounds: Query = [("since", written(begin)), ("until", written(end))]
            try:
                async for rows in self._pages_of(path, shape, [*query, *bounds], is_cuttable=_is_cuttable(begin, end)):
                    yield rows
            except _TooMany as reason:
                if _is_cuttable(begin, end):
                    waiting += _cut(begin, end, reason.at_least // CAP + 1)
                else:
                    self._sink.overflow()

    async def _pages_of(
        self, path: str, shape: type[Row], query: Query, *, is_cuttable: bool = True
    ) -> AsyncIterator[list[Row]]:
        """Pages of one list to its end; raises ``_TooMany`` where it has none.

        The end is where the upstream says so, and also an empty page, and one of rows that came before.
        """
        seen: set[str] = set()
        offset = 0
        while True:
            envelope = await self._page(path, query, offset)
            if is_cuttable and (envelope.total or 0) > CAP:
                raise _TooMany(envelope.total or 0)
            raws = envelope.incidents if shape is IncidentRow else envelope.log_entries
            if raws is None:
                raise Unreadable(f"{path}: the answer holds no list")
            rows = [row for row in (self._row(raw, shape) for raw in raws) if row is not None]
            is_stuck = bool(rows) and all(row.id in seen for row in rows)
            if rows and not is_stuck:
                yield rows
            offset += len(raws)
            if not envelope.more or not raws or is_stuck:
                return
            if offset >= CAP:
                raise _TooMany(CAP)
            seen.update(row.id for row in rows)

    async def _page(self, path: str, query: Query, offset: int) -> _Envelope:
        self._pages += 1
        if self._pages > _MOST_PAGES:
            raise Unreadable(f"{path}: too many pages")
        paging = [
            ("limit", str(min(PAGE, CAP - offset))),
            ("offset", str(offset)),
            ("total", "false" if offset else "true"),
        ]
        try:
            answer = await self._upstream.get(path, [*query, *paging])
        except Refused as reason:
            if reason.code == _BAD_ARGUMENTS and offset + PAGE >= CAP:  # its word for what is wrong with us as well
                raise _TooMany(CAP) from None
            raise
        return _decoded(answer.body, _Envelope)

    def _row(self, raw: msgspec.Raw, shape: type[Row]) -> Row | None:
        try:
            return msgspec.json.decode(raw, type=shape)
        except FLAWS as reason:
            self._sink.quarantine(_id_in(raw), str(reason))
            return None


def _is_cuttable(begin_ms: int, end_ms: int) -> bool:
    return end_ms - begin_ms > _SHORTEST_SLICE_MS


def _cut(begin_ms: int, end_ms: int, parts: int) -> list[tuple[int, int]]:
    """A time in so many parts, each of whole seconds, the earliest last. Neighbours share their border."""
    seconds = (end_ms - begin_ms) // 1000
    parts = max(1, min(parts, seconds))
    borders = [begin_ms + seconds * part // parts * 1000 for part in range(parts)] + [end_ms]
    return list(pairwise(borders))[::-1]


Decoded = TypeVar("Decoded", _Envelope, _One)


def _decoded(body: bytes, shape: type[Decoded]) -> Decoded:
    try:
        return msgspec.json.decode(body, type=shape)
    except FLAWS as reason:
        raise Unreadable(f"PagerDuty's answer is broken: {reason}") from None


def _id_in(raw: msgspec.Raw) -> object:
    try:
        return msgspec.json.decode(raw, type=_Nameless).id
    except FLAWS:
        return None
