"""Applies the shared log: records take effect in the order of their positions, our own among them."""

import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from itertools import groupby
from typing import Any

from dora_exporter.dora.changes import Outcome
from dora_exporter.dora.event_log import Apply, Unavailable
from dora_exporter.dora.events import same_content
from dora_exporter.dora.records import Record
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.cooperative import in_turns
from dora_exporter.storage.postgresql.append_queue import Append, refuse
from dora_exporter.storage.postgresql.statements import Head, Page

Become = Callable[[EventStore], Awaitable[None]]
"""Adopts the state of another store, where the records that lead to it were compacted away."""

logger = logging.getLogger(__name__)


class Applied:
    """Applies records up to ``position``; ``lost`` counts those that could not be applied.

    ``head`` is the last position that is known to be committed.
    """

    def __init__(self) -> None:
        """Nothing is applied before ``begin``."""
        self.position = 0
        self.head = 0
        self.lost = 0
        self._nonce: int | None = None
        self._owed: dict[int, Append] = {}
        self._apply: Apply | None = None
        self._follow: Apply | None = None
        self._become: Become | None = None

    def begin(self, apply: Apply, follow: Apply, become: Become | None) -> None:
        """From here on ``apply`` applies our own records, and ``follow`` those of others."""
        self._apply, self._follow, self._become = apply, follow, become

    def stand_at(self, head: Head) -> None:
        """All up to the end of the log was read at once."""
        self.position, self.head, self._nonce = head.position, head.position, head.nonce

    def is_continued_by(self, head: Head) -> bool:
        """Whether the log goes on from what is applied; ``head`` was asked about ``position``.

        Not where compaction has overtaken it, nor where the database failed over to a copy that was behind: others may
        have written past the place by now, and then another append wrote the row that was applied last.
        """
        if not head.compacted_to <= self.position <= head.position:
            return False
        return self.position == head.compacted_to or head.nonce == self._nonce

    def apply_batch(self, batch: Sequence[Append], base: int, nonce: int) -> bool:
        """Appends of ours were committed behind ``base``. False where records of others have to be applied first."""
        is_next = base == self.position
        self.head = max(self.head, base + sum(len(each.entries) for each in batch))
        for append in batch:
            records = [entry.record for entry in append.entries]
            if is_next or not records:
                self.position += len(records)
                append.note_applied(self._outcomes(self._apply, records), len(records))
            else:
                # Others committed in between. Ours take effect when the page that holds them is applied: every replica
                # applies one order, and the outcome depends on it.
                self._owed.update(dict.fromkeys(range(base + 1, base + 1 + len(records)), append))
                base += len(records)
        if is_next and self.position > base:
            self._nonce = nonce
        return is_next

    def apply_page(self, page: Page) -> None:
        """Applies the records of a page; those of one append together, and so those of others."""
        self.lost += page.lost
        for own, group in groupby(page.records, lambda each: self._owed.pop(each[0], None)):
            records = [record for _, record in group]
            outcomes = self._outcomes(self._apply if own else self._follow, records)
            if own is not None:
                own.note_applied(outcomes, len(records))
        self.position, self._nonce = page.last, page.nonce
        for position in [each for each in self._owed if each <= page.last]:  # a row of ours that cannot be read
            self._owed.pop(position).refuse(Unavailable("the record is stored but cannot be read"))

    async def become(self, store: EventStore) -> None:
        """Adopts a whole state. Open appends of ours are refused: their records may be in it or not."""
        self.refuse(Unavailable("the event log is being re-read"))
        self._owed.clear()
        if self._become is not None:
            await self._become(store)

    def refuse(self, error: Unavailable) -> None:
        """Refuses the appends of ours that are committed and not applied yet."""
        refuse(dict.fromkeys(self._owed.values()), error)

    def _outcomes(self, apply: Apply | None, records: Sequence[Record]) -> list[Outcome]:
        """Applies records; one that raises is skipped, so that it does not end the replication of all others."""
        if apply is None:
            return []
        try:
            return apply(records)
        except Exception:
            if len(records) > 1:
                return [outcome for record in records for outcome in self._outcomes(apply, [record])]
            self.lost += 1
            logger.exception("record not applied record=%r", type(records[0]).__name__)
            return []


async def become(store: EventStore, other: EventStore) -> None:
    """Adopts the state of another store, a few milliseconds at a time; observers are told of each difference.

    Nothing else may change either of the stores until it returns.
    """
    store.tombstones = other.tombstones
    # Before any event: the order of appearance decides which series are shown when there are too many.
    for series in other.series_order:
        store.note_series(*series)
    pairs: tuple[tuple[MutableMapping[str, Any], Mapping[str, Any]], ...] = (
        (store.deployments, other.deployments),
        (store.incidents, other.incidents),
    )
    for held, wanted in pairs:
        surplus = [event_id async for event_id in in_turns(held) if event_id not in wanted]
        async for event_id in in_turns(surplus):
            store.observers.notify([(held.pop(event_id), None)])
        async for after in in_turns(wanted.values()):
            before = held.get(after.id)
            if not same_content(before, after):
                held[after.id] = after
                store.observers.notify([(before, after)])
    store.cursors.adopt(other.cursors)
