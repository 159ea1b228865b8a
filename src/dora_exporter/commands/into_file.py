"""Records on their way into a snapshot file that no daemon uses."""

from collections import Counter
from collections.abc import Callable, Iterator

from dora_exporter.commands.groups import groups
from dora_exporter.config import SnapshotSettings
from dora_exporter.records import Record
from dora_exporter.snapshot import SnapshotFile, read
from dora_exporter.store import EventStore, Outcome

Make = Callable[[EventStore], Iterator[Record]]
"""Makes the records, given the store that they go to: what it holds decides about some."""


async def keep(make: Make, snapshot: SnapshotSettings) -> Counter[Outcome]:
    """Appends the records to the file, under its lock; what became of the events in them.

    Raises SnapshotError, and Unavailable when the file takes no more; what went before it is kept.
    """
    outcomes: Counter[Outcome] = Counter()
    log = SnapshotFile(snapshot.path, durability=snapshot.durability)
    log.open()
    try:
        store = EventStore()
        async for records in log.replay():
            for record in records:
                store.apply(record)
        await log.start(store.apply_all)
        for group in groups(make(store)):
            outcomes.update(await log.append(group))
    finally:
        await log.close()
    return outcomes


def rehearse(make: Make, snapshot: SnapshotSettings) -> Counter[Outcome]:
    """What would become of the events. Touches nothing and takes no lock."""
    outcomes: Counter[Outcome] = Counter()
    store = EventStore()
    if snapshot.path.exists():
        for record in read(snapshot.path):
            store.apply(record)
    for record in make(store):
        outcomes.update(store.apply(record))
    return outcomes
