"""Writes log lines to a file descriptor from a thread, so that a slow reader never blocks the event loop."""

import os
import select
import threading
from collections import deque
from typing import IO

_MOST_LINES = 10_000
_MOST_BYTES = 4 << 20
_WRITTEN_AT_ONCE = 64
_POLL_MS = 1000
_STANDARD_ERROR = 2


class LineWriter:
    """Queues lines without waiting. Lines beyond the queue's limit are dropped and counted.

    A closed pipe, a full disk or a closed descriptor lose lines, and cause no error.
    """

    def __init__(self, descriptor: int) -> None:
        """Writes to ``descriptor``, which the caller closes."""
        self.dropped = 0
        """The number of dropped lines."""
        self._descriptor = descriptor
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._being_written = 0
        self._is_closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._write_all, name="log", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Queues a line (without its line feed)."""
        encoded = line.encode("utf-8", "backslashreplace") + b"\n"
        with self._changed:
            is_full = len(self._lines) >= _MOST_LINES or self._bytes + len(encoded) > _MOST_BYTES
            if is_full or self._is_closed:
                self.dropped += 1
                return
            self._lines.append(encoded)
            self._bytes += len(encoded)
            self._changed.notify_all()

    def flush(self, seconds: float) -> None:
        """Waits until all lines are written, at most ``seconds``."""
        with self._changed:
            self._changed.wait_for(lambda: not self._lines and not self._being_written, seconds)

    def close(self, seconds: float) -> bool:
        """Flushes for at most ``seconds``, then closes; returns whether all was written. Later lines are dropped."""
        self.flush(seconds)
        with self._changed:
            is_all_written = not self._lines and not self._being_written
            self._is_closed = True
            self.dropped += len(self._lines)
            self._lines.clear()
            self._changed.notify_all()
            return is_all_written

    def _write_all(self) -> None:
        while some := self._next():
            is_written = _written(self._descriptor, b"".join(some))
            with self._changed:
                self._being_written = 0
                self.dropped += 0 if is_written else len(some)
                self._changed.notify_all()

    def _next(self) -> list[bytes]:
        with self._changed:
            self._changed.wait_for(lambda: self._lines or self._is_closed)
            some = [self._lines.popleft() for _ in range(min(_WRITTEN_AT_ONCE, len(self._lines)))]
            self._bytes -= sum(map(len, some))
            self._being_written = len(some)
            return some


def descriptor_of(stream: IO[str] | None) -> int | None:
    """The descriptor behind a stream, None where there is none: a daemon may be started without standard error."""
    try:
        return None if stream is None else stream.fileno()
    except (OSError, ValueError):
        return None


def keep_standard_descriptors() -> None:
    """Opens closed standard descriptors, so that the next opened file does not become standard error."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STANDARD_ERROR:
        pass
    os.close(descriptor)


def _written(descriptor: int, data: bytes) -> bool:
    """Whether all data was written. The descriptor may be non-blocking: another process can set that."""
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            waiting = select.poll()
            waiting.register(descriptor, select.POLLOUT)
            waiting.poll(_POLL_MS)
        except OSError:
            return False
    return True
