"""The current value of every metric of every series and team: recomputed where something changed or expired."""

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from dora_exporter import metrics
from dora_exporter.agenda import Agenda
from dora_exporter.blocks import Family, TextCache
from dora_exporter.clock import stopwatch
from dora_exporter.events import MINUTE_MS, Deployment, Event, Incident, Series
from dora_exporter.failures.failure import Rule
from dora_exporter.failures.judging import Judging, Ledger
from dora_exporter.group import Group
from dora_exporter.history import History
from dora_exporter.metrics.metric import Metric
from dora_exporter.rollups import Teams
from dora_exporter.store import Change, EventStore
from dora_exporter.tallies import Tallies
from dora_exporter.text import line
from dora_exporter.timeline import Timeline
from dora_exporter.tracks import Window
from dora_exporter.turns import in_turns

_SERVICE_INFO = Family("dora_service_info", "The team and the repository of a service, from its latest deployment.")
_PER_SLICE = 32
_SLICE_SECONDS = 0.004
_END = object()


@dataclass(frozen=True, slots=True)
class Definitions:
    """What the numbers depend on besides the events. Windows are (text, milliseconds)."""

    windows: Sequence[tuple[str, int]]
    retention_ms: int
    series_limit: int
    attribution_limit_ms: int | None = None
    merge_within_ms: int = 30 * MINUTE_MS
    rules: Sequence[Rule] = ()
    teams: Mapping[str, str] = field(default_factory=dict)
    metrics: Sequence[Metric] = metrics.ALL


class Readings:
    """Follows a store, and keeps the text of what is exposed.

    ``load`` it once; then ``update`` until it returns True, and the text caches hold the numbers of that moment.
    ``close`` ends that.
    """

    def __init__(self, store: EventStore, definitions: Definitions) -> None:
        """Reads nothing before ``load``."""
        self._store = store
        self._definitions = definitions
        self._teams = Teams(definitions.teams)
        self._now_ms = 0
        self._written: deque[Change] = deque()
        self._timelines: dict[Series, Timeline] = {}
        self._unsettled: dict[Series, None] = {}
        self._seeks: Agenda[Series] = Agenda()
        self._expiries: Agenda[Group] = Agenda()
        self._rendering: Iterator[None] = iter(())
        self.tallies = Tallies(ranks=store.series_order, series_limit=definitions.series_limit, teams=self._teams)
        self._team_metrics = [each for each in definitions.metrics if each.is_per_team]
        self.series_text = TextCache([*(Family(each.name, each.help) for each in definitions.metrics), _SERVICE_INFO])
        self.team_text = TextCache([Family(_team_name(each.name), each.help) for each in self._team_metrics])

    async def load(self, now_ms: int) -> None:
        """Reads all that the store holds, at most one series at a time, and follows its changes from then on."""
        self._now_ms = now_ms
        held: list[Event] = [*self._store.deployments.values(), *self._store.incidents.values()]
        self._store.observe(self._note)
        await self._read(held, now_ms)

    def close(self) -> None:
        """Follows the store no longer."""
        self._store.ignore(self._note)

    def take_over(self, limit: int) -> bool:
        """Takes over what was written to the store since, at most ``limit`` writes; True when nothing is left."""
        for _ in range(min(limit, len(self._written))):
            if not self._is_prepared(*self._written[0]):
                return False
            self._follow(*self._written.popleft())
        return not self._written

    def update(self, now_ms: int) -> bool:
        """Brings the text caches to a moment, a few milliseconds a call; True when nothing is left to do.

        The moment may lie before the last one: clocks are set back.
        """
        if not self.take_over(_PER_SLICE):
            return False
        if now_ms < self._now_ms:
            self._unsettled.update(dict.fromkeys(self._timelines))
            self._mark_all_groups()
        self._now_ms = now_ms
        self._unsettled.update(dict.fromkeys(self._seeks.due(now_ms)))
        self.tallies.changed.update(dict.fromkeys(self._expiries.due(now_ms)))
        end = stopwatch() + _SLICE_SECONDS
        while stopwatch() < end:
            if next(self._rendering, _END) is not _END:
                continue  # nothing is settled meanwhile: a group that is rendered is there
            if self._unsettled:
                series, _ = self._unsettled.popitem()
                if not self._timelines[series].prepare(now_ms):
                    self._unsettled[series] = None
                    return False
                self._settle(series)
            elif self.tallies.changed:
                self._rendering = self._render(self.tallies.changed.popitem()[0])
            else:
                return True
        return False

    def windows(self) -> list[Window]:
        """The windows as of the moment of the last update."""
        return [Window(text, length, self._now_ms) for text, length in self._definitions.windows]

    def is_superseded(self, deployment: Deployment) -> bool:
        """Whether another report of the same deployment counts in its place."""
        self.take_over(_PER_SLICE)
        timeline = self._timelines.get(deployment.series)
        return timeline is not None and timeline.is_superseded(deployment)

    def timeline(self, series: Series) -> Timeline | None:
        """The events of a series, as of the last update; None when it has none."""
        return self._timelines.get(series)

    def timelines(self) -> dict[Series, Timeline]:
        """The events of all series, as of the last update."""
        return dict(self._timelines)

    def teams_of(self, event: Event) -> tuple[str, ...]:
        """The teams that an event belongs to."""
        return self._teams.of(event)

    def exposed(self) -> Iterator[tuple[Series, History]]:
        """The series that have labels of their own, by name, with what is measured."""
        for series, group in sorted(self.tallies.series.items(), key=lambda item: item[0]):
            if self.tallies.is_exposed(group):
                yield series, group.history

    @property
    def series(self) -> int:
        """Distinct series with at least one event."""
        return len(self.tallies.folding)

    @property
    def series_folded(self) -> int:
        """Those beyond the limit."""
        return self.tallies.folding.folded

    @property
    def teams(self) -> int:
        """Distinct teams and environments with at least one event."""
        return len(self.tallies.team_folding)

    @property
    def teams_folded(self) -> int:
        """Those beyond the limit."""
        return self.tallies.team_folding.folded

    @property
    def series_limit(self) -> int:
        """How many series are exposed by name."""
        return self._definitions.series_limit

    @property
    def lead_time_commits_dropped(self) -> Mapping[str, int]:
        """Commits that are no lead time sample, by cause."""
        return {"negative": sum(group.history.dropped for group in self.tallies.series.values())}

    async def _read(self, held: list[Event], now_ms: int) -> None:
        by_series = await _by_series(held)
        async for series in in_turns(sorted(by_series, key=self._rank)):
            self._timeline(series).load(*by_series.pop(series), now_ms)
            self._unsettled[series] = None
        self.tallies.end_loading()

    def _timeline(self, series: Series) -> Timeline:
        timeline = self._timelines.get(series)
        if timeline is None:
            timeline = self._timelines[series] = self._new_timeline(self.tallies.ledger(series))
        return timeline

    def _new_timeline(self, ledger: Ledger) -> Timeline:
        judging = Judging(
            rules=self._definitions.rules,
            attribution_limit_ms=self._definitions.attribution_limit_ms,
            find=self._store.deployments.get,
            ledger=ledger,
        )
        return Timeline(
            judging,
            ledger,
            retention_ms=self._definitions.retention_ms,
            merge_within_ms=self._definitions.merge_within_ms,
        )

    def _note(self, changes: Sequence[Change]) -> None:
        """Notes writes, to be taken over later: many at once must not wait for what each means."""
        self._written.extend(changes)

    def _is_prepared(self, before: Event | None, after: Event | None) -> bool:
        """Whether the series of a write are ready for it; a long one gets a little more so with each call."""
        for event in (before, after):
            for series in _homes(event) if event else ():
                timeline = self._timelines.get(series)
                if timeline and not timeline.judging.lineup.prepare(event):
                    return False
        return True

    def _rank(self, series: Series) -> int:
        return self._store.series_order.get(series, -1)

    def _follow(self, before: Event | None, after: Event | None) -> None:
        """Takes a write over into the timelines."""
        if before is after:
            return
        for event, change in ((before, Timeline.take), (after, Timeline.put)):
            if event:
                for series in _homes(event):
                    change(self._timeline(series), event)
                    self._unsettled[series] = None

    def _settle(self, series: Series) -> None:
        timeline = self._timelines[series]
        timeline.seek(self._now_ms)
        self._seeks.schedule(series, timeline.next_change)
        if timeline.is_empty:
            del self._timelines[series]
            self._seeks.forget(series)
            group = self.tallies.drop(series)
            if group:
                self._expiries.forget(group)
                self.series_text.drop(group.key)

    def _render(self, group: Group) -> Iterator[None]:
        """Puts a group's lines into the text it belongs to, a family at a time: one may hold all events there are."""
        is_team = "team" in group.labels
        text = self.team_text if is_team else self.series_text
        if not self.tallies.is_exposed(group):
            text.drop(group.key)
            if self.tallies.forget_team(group):
                self._expiries.forget(group)
            return
        windows = self.windows()
        for index, metric in enumerate(self._team_metrics if is_team else self._definitions.metrics):
            text.set(index, group.key, group.lines(metric, text.families[index].name, windows))
            yield
        if not is_team:
            text.set(len(self._definitions.metrics), group.key, self._service_info(group))
        self._expiries.schedule(group, group.history.changes_after(windows))
        if windows != self.windows():  # time went on meanwhile, and what became due was asked for before this
            self.tallies.changed[group] = None

    def _service_info(self, group: Group) -> bytes:
        timeline = self._timelines.get(Series(*group.key))
        latest = timeline.latest if timeline else None
        if group is self.tallies.surplus or latest is None:
            return b""
        described = {"team": self._teams.of_deployment(latest) or "", "repository": latest.repository or ""}
        return line(_SERVICE_INFO.name, {**group.labels, **described}, 1)

    def _mark_all_groups(self) -> None:
        self.tallies.changed.update(dict.fromkeys(self.tallies.groups()))


def _homes(event: Event) -> Iterator[Series]:
    """The series in which an event counts; one without a service is for an incident that names only a team."""
    if isinstance(event, Deployment):
        yield event.series
    elif event.merged_into is None:
        yield from event.series
        if not event.services and event.team:
            yield Series("", event.environment)


async def _by_series(held: list[Event]) -> dict[Series, tuple[list[Deployment], list[Incident]]]:
    """The events of each series, sorted out in slices."""
    by_series: defaultdict[tuple[str, str], tuple[list[Deployment], list[Incident]]] = defaultdict(lambda: ([], []))
    async for event in in_turns(held):
        if isinstance(event, Deployment):
            by_series[event.service, event.environment][0].append(event)
        else:
            for series in _homes(event):
                by_series[series][1].append(event)
    return {Series(*names): events for names, events in by_series.items()}


def _team_name(name: str) -> str:
    return name.replace("dora_", "dora_team_", 1)
