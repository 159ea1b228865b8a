"""Records on their way into a snapshot file that no daemon uses, or into a database that any number use."""

from collections import Counter
from collections.abc import Callable, Iterator

from dora_exporter.app.settings import Settings
from dora_exporter.cli import log_access
from dora_exporter.cli.import_events.batching import groups
from dora_exporter.dora.changes import Outcome
from dora_exporter.dora.records import Record
from dora_exporter.dora.store import EventStore

Make = Callable[[EventStore], Iterator[Record]]
"""Makes the records for a store; some depend on the events that it holds."""


async def keep(make: Make, settings: Settings) -> Counter[Outcome]:
    """Appends the records, to the file under its lock; returns the outcomes of the events in them.

    Raises SnapshotError or DatabaseError, and Unavailable when no more is taken; what went before it is kept.
    """
    outcomes: Counter[Outcome] = Counter()
    async with log_access.opened(settings) as log:
        store = EventStore()
        async for records in log.replay():
            for record in records:
                store.apply(record)
        await log.start(store.apply_all)
        for group in groups(make(store)):
            outcomes.update(await log.append(group))
    return outcomes


def rehearse(make: Make, settings: Settings) -> Counter[Outcome]:
    """Counts the outcomes that the events would have. Writes nothing and takes no lock."""
    outcomes: Counter[Outcome] = Counter()
    store = EventStore()
    file = settings.snapshot.path
    if settings.store.is_database or file.exists() or file.is_symlink():
        for record in log_access.records(settings):
            store.apply(record)
    for record in make(store):
        outcomes.update(store.apply(record))
    return outcomes
