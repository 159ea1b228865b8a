"""The program that rewrites a snapshot file without what later records made void; it runs in a process of its own.

A store is filled from the file with events that carry little more than the place of their record, so what is kept is
by construction what a replay would leave. The events themselves are read again, one by one, as they are written.
"""

import gc
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from msgspec.structs import replace

from dora_exporter.dora.events import Deployment, Incident, Shipped
from dora_exporter.dora.records import Batch, Cursor, Record, Resolution, SeriesOrder
from dora_exporter.dora.repository_parts import parts_of
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.child_process import end_with_daemon
from dora_exporter.storage.file.disk import SYNC_EVERY_BYTES
from dora_exporter.storage.file.line_format import body_of, encode, header_line
from dora_exporter.storage.file.scan import Chunk, Scan

_SIZE_BITS = 32


class _RawBatch(msgspec.Struct, gc=False):
    records: list[msgspec.Raw]


_batches = msgspec.json.Decoder(_RawBatch)
_deployments = msgspec.json.Decoder(Deployment)
_incidents = msgspec.json.Decoder(Incident)
_learnt: msgspec.json.Decoder[Deployment | Resolution] = msgspec.json.Decoder(Deployment | Resolution)


class DamagedFile(Exception):
    """A line cannot be read; it is for the next start to set the file aside."""


class Source:
    """The file to be compacted: its records by place, a number that says where and how long."""

    def __init__(self, fd: int, end: int) -> None:
        """Reads up to ``end``."""
        self._fd = fd
        self._end = end

    def replayed(self) -> EventStore:
        """The store that a replay leaves, its events thinned out."""
        store = EventStore()
        scan = Scan(self._fd, self._end)
        for chunk in scan:
            for record, place in _placed(chunk):
                store.apply(_thin(record, place))
        if scan.lines_lost or scan.torn or not scan.is_ours:
            raise DamagedFile(f"unreadable line at byte {scan.first_loss or scan.length}")
        return store

    def deployment(self, thin: Deployment) -> Deployment:
        """The whole of a deployment, with what was learnt about it."""
        event = _deployments.decode(self._at(thin.started_at))
        return replace(event, verdict=thin.verdict, shipped=thin.shipped and self._shipped(thin.shipped))

    def _shipped(self, thin: Shipped) -> Shipped:
        """The whole of what was shipped."""
        further = tuple(map(self._part, thin.further))
        return replace(thin if thin.is_awaited else self._part(thin), further=further)

    def _part(self, thin: Shipped) -> Shipped:
        """The whole of what was shipped of one repository."""
        learnt = parts_of(_learnt.decode(self._at(int(thin.base or 0))).shipped)
        return next(part for part in learnt if (part.repository, part.commit_sha) == (thin.repository, thin.commit_sha))

    def incident(self, thin: Incident) -> Incident:
        """The whole of an incident."""
        return _incidents.decode(self._at(thin.started_at))

    def _at(self, place: int) -> bytes:
        start, size = place >> _SIZE_BITS, place & (1 << _SIZE_BITS) - 1
        return os.pread(self._fd, size, start)


def _placed(chunk: Chunk) -> Iterator[tuple[Record, int]]:
    """The records of a chunk with their places; a batch counts as the records in it."""
    for start, line, record in zip(chunk.starts, chunk.lines, chunk.records, strict=True):
        body = body_of(line)
        offset = line.index(body)
        if not isinstance(record, Batch):
            yield record, (start + offset) << _SIZE_BITS | len(body)
            continue
        for part, raw in zip(record.records, _batches.decode(body).records, strict=True):
            offset = line.index(bytes(raw), offset)
            yield part, (start + offset) << _SIZE_BITS | len(raw)
            offset += len(raw)


def _thin(record: Record, place: int) -> Record:
    """The record with only what decides about others, and its place for the time at which it began."""
    match record:
        case Deployment():
            return Deployment(
                id=record.id,
                service=record.service,
                environment=record.environment,
                started_at=place,
                finished_at=record.finished_at,
                commit_sha=record.commit_sha,
                repository=record.repository,
                team=record.team,
                source=record.source,
                verdict=record.verdict,
                shipped=_thin_shipped(record.shipped, place),
                revision=record.revision,
                further=record.further,
            )
        case Incident():
            return Incident(
                id=record.id,
                services=record.services,
                environment=record.environment,
                started_at=place,
                finished_at=record.finished_at,
                team=record.team,
                source=record.source,
                revision=record.revision,
            )
        case Resolution():
            return Resolution(record.id, _thin_shipped(record.shipped, place))
        case _:
            return record


def _thin_shipped(shipped: Shipped | None, place: int) -> Shipped | None:
    """The same with the place in the stead of what it says."""
    if shipped is None:
        return None
    further = tuple(Shipped(part.repository, part.commit_sha, base=str(place)) for part in shipped.further)
    base = None if shipped.is_awaited else str(place)
    return Shipped(shipped.repository, shipped.commit_sha, base=base, further=further, is_awaited=shipped.is_awaited)


def kept(source: Source, now_ms: int, retention_ms: int) -> Iterator[Record]:
    """The records that leave the same store as the source, without tombstones older than the retention."""
    store = source.replayed()
    oldest_ms = now_ms - retention_ms
    if store.series_order:
        yield SeriesOrder(tuple(store.series_order))
    for deployment in store.deployments.values():
        yield source.deployment(deployment)
    for incident in store.incidents.values():
        yield source.incident(incident)
    for tombstone in store.tombstones.values():
        if tombstone.at >= oldest_ms:
            yield tombstone
    for name, state in store.cursors.items():
        yield Cursor(name, state)


def write(records: Iterable[Record], target: Path, now_ms: int) -> None:
    """Writes a new file, durably, a piece at a time so that no flush takes long."""
    fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(header_line(compacted_at=now_ms))
        unsynced = 0
        for record in records:
            unsynced += file.write(encode(record))
            if unsynced >= SYNC_EVERY_BYTES:
                file.flush()
                os.fdatasync(file.fileno())
                unsynced = 0
        file.flush()
        os.fsync(file.fileno())


def main() -> None:
    """``compaction SOURCE END TARGET NOW_MS RETENTION_MS``: compacts the first END bytes of a file into a new one."""
    source, end, target, now_ms, retention_ms = sys.argv[1:]
    end_with_daemon()
    gc.disable()  # it would look for cycles among a million events, in vain
    os.nice(10)
    fd = os.open(source, os.O_RDONLY)
    write(kept(Source(fd, int(end)), int(now_ms), int(retention_ms)), Path(target), int(now_ms))


if __name__ == "__main__":
    main()
