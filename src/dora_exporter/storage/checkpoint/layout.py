"""What is in a checkpoint: the head, the events as columns, and the rest of what a store holds."""

import asyncio
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from itertools import chain

import msgspec

from dora_exporter import __version__
from dora_exporter.dora.events import Deployment, Incident
from dora_exporter.dora.failures.order import by_finish
from dora_exporter.dora.records import Record
from dora_exporter.dora.sorted_in_steps import batches
from dora_exporter.dora.store import EventStore
from dora_exporter.storage.checkpoint import columns
from dora_exporter.storage.checkpoint.columns import Place, PlaceTable
from dora_exporter.storage.checkpoint.frames import Damaged

_FORMAT = 7
_PROGRAM = f"{__version__}/{_FORMAT}/{sys.byteorder}"
_INCIDENTS_PER_CHUNK = 2048


class Head(msgspec.Struct, frozen=True):
    """What a checkpoint was made from: the first ``length`` bytes of a snapshot file, which have this ``checksum``.

    ``counts`` is how many frames hold deployments and incidents, ``compacted_ms`` when the snapshot file had last been
    compacted.
    """

    length: int
    checksum: int
    places: list[Place]
    counts: tuple[int, int]
    compacted_ms: int | None = None
    program: str = _PROGRAM
    """What made it, and on what sort of machine."""


NextFrame = Callable[[], Awaitable[bytes]]
"""Reads the next frame; an empty one after the last."""
_encode = msgspec.msgpack.encode
_head = msgspec.msgpack.Decoder(Head)
_incidents = msgspec.json.Decoder(list[Incident])
_records: msgspec.json.Decoder[list[Record]] = msgspec.json.Decoder(list[Record])


def frames(store: EventStore, *, length: int, checksum: int, compacted_ms: int | None = None) -> Iterator[bytes]:
    """The frames of a checkpoint."""
    table = PlaceTable()
    deployments = list(columns.encode(_by_series(store.deployments.values()), table))
    incidents = list(map(msgspec.json.encode, batches(list(store.incidents.values()), _INCIDENTS_PER_CHUNK)))
    yield _encode(Head(length, checksum, table.places, (len(deployments), len(incidents)), compacted_ms))
    yield from deployments
    yield from incidents
    yield msgspec.json.encode(list(store.rest()))


def head_of(frame: bytes) -> Head:
    """The head; raises Damaged, also when another version made it."""
    try:
        head = _head.decode(frame)
    except msgspec.MsgspecError as error:
        raise Damaged(str(error)) from error
    if head.program != _PROGRAM:
        raise Damaged(f"made by {head.program}")
    return head


async def fill(store: EventStore, head: Head, following: NextFrame) -> None:
    """Fills a store with what is in the frames after the head. Each step takes some milliseconds.

    Raises Damaged, and leaves the store half filled.
    """
    try:
        await _fill(store, head, following)
    except (msgspec.MsgspecError, ValueError, IndexError, TypeError) as error:
        raise Damaged(f"{type(error).__name__}: {error}") from error


async def _fill(store: EventStore, head: Head, following: NextFrame) -> None:
    async def unhurried() -> bytes:
        await asyncio.sleep(0)
        return await following()

    table = PlaceTable([_shared(place, store) for place in head.places])
    for _ in range(head.counts[0]):
        store.restore(deployments=columns.decode(await unhurried(), table))
    for _ in range(head.counts[1]):
        store.restore(incidents=_incidents.decode(await unhurried()))
    store.restore(rest=_records.decode(await unhurried()))
    if await unhurried():
        raise ValueError("more than there should be")


def _shared(place: Place, store: EventStore) -> Place:
    """A place with the strings that the store holds."""
    service, environment, repository, team, source = place
    share = store.share
    return (
        share(service),
        share(environment),
        None if repository is None else share(repository),
        None if team is None else share(team),
        share(source),
    )


def _by_series(deployments: Iterable[Deployment]) -> Sequence[Deployment]:
    """All deployments, one series after the other, each in order of finish.

    A start makes them in this order, so what is used together lies together in memory, and there is little to sort.
    """
    by_series: defaultdict[tuple[str, str], list[Deployment]] = defaultdict(list)
    for each in deployments:
        by_series[each.service, each.environment].append(each)
    return list(chain.from_iterable(map(by_finish, by_series.values())))
