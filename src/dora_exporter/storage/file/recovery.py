"""Recovers at start a snapshot file that was cut or damaged, and sets one aside that is not ours."""

import logging
import os
from functools import partial
from pathlib import Path

from dora_exporter.runtime.clock import Clock
from dora_exporter.storage.file import paths
from dora_exporter.storage.file.appended_file import AppendedFile
from dora_exporter.storage.file.disk import SYNC_EVERY_BYTES, Disk, write_all
from dora_exporter.storage.file.line_format import VERSION, header_line
from dora_exporter.storage.file.scan import Scan

logger = logging.getLogger(__name__)


def recover(file: AppendedFile, scan: Scan, path: Path, *, disk: Disk, clock: Clock) -> None:
    """Makes the file ready for appends, given what a whole pass over it found.

    Where a damaged file cannot be set aside and rewritten, that is tried again before each append.
    """
    if scan.is_new:
        file.begin(0, header_line())
    elif scan.is_ours and not scan.lines_lost:
        file.begin(scan.length, b"\n" if scan.lacks_newline else b"")
        if scan.torn:
            logger.warning("torn last line truncated path=%s bytes=%d", path, len(scan.torn))
    else:
        repair = partial(_set_aside, file, scan, path, disk, clock)
        try:
            repair()
        except OSError as error:
            file.begin_with(repair)
            logger.warning("cannot set the damaged snapshot file aside yet path=%s error=%r", path, str(error))


def _set_aside(file: AppendedFile, scan: Scan, path: Path, disk: Disk, clock: Clock) -> None:
    fresh = paths.rewriting(path)
    _write_readable(file.source, fresh, disk, scan)
    aside = paths.keep_aside(disk, path, _reason(scan), clock())
    file.replace_with(fresh)
    logger.error(
        "snapshot file set aside reason=%s kept_as=%s lines_lost=%d first_at_byte=%s torn_bytes=%d",
        _reason(scan),
        aside,
        scan.lines_lost,
        scan.first_loss,
        len(scan.torn),
    )


def _reason(scan: Scan) -> str:
    if scan.header is not None and scan.header.version != VERSION:
        return f"version-{scan.header.version}"
    return "damaged"


def _write_readable(source: int, fresh: Path, disk: Disk, found: Scan) -> None:
    compacted_at = found.header.compacted_at if found.header else None
    fd = disk.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        pending, position = bytearray(header_line(compacted_at)), 0
        for chunk in Scan(source):
            pending += b"".join([line + b"\n" for line in chunk.lines])
            if len(pending) >= SYNC_EVERY_BYTES:
                position = _flush(disk, fd, pending, position)
                pending = bytearray()
        _flush(disk, fd, pending, position)
    finally:
        os.close(fd)


def _flush(disk: Disk, fd: int, data: bytearray, position: int) -> int:
    write_all(disk, fd, data, position)
    disk.sync(fd)
    return position + len(data)
