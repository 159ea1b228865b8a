"""Decides which events of one series count at a moment.

A deployment counts from its finished_at, an incident from its started_at, and both until they are older than the
retention. Open incidents and the last deployment never expire.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from operator import attrgetter

from dora_exporter.dora.events import Deployment, Event, Incident
from dora_exporter.dora.failures.classifier import Classifier
from dora_exporter.dora.failures.order import by_finish_in_steps, finish_order
from dora_exporter.dora.failures.updates import Updates
from dora_exporter.dora.reports import are_any_found
from dora_exporter.dora.sorted_in_steps import batches
from dora_exporter.series.attempts import Attempts
from dora_exporter.series.counting_incidents import CountingIncidents
from dora_exporter.series.incident_phases import IncidentPhases
from dora_exporter.series.report_pairing import Pairing

_finished_at = attrgetter("finished_at")


class SeriesState:
    """The events of a series, classified as far as they count at the present moment.

    ``adding`` and ``removing`` change the events, ``seeking`` moves to a moment, which may lie before the last one, all
    step by step. The cost depends on what changes, not on what is held.
    """

    def __init__(
        self,
        classifier: Classifier,
        updates: Updates,
        *,
        retention_ms: int,
        merge_within_ms: int,
        counting: CountingIncidents,
    ) -> None:
        """An empty series."""
        self.classifier = classifier
        self.version = 0
        """Increases with every change, when it begins and when it is done."""
        self.attempts = Attempts(updates, retention_ms=retention_ms)
        self._updates = updates
        self._counting = counting
        self._retention_ms = retention_ms
        self._now_ms = 0
        self._pairing: Pairing | None = None
        self._merge_within_ms = merge_within_ms
        self._expired: list[Deployment] = []
        self._future: list[Deployment] = []
        self._arrived: dict[str, Deployment] = {}
        """Deployments added since the last move that finish after it. The next move counts most of them unsorted."""
        self.incidents = IncidentPhases(updates, counting, retention_ms=retention_ms)

    def loading(self, deployments: list[Deployment], incidents: Iterable[Incident], now_ms: int) -> Iterator[None]:
        """Fills an empty state and moves it to a moment, step by step."""
        self._now_ms = now_ms
        held: list[Deployment] = []
        attempts: list[Deployment] = []
        for some in batches(deployments):
            attempts += [each for each in some if each.outcome]
            # Few series have attempts: until there is one, no slice is looked through a second time.
            held += [each for each in some if not each.outcome] if attempts else some
            yield
        if are_any_found(held):
            held = yield from self._pairs().loading(held)
        yield
        ordered = yield from by_finish_in_steps(held)
        seen = bisect_right(ordered, now_ms, key=_finished_at)
        # The last one that has finished counts however old it is: it keeps the series known.
        living = min(bisect_left(ordered, now_ms - self._retention_ms, key=_finished_at), max(seen - 1, 0))
        self._expired, self._future = ordered[:living], ordered[seen:]
        for some in batches(ordered[living:]):
            self._updates.presence(some, 1)
            yield
        for attempt in attempts:
            yield from self.attempts.adding(attempt, now_ms)
            yield
        for incident in incidents:
            self.incidents.put(incident, now_ms)
            yield
        yield from self._counting.settling()
        yield from self.classifier.loading(ordered[living:seen])

    def prepare(self, now_ms: int) -> bool:
        """Prepares for a move to a moment, a few milliseconds a call; True once it is done."""
        # Where nothing comes or goes nothing is searched: a series at rest is spared the memory of an index.
        due = self.next_change
        is_still = now_ms >= self._now_ms and (due is None or due > now_ms)
        return is_still or self.classifier.in_order.prepare()

    def adding(self, event: Event) -> Iterator[None]:
        """Adds an event."""
        self.version += 1
        if isinstance(event, Incident):
            self.incidents.put(event, self._now_ms)
        elif event.outcome:
            yield from self.attempts.adding(event, self._now_ms)
        else:
            yield from self._changing(event, comes=True)
        self.version += 1

    def removing(self, event: Event) -> Iterator[None]:
        """Removes an event."""
        self.version += 1
        if isinstance(event, Incident):
            self.incidents.remove(event)
        elif event.outcome:
            yield from self.attempts.removing(event)
        else:
            yield from self._changing(event, comes=False)
        self.version += 1

    def seeking(self, now_ms: int) -> Iterator[None]:
        """Moves to a moment and classifies what changed, step by step."""
        backwards, self._now_ms = now_ms < self._now_ms, now_ms
        self.version += 1
        yield from self._move_deployments(now_ms)
        if self.attempts.held or self.attempts.due:
            yield from self.attempts.seeking(now_ms, backwards=backwards)
        if self.incidents.held or self.incidents.due:
            yield from self.incidents.seeking(now_ms, backwards=backwards)
        if self._counting.changed:
            yield from self._counting.settling()
        yield from self.classifier.settling()
        self.version += 1

    @property
    def latest(self) -> Deployment | None:
        """The deployment that finished last."""
        living = self.classifier.in_order.by_finish
        return living[-1] if living else None

    @property
    def next_change(self) -> int | None:
        """The next moment at which an event begins or ceases to count, or an incident ends; None without one."""
        living = self.classifier.in_order.by_finish
        moments = [deployment.finished_at for deployment in (*self._future[:1], *self._arrived.values())]
        # + 1, because at the age of the retention itself it still counts. The last one never ceases.
        moments += [deployment.finished_at + self._retention_ms + 1 for deployment in living[:1] if len(living) > 1]
        moments += [due[0][0] for due in (self.incidents.due, self.attempts.due) if due]
        return min(moments, default=None)

    def waiting(self) -> Iterator[tuple[Deployment, str]]:
        """The deployments that do not count, and why."""
        yield from ((deployment, "finishes later") for deployment in (*self._future, *self._arrived.values()))
        yield from ((deployment, "is older than the retention") for deployment in self._expired)
        if self._pairing:
            for report, counted in self._pairing.superseded():
                yield report, f"is another report of {counted.id}, which counts"

    def held(self) -> Sequence[Sequence[Event]]:
        """All events, also those that do not count, in lists that stay as they are whatever comes.

        Where several reports are one deployment, it comes as merged.
        """
        return (
            list(self.classifier.in_order.by_finish),
            [deployment for deployment, _ in self.waiting()],
            list(self.attempts.newest_first()),
            list(self.incidents.held.values()),
        )

    def has_between(self, first_ms: int, last_ms: int) -> bool:
        """Whether a deployment ended, or an incident began or ended, after one moment and until another."""
        for ordered in (self.classifier.in_order.by_finish, self._expired, self._future):
            if bisect_right(ordered, first_ms, key=_finished_at) < bisect_right(ordered, last_ms, key=_finished_at):
                return True
        reports = self._pairing.superseded() if self._pairing else ()
        others = (*(report for report, _ in reports), *self._arrived.values(), *self.attempts.held.values())
        ends = [each.finished_at for each in others]
        moments = [moment for each in self.incidents.held.values() for moment in (each.started_at, each.finished_at)]
        return any(moment is not None and first_ms < moment <= last_ms for moment in (*ends, *moments))

    def named_teams(self) -> set[str]:
        """The teams that its deployments name."""
        waiting = (deployment for deployment, _ in self.waiting())
        deployments = chain(self.classifier.in_order.by_finish, waiting, self.attempts.held.values())
        return {deployment.team for deployment in deployments if deployment.team is not None}

    @property
    def size(self) -> int:
        """The number of events, expired ones included."""
        deployments = (self.classifier.in_order.by_finish, self._future, self._arrived, self._expired)
        return sum(map(len, deployments)) + len(self.attempts.held) + len(self.incidents.held)

    def present(self) -> Iterator[Sequence[Event]]:
        """The events that make the series known, some at a step: deployments, attempts included, then incidents."""
        deployments = (self.classifier.in_order.by_finish, self._future, list(self._arrived.values()))
        all_of_them: tuple[Sequence[Event], ...] = (*deployments, self.attempts.present(), self.incidents.present())
        for events in all_of_them:
            yield from batches(events)

    def parts(self) -> Iterator[object]:
        """What it consists of, to be freed from the last to the first: all at once takes long."""
        yield from (self._expired, self._future)
        yield from self.incidents.parts()
        yield from self.classifier.parts()

    def is_superseded(self, deployment: Deployment) -> bool:
        """Whether another report of the same deployment counts in its place."""
        return self._pairing is not None and self._pairing.is_superseded(deployment)

    def _pairs(self) -> Pairing:
        if self._pairing is None:
            self._pairing = Pairing(within_ms=self._merge_within_ms)
            self.classifier.named.reports = self._pairing
        return self._pairing

    def _begun_around(self, found: Deployment, within_ms: int) -> Iterator[Deployment]:
        """The deployments that started within a time of another one, and a few more."""
        earliest = found.started_at - within_ms
        yield from self.classifier.in_order.started_between(earliest, found.started_at + within_ms)
        yield from self._expired[bisect_left(self._expired, earliest, key=_finished_at) :]
        yield from self._future
        yield from self._arrived.values()

    def _changing(self, deployment: Deployment, *, comes: bool) -> Iterator[None]:
        """Adds or removes a deployment, and updates its other reports."""
        # Most series hear from senders alone, and these are one reporter: there is nothing to pair.
        if self._pairing is None and not deployment.is_found:
            changes: list[tuple[Deployment | None, Deployment | None]]
            changes = [(None, deployment) if comes else (deployment, None)]
        else:
            changes = list(self._pairs().change(deployment, self._begun_around, comes=comes))
        for before, _ in changes:
            if before:
                yield from self._removing(before)
        for _, after in changes:
            if after:
                yield from self._putting(after)

    def _putting(self, deployment: Deployment) -> Iterator[None]:
        self._updates.presence([deployment], 1)
        if deployment.finished_at > self._now_ms:
            self._arrived[deployment.id] = deployment
        else:
            yield from self.classifier.adding(deployment)

    def _removing(self, deployment: Deployment) -> Iterator[None]:
        if self.classifier.in_order.holds(deployment):
            yield from self.classifier.removing(deployment)
        elif deployment.finished_at > self._now_ms:
            if self._arrived.pop(deployment.id, None) is None:
                _discard(self._future, deployment)
        else:
            _discard(self._expired, deployment)
            return  # it had ceased to make the series known, so no presence is to be taken back
        self._updates.presence([deployment], -1)

    def _move_deployments(self, now_ms: int) -> Iterator[None]:
        classifier, living = self.classifier, self.classifier.in_order.by_finish
        while living and living[-1].finished_at > now_ms:
            insort(self._future, living[-1], key=finish_order)
            yield from classifier.removing(living[-1])
            yield
        yield from self._sort_in(now_ms)
        while self._future and self._future[0].finished_at <= now_ms:
            yield from classifier.adding(self._future.pop(0))
            yield
        # What comes back: those that a clock set back makes young again, and the latest one where no other is left.
        oldest = now_ms - self._retention_ms
        while self._expired and (not living or self._expired[-1].finished_at >= oldest or self._is_out_of_order()):
            self._updates.presence([self._expired[-1]], 1)
            yield from classifier.adding(self._expired.pop())
            yield
        while len(living) > 1 and living[0].finished_at < oldest:
            self._updates.presence([living[0]], -1)
            insort(self._expired, living[0], key=finish_order)
            yield from classifier.removing(living[0])
            yield

    def _sort_in(self, now_ms: int) -> Iterator[None]:
        """Lets arrived deployments count, or wait in order for their time."""
        for deployment in sorted(self._arrived.values(), key=finish_order):
            if deployment.finished_at <= now_ms:
                yield from self.classifier.adding(deployment)
            else:
                insort(self._future, deployment, key=finish_order)
            yield
        self._arrived.clear()

    def _is_out_of_order(self) -> bool:
        """Whether the last deployment is one that was written after a later one had expired."""
        return bool(finish_order(self._expired[-1]) > finish_order(self.classifier.in_order.by_finish[0]))


def _discard(ordered: list[Deployment], deployment: Deployment) -> None:
    del ordered[bisect_left(ordered, finish_order(deployment), key=finish_order)]
