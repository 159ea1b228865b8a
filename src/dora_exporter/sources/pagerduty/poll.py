"""One pass over a PagerDuty account: what is new, what is open, what changed, and now and then everything."""

import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from dora_exporter.dora.events import Incident
from dora_exporter.sources.contract import Memory, Sink
from dora_exporter.sources.http.client import Query
from dora_exporter.sources.http.timestamps import moment
from dora_exporter.sources.pagerduty.api import PagerDutyApi
from dora_exporter.sources.pagerduty.mapping import IncidentMapping
from dora_exporter.sources.pagerduty.poll_window import FEED_DELAY_MS, Plan
from dora_exporter.sources.pagerduty.rows import (
    IncidentRow,
    LogEntry,
    NotUnderstood,
    ReportedIncident,
    reported_incident,
)
from dora_exporter.sources.pagerduty.settings import PagerDutySettings

logger = logging.getLogger(__name__)

_MOST_SINGLE = 1000
"""More incidents than this are cheaper to list than to ask for one by one."""
_MOST_TRIES = 3


@dataclass
class PollState:
    """What a source remembers while it runs; without it a pass only asks more than it must.

    ``entries`` are those of the change feed that were followed up, with their times. ``failures`` counts how often an
    incident could not be read.
    """

    entries: dict[str, int] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)


class Pass:
    """One pass; make a new one for each."""

    def __init__(
        self,
        *,
        api: PagerDutyApi,
        mapping: IncidentMapping,
        sink: Sink,
        settings: PagerDutySettings,
        backfill_ms: int,
        state: PollState,
    ) -> None:
        """``state`` is carried from pass to pass."""
        self._api = api
        self._mapping = mapping
        self._sink = sink
        self._settings = settings
        self._backfill_ms = backfill_ms
        self._state = state
        self._filters = _filters(settings)
        self._entries: dict[str, int] = {}
        self._changed: set[str] = set()
        self._numbers: set[int | None] = set()
        self._now_ms = 0

    async def run(self, memory: Memory, *, now_ms: int) -> Memory:
        """Reads everything; returns the state to remember."""
        self._now_ms = now_ms
        pushes = self._mapping.pushes
        self._changed.update(self._mapping.recently_pushed)
        plan = Plan.of(memory, self._settings, backfill_ms=self._backfill_ms, now_ms=now_ms)
        if not memory:
            await self._mapping.settle(self._sink, everything=True)
        if not plan.is_relist and not await self._read_feed(plan):
            plan = plan.relist(self._backfill_ms)
        await self._write_all(self._api.incidents(self._filters, since_ms=plan.since, until_ms=now_ms))
        await self._recheck_open(plan)
        await self._refresh(sorted(self._changed))
        if plan.is_relist:
            await self._refresh(await self._not_listed(plan))
        await self._mapping.settle(self._sink)
        await self._sink.flush()
        self._recollect(plan, pushes)
        return plan.memory()

    async def _read_feed(self, plan: Plan) -> bool:
        """Collects the incidents that changed; whether they are few enough to be asked for one by one."""
        async for entries in self._api.log_entries(since_ms=plan.feed_since, until_ms=plan.now):
            for entry in entries:
                if entry.incident is None or entry.id in self._state.entries:
                    continue
                self._entries[entry.id] = moment(entry.created_at, now_ms=plan.now) or plan.now
                if self._concerns_us(entry, entry.incident.id):
                    self._changed.add(entry.incident.id)
            if len(self._changed) > _MOST_SINGLE:
                self._changed.clear()
                return False
        return True

    def _concerns_us(self, entry: LogEntry, incident_id: str) -> bool:
        """The feed knows no filter by service."""
        wanted = self._settings.service_ids
        is_elsewhere = bool(wanted) and entry.service is not None and entry.service.id not in wanted
        return not is_elsewhere or self._sink.incident(self._mapping.event_id(incident_id)) is not None

    async def _recheck_open(self, plan: Plan) -> None:
        """The open set: what the upstream lists, and what is held as open and not listed any more."""
        listed: set[str] = set()
        pages = self._api.open_incidents(self._filters, since_ms=plan.now - self._backfill_ms, until_ms=plan.now)
        await self._write_all(pages, listed)
        await self._sink.flush()
        held = [each for each in self._sink.open_incidents() if not _is_unreachable(each)]
        self._changed.update(_upstream_id(each) for each in held if _upstream_id(each) not in listed)

    async def _not_listed(self, plan: Plan) -> list[str]:
        """Incidents that are held and should have been in the list of everything, but were not."""
        await self._sink.flush()
        missing: list[str] = []
        async for incident in self._sink.incidents():
            number = (incident.upstream or {}).get("number")
            if (
                plan.since < incident.started_at < plan.now
                and number is not None
                and number not in self._numbers
                and (incident.services or incident.team)
                and not _is_unreachable(incident)
            ):
                missing.append(_upstream_id(incident))
        return missing[:_MOST_SINGLE]

    async def _write_all(self, pages: AsyncIterator[list[IncidentRow]], listed: set[str] | None = None) -> None:
        asked = self._mapping.pushes
        async for rows in pages:
            await self._write_page(rows, asked)
            if listed is not None:
                listed.update(row.id for row in rows)
            asked = self._mapping.pushes

    async def _refresh(self, upstream_ids: Iterable[str]) -> None:
        """Asks for incidents one by one."""
        for upstream_id in upstream_ids:
            asked = self._mapping.pushes
            row = await self._api.incident(upstream_id)
            if row is None:
                await self._note_failure(upstream_id)
            else:
                await self._write_page([row], asked)

    async def _note_failure(self, upstream_id: str) -> None:
        """Keeps an incident that cannot be read as it was; after some tries it is marked unreachable."""
        failures = self._state.failures
        failures[upstream_id] = failures.get(upstream_id, 0) + 1
        held = self._sink.incident(self._mapping.event_id(upstream_id))
        if held is not None and failures[upstream_id] >= _MOST_TRIES and not _is_unreachable(held):
            logger.warning("incident is no longer readable id=%s", held.id)
            await self._sink.write([replace(held, upstream={**(held.upstream or {}), "unreachable": True})])

    async def _write_page(self, rows: Sequence[IncidentRow], asked: int) -> None:
        """Writes a page. Nothing is awaited between reading the held incidents and the write."""
        reported = [seen for row in rows if (seen := await self._reported(row)) is not None]
        found: list[Incident] = []
        for seen in reported:
            try:
                incident = self._mapping.polled(seen, self._sink, asked=asked, now_ms=self._now_ms)
            except NotUnderstood as reason:
                self._sink.quarantine(seen.id, str(reason))
                continue
            if incident is None:
                self._sink.skip()
            else:
                found.append(incident)
        await self._sink.write(found)

    async def _reported(self, row: IncidentRow) -> ReportedIncident | None:
        """A row, completed from another request."""
        is_changed = row.id in self._changed
        self._changed.discard(row.id)
        self._state.failures.pop(row.id, None)
        try:
            seen = reported_incident(row, now_ms=self._now_ms)
            if self._mapping.wants_field(
                seen, self._sink.incident(self._mapping.event_id(row.id)), is_changed=is_changed
            ):
                whole = await self._api.incident(row.id)
                seen = seen if whole is None else reported_incident(whole, now_ms=self._now_ms)
        except NotUnderstood as reason:
            self._sink.quarantine(row.id, str(reason))
            return None
        self._numbers.add(seen.number)
        if seen.ended_unseen:
            ended = moment(await self._api.resolved_at(row.id), now_ms=self._now_ms)
            return replace(seen, finished_at=seen.revision if ended is None else ended)
        return seen

    def _recollect(self, plan: Plan, pushes: int) -> None:
        """Remembers what was followed up, now that it is durable."""
        self._mapping.forget_pushes(pushes)
        entries = {**self._state.entries, **self._entries}
        oldest = plan.now - self._settings.overlap.ms - FEED_DELAY_MS
        self._state.entries = {each: at for each, at in entries.items() if at >= oldest}


def _filters(settings: PagerDutySettings) -> Query:
    """The filters that the API knows; priorities are judged here."""
    return [
        *(("service_ids[]", each) for each in settings.service_ids),
        *(("team_ids[]", each) for each in settings.team_ids),
        *(("urgencies[]", each) for each in settings.urgencies),
    ]


def _upstream_id(incident: Incident) -> str:
    return incident.id.partition(":")[2]


def _is_unreachable(incident: Incident) -> bool:
    return bool((incident.upstream or {}).get("unreachable"))
