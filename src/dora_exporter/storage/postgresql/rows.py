"""Records as rows of the log, and back."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from dora_exporter.dora.events import Deployment, Incident
from dora_exporter.dora.records import Batch, Cursor, Deletion, Judgement, Record, Resolution, SeriesOrder
from dora_exporter.runtime.json_flaws import FLAWS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 12, 31, tzinfo=UTC)
_NUL = b"\\u0000"

_encode = msgspec.json.Encoder().encode
_records: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)


class Unreadable(ValueError):
    """A row does not decode to a record."""


class Row(NamedTuple):
    """A record with its index columns: ``moment`` is the event's time, ``kind`` the record's ``type``."""

    about: str
    id: str
    kind: str
    moment: datetime | None
    revision: int | None
    source: str | None
    body: str


class Entry(NamedTuple):
    """A record, exactly as its row has it."""

    record: Record
    row: Row


def entries(records: Sequence[Record]) -> list[Entry]:
    """The rows of records, a batch as those in it: one transaction keeps them together."""
    return [_entry(each) for record in records for each in (record.records if isinstance(record, Batch) else (record,))]


def columns(rows: Collection[tuple[object, ...]], *, width: int) -> Iterable[list[object]]:
    """Rows as columns, the arguments of the insert statement."""
    return map(list, zip(*rows, strict=True)) if rows else ([] for _ in range(width))


def row(record: Record, body: str) -> Row:  # noqa: PLR0911
    """The row of a record, which is no batch."""
    match record:
        case Deployment():
            at = moment(record.finished_at)
            return Row("deployment", record.id, "deployment", at, record.revision, record.source, body)
        case Incident():
            at = moment(record.started_at)
            return Row("incident", record.id, "incident", at, record.revision, record.source, body)
        case Deletion():
            return Row(record.kind, record.id, "deletion", None, None, record.source, body)
        case Judgement():
            return Row("deployment", record.id, "verdict", None, None, None, body)
        case Resolution():
            return Row("deployment", record.id, "commits", None, None, None, body)
        case Cursor():
            return Row("source", record.source, "cursor", None, None, record.source, body)
        case SeriesOrder():
            return Row("series", "", "series", None, None, None, body)
        case Batch():
            raise TypeError("a batch has no row of its own")


def _entry(record: Record) -> Entry:
    """Removes NUL, which a PostgreSQL text cannot hold, in case a source lets it through."""
    body = _encode(record)
    if _NUL in body:
        body = _encode(_without_nul(msgspec.json.decode(body)))
        record = _records.decode(body)
    return Entry(record, row(record, body.decode()))


def moment(ms: int) -> datetime:
    """Milliseconds since the epoch as a timestamp; a time beyond the calendar becomes its end."""
    try:
        return _EPOCH + timedelta(milliseconds=ms)
    except OverflowError:
        return _LATEST if ms > 0 else _EPOCH


def record_in(body: bytes) -> Record:
    """The record of a row; raises Unreadable."""
    try:
        return _records.decode(body)
    except FLAWS as error:
        raise Unreadable(str(error)) from error


def records_in(bodies: bytes, count: int) -> list[Record]:
    """The records of many rows, decoded at once; raises Unreadable when one of them must be decoded by itself."""
    try:
        found = _records.decode_lines(bodies)
    except FLAWS as error:
        raise Unreadable(str(error)) from error
    if len(found) != count:
        raise Unreadable("a row is more or less than a line")
    return found


def _without_nul(value: object) -> object:
    match value:
        case str():
            return value.replace("\0", "")
        case list():
            return [_without_nul(each) for each in value]
        case dict():
            return {_without_nul(key): _without_nul(each) for key, each in value.items()}
        case _:
            return value
