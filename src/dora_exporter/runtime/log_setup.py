"""Sets up the daemon's log, and counts the lines that it drops."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, TextIO

from typing_extensions import override

from dora_exporter.runtime.clock import stopwatch
from dora_exporter.runtime.log_format import LEVELS, JsonFormatter, Level, LogfmtFormatter
from dora_exporter.runtime.log_lines import LineWriter, descriptor_of, keep_standard_descriptors
from dora_exporter.runtime.log_restraint import Restraint

Layout = Literal["logfmt", "json"]

_OF_REQUESTS = ("dora_exporter.web", "aiohttp", "asyncio")
FLUSH_SECONDS = 1.0


class Log:
    """The state of the process's log, which outlives ``set_up``: rate limit, writer thread, dropped lines."""

    def __init__(self) -> None:
        """Starts without a writer thread: the thread that logs writes the line."""
        self.restraint = Restraint(_OF_REQUESTS, stopwatch=stopwatch)
        self.writer: LineWriter | None = None
        self.lost = 0

    @property
    def full(self) -> int:
        """The number of lines dropped because the reader was too slow."""
        return self.lost + (self.writer.dropped if self.writer else 0)

    @property
    def repeated(self) -> int:
        """The number of lines suppressed by the rate limit on requests."""
        return self.restraint.held_back


LOG = Log()


@contextmanager
def off_the_loop(stream: TextIO | None = None) -> Iterator[None]:
    """Writes the log from a thread inside the block, to a stream, by default standard error.

    At the end the queued lines are flushed; a reader that does not read for a second loses them.
    """
    descriptor = descriptor_of(stream or sys.stderr)
    keep_standard_descriptors()
    if descriptor is None:
        yield
        return
    LOG.writer = LineWriter(descriptor)
    try:
        yield
    finally:
        if LOG.writer.close(FLUSH_SECONDS):  # else the next line would block on the reader
            LOG.lost, LOG.writer = LOG.full, None


def set_up(level: Level, layout: Layout, stream: TextIO | None = None) -> None:
    """Logs to a stream, by default standard error, at and above a level. A later call replaces an earlier one."""
    handler = _Handler(stream)
    handler.addFilter(LOG.restraint)
    handler.setFormatter(JsonFormatter() if layout == "json" else LogfmtFormatter())
    root = logging.getLogger()
    for earlier in [each for each in root.handlers if isinstance(each, _Handler)]:
        root.removeHandler(earlier)
    root.addHandler(handler)
    root.setLevel(max(LEVELS[level], logging.WARNING))  # the routine lines of libraries are noise
    logging.getLogger("dora_exporter").setLevel(LEVELS[level])
    logging.getLogger("aiohttp.access").setLevel(logging.CRITICAL)


class _Handler(logging.Handler):
    """The handler of this module; ``set_up`` recognises it by its class."""

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__()
        self._stream = stream

    @override
    def emit(self, record: logging.LogRecord) -> None:
        """Writes a line or queues it for the writer. Never raises: logging must not fail a request."""
        line = self.format(record)
        if LOG.writer is not None:
            LOG.writer.write(line)
            return
        stream = self._stream or sys.stderr
        try:
            stream.write(f"{line}\n")
            stream.flush()
        except (AttributeError, OSError, ValueError):  # there is no stream, or its reader is gone
            LOG.lost += 1
