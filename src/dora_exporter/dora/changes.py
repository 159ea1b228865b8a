"""Changes of events: what a write did, who hears of it, and how many there were."""

import enum
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence

from dora_exporter.dora.events import SENT, Deployment, Event, Incident

Change = tuple[Event | None, Event | None]
"""A write to an event, as the event before and after it: None before it is created and after it is deleted, the same
object twice when the write changed nothing."""
Observer = Callable[[Sequence[Change]], None]
"""Receives the changes of events in order, after all records of one call were applied."""

Renew = Callable[[], Awaitable[None]]
"""Has an observer read all events again, those that the store holds when it is called. What changes from then on is
told once it is done."""

_COUNTED_AT_ONCE = 256

logger = logging.getLogger(__name__)


class Outcome(enum.Enum):
    """What a write did to an event."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DELETED = "deleted"


def outcome(before: Event | None, after: Event | None) -> Outcome:
    """The outcome of a write, from the event before and after it."""
    if before is after:
        return Outcome.UNCHANGED
    if before is None:
        return Outcome.CREATED
    return Outcome.DELETED if after is None else Outcome.UPDATED


class Observers:
    """The observers of a store.

    ``failures`` counts how often one raised, ``notified`` the calls with changes, and ``notified_linked`` those among
    them with something for observers of what is linked.
    """

    def __init__(self) -> None:
        """None."""
        self.failures = self.notified = self.notified_linked = 0
        self._renewals: dict[Observer, Renew | None] = {}
        self._of_linked: set[Observer] = set()
        self._astray: dict[Observer, None] = {}
        self._missed: dict[Observer, list[Change]] = {}

    def add(self, observer: Observer, renew: Renew | None = None, *, only_linked: bool = False) -> None:
        """Adds an observer of the writes from now on; one without ``renew`` goes on as it is after it raised.

        With ``only_linked`` it hears of no deployment without a commit, a repository or facts of its source.
        """
        self._renewals[observer] = renew
        if only_linked:
            self._of_linked.add(observer)

    def remove(self, observer: Observer) -> None:
        """Removes an observer."""
        del self._renewals[observer]
        self._of_linked.discard(observer)
        self._astray.pop(observer, None)

    def notify(self, changes: Sequence[Change]) -> None:
        """Tells all observers. One that raises does not keep the others from hearing, and undoes nothing."""
        self.notified += bool(changes)
        linked = [each for each in changes if _is_linked(each[0]) or _is_linked(each[1])]
        self.notified_linked += bool(linked)
        for observer in tuple(self._renewals):
            told = linked if observer in self._of_linked else changes
            if observer in self._missed:
                self._missed[observer].extend(told)
            elif told:
                self._notify(observer, told)

    async def renew(self) -> None:
        """Has the observers that raised read the store again. One that fails at that is tried at the next call."""
        for observer in tuple(self._astray):
            renew = self._renewals.get(observer)
            if renew is None:
                self._astray.pop(observer, None)
            elif observer not in self._missed:
                await self._renew(observer, renew)

    async def _renew(self, observer: Observer, renew: Renew) -> None:
        missed = self._missed[observer] = []
        try:
            await renew()
        except Exception:  # noqa: BLE001  # it was said when it raised first, and others are to be renewed, too
            self.failures += 1
        else:
            self._astray.pop(observer, None)
            logger.warning("event observer renewed observer=%s", _name(observer))
        finally:
            del self._missed[observer]
        self._notify(observer, missed)

    def _notify(self, observer: Observer, changes: Sequence[Change]) -> None:
        try:
            observer(changes)
        except Exception:
            self.failures += 1
            if observer not in self._astray:
                self._astray[observer] = None
                logger.exception("event observer failed observer=%s", _name(observer))


class WriteCounts:
    """Counts writes to events, from when it is told of them on."""

    def __init__(self) -> None:
        """Starts at zero for events from the API, so that a first event is an increase."""
        self._uncounted: list[Change] = []
        self._counts = Counter({(kind, SENT, each): 0 for kind in (Deployment, Incident) for each in Outcome})
        self.is_paused = False
        """True while another replica's writes are followed: that replica counts them."""

    def observe(self, changes: Sequence[Change]) -> None:
        """Counts a batch of writes."""
        if not self.is_paused:
            self._uncounted += changes
        if len(self._uncounted) >= _COUNTED_AT_ONCE:
            self._count()

    def now(self) -> Mapping[tuple[type[Event], str, Outcome], int]:
        """The number of writes by type and source of the event, and by outcome."""
        self._count()
        return self._counts

    def _count(self) -> None:
        self._counts.update(
            (type(event), event.source, outcome(before, after))
            for before, after in self._uncounted
            if (event := after or before) is not None
        )
        self._uncounted.clear()


def _is_linked(event: Event | None) -> bool:
    """Whether an event is an incident, or a deployment that names a commit, a repository or facts of its source."""
    if event is None:
        return False
    return (
        event.repository is not None
        or event.commit_sha is not None
        or event.upstream is not None
        or isinstance(event, Incident)
        or event.commits is not None
        or event.shipped is not None
        or bool(event.further)
    )


def _name(observer: Observer) -> str:
    return getattr(observer, "__qualname__", type(observer).__name__)
