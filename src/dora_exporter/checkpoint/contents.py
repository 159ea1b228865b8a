"""What is in a checkpoint: the head, the events, and the standing of readings, which names events by their numbers."""

import asyncio
import sys
from array import array
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeVar

import msgspec

from dora_exporter import __version__
from dora_exporter.checkpoint import columns
from dora_exporter.checkpoint.columns import Place, PlaceTable
from dora_exporter.checkpoint.frames import Damaged
from dora_exporter.events import Deployment, Event, Incident, Series
from dora_exporter.group import Measured
from dora_exporter.history import History
from dora_exporter.id_index import IdIndex, index_of
from dora_exporter.records import Record
from dora_exporter.standing import Everything, SeriesStanding, Standing
from dora_exporter.store import EventStore
from dora_exporter.timeline import Outline

_FORMAT = 6
_PROGRAM = f"{__version__}/{_FORMAT}/{sys.byteorder}"
_INCIDENTS_PER_CHUNK = 2048
_SERIES_PER_CHUNK = 32


class Head(msgspec.Struct, frozen=True):
    """What a checkpoint was made from: the first ``length`` bytes of a snapshot file, which have this ``checksum``.

    ``basis`` is the settings that its numbers follow from, ``counts`` how many frames hold what, ``compacted_ms`` when
    the snapshot file had last been compacted.
    """

    length: int
    checksum: int
    basis: str
    now_ms: int
    places: list[Place]
    counts: tuple[int, int, int]
    compacted_ms: int | None = None
    program: str = _PROGRAM
    """What made it, and on what sort of machine."""


class _Series(msgspec.Struct, array_like=True, frozen=True):
    """A series by the numbers of its events. Its deployments follow each other: the expired, the living, the future.

    ``by_start`` and ``notable`` number them from the first living one on. A series that is to be judged anew has all of
    its deployments among the living, and no order by start.
    """

    series: tuple[str, str]
    first: int
    lengths: tuple[int, int, int]
    by_start: bytes | None
    notable: bytes
    incidents: bytes
    measured: Measured


NextFrame = Callable[[], Awaitable[bytes]]
"""Reads the next frame; an empty one after the last."""
_Item = TypeVar("_Item")
_encode = msgspec.msgpack.encode
_head = msgspec.msgpack.Decoder(Head)
_series = msgspec.msgpack.Decoder(list[_Series])
_teams = msgspec.msgpack.Decoder(list[tuple[tuple[str, str], Measured]])
_incidents = msgspec.json.Decoder(list[Incident])
_records: msgspec.json.Decoder[list[Record]] = msgspec.json.Decoder(list[Record])


@dataclass(frozen=True)
class Content:
    """The head of a checkpoint, and the standing of the readings; None when it is of no use."""

    head: Head
    standing: Standing | None


def frames(
    store: EventStore, standing: Standing, *, length: int, checksum: int, basis: str, compacted_ms: int | None = None
) -> Iterator[bytes]:
    """The frames of a checkpoint."""
    table = PlaceTable()
    deployments, incidents = _by_series(standing), list(store.incidents.values())
    events = list(columns.encode(deployments, table))
    others = [msgspec.json.encode(each) for each in _chunks(incidents, _INCIDENTS_PER_CHUNK)]
    numbers = {each.id: number for number, each in enumerate(incidents)}
    sizes = accumulate((len(_deployments_of(each.events)) for each in standing.series), initial=0)
    numbered = [_numbered(each, first, numbers) for each, first in zip(standing.series, sizes, strict=False)]
    series = [_encode(some) for some in _chunks(numbered, _SERIES_PER_CHUNK)]
    counts = len(events), len(others), len(series)
    index = index_of([each.id for each in deployments])
    yield _encode(Head(length, checksum, basis, standing.now_ms, table.places, counts, compacted_ms))
    yield from events
    yield index.hashes.tobytes()
    yield index.places.tobytes()
    yield from others
    yield msgspec.json.encode(list(store.rest()))
    yield from series
    yield _encode(list(standing.teams.items()))


def head_of(frame: bytes) -> Head:
    """The head; raises Damaged, also when another version made it."""
    try:
        head = _head.decode(frame)
    except msgspec.MsgspecError as error:
        raise Damaged(str(error)) from error
    if head.program != _PROGRAM:
        raise Damaged(f"made by {head.program}")
    return head


async def fill(store: EventStore, head: Head, following: NextFrame, *, with_standing: bool) -> Content:
    """Fills a store with what is in the frames after the head. Each takes some milliseconds, and then gives way.

    Raises Damaged, and leaves the store half filled.
    """

    async def unhurried() -> bytes:
        await asyncio.sleep(0)
        return await following()

    try:
        return await _fill(store, head, unhurried, with_standing=with_standing)
    except (msgspec.MsgspecError, ValueError, IndexError, TypeError) as error:
        raise Damaged(f"{type(error).__name__}: {error}") from error


async def _fill(store: EventStore, head: Head, following: NextFrame, *, with_standing: bool) -> Content:
    deployments: list[Deployment] = []
    incidents: list[Incident] = []
    series: list[SeriesStanding] = []
    table = PlaceTable([_shared(place, store) for place in head.places])
    for _ in range(head.counts[0]):
        deployments += columns.decode(await following(), table)
    index = IdIndex(array("Q", await following()), array("I", await following()))
    for _ in range(head.counts[1]):
        incidents += _incidents.decode(await following())
    store.restore(deployments, index, incidents, _records.decode(await following()))
    if not with_standing:
        return Content(head, None)
    for _ in range(head.counts[2]):
        some = _series.decode(await following())
        _check(each.measured for each in some)
        series += [_standing_of(each, deployments, incidents) for each in some]
    teams: dict[tuple[str, ...], Measured] = dict(_teams.decode(await following()))
    _check(teams.values())
    if await following():
        raise ValueError("more than there should be")
    return Content(head, Standing(head.now_ms, series, teams))


def _check(measured: Iterable[Measured]) -> None:
    """Raises ValueError where measurements are not those that readings take."""
    blank = History()
    if not all(blank.accepts(each.columns) for each in measured):
        raise ValueError("measurements that are not known")


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


def _by_series(standing: Standing) -> list[Deployment]:
    """All deployments, one series after the other: what is used together then lies together in memory."""
    return [deployment for each in standing.series for deployment in _deployments_of(each.events)]


def _deployments_of(events: Outline | Everything) -> Sequence[Deployment]:
    if isinstance(events, Everything):
        return events.deployments
    return [*events.expired, *events.living, *events.future]


def _numbered(standing: SeriesStanding, first: int, incidents: Mapping[str, int]) -> _Series:
    events = standing.events
    suffered = _numbers(incidents, events.incidents)
    if isinstance(events, Everything):
        lengths = 0, len(events.deployments), 0
        return _Series(standing.series, first, lengths, None, b"", suffered, standing.measured)
    lengths = len(events.expired), len(events.living), len(events.future)
    living = {each.id: number for number, each in enumerate(events.living)}
    orders = _numbers(living, events.by_start), _numbers(living, events.notable)
    return _Series(standing.series, first, lengths, *orders, suffered, standing.measured)


def _numbers(numbers: Mapping[str, int], events: Sequence[Event]) -> bytes:
    return array("I", [numbers[each.id] for each in events]).tobytes()


def _standing_of(series: _Series, deployments: Sequence[Deployment], incidents: Sequence[Incident]) -> SeriesStanding:
    begin, end, last = list(accumulate(series.lengths, initial=series.first))[1:]
    living = deployments[begin:end]
    suffered = [incidents[number] for number in array("I", series.incidents)]
    events: Outline | Everything = Everything(living, suffered)
    if series.by_start is not None:
        events = Outline(
            living,
            list(map(living.__getitem__, array("I", series.by_start))),
            list(map(living.__getitem__, array("I", series.notable))),
            deployments[series.first : begin],
            deployments[end:last],
            suffered,
        )
    return SeriesStanding(Series(*series.series), events, series.measured)


def _chunks(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))
