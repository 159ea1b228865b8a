"""A running program whose log a test can wait for and whose end it decides."""

import os
import queue
import re
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

START_SECONDS = 60.0
STOP_SECONDS = 15.0


class Process:
    """A program that logs to standard error.

    Its log comes through a pipe of its own, so what it says there, the port that it listens on above all, can only be
    about this very process.
    """

    def __init__(self, command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> None:
        """Starts it."""
        self.log: list[str] = []
        self._unread: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._popen = subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._popen.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._popen.poll() is None

    def wait_for_log(self, pattern: str, *, seconds: float = START_SECONDS) -> re.Match[str]:
        """The first match in the lines not yet waited past; raises AssertionError when there will be none."""
        while True:
            try:
                line = self._unread.get(timeout=seconds)
            except queue.Empty:
                raise AssertionError(f"{pattern!r} was not logged in {seconds} s:\n{self.text}") from None
            if line is None:
                raise AssertionError(f"ended with {self._popen.wait()} before it logged {pattern!r}:\n{self.text}")
            if match := re.search(pattern, line):
                return match

    @property
    def text(self) -> str:
        """All that it has logged."""
        return "".join(self.log)

    def signal(self, number: int) -> None:
        """Sends a signal."""
        os.kill(self.pid, number)

    def wait(self, *, seconds: float = STOP_SECONDS) -> int:
        """Its exit code; raises TimeoutExpired when it does not end."""
        code = self._popen.wait(timeout=seconds)
        self._reader.join()
        if self._popen.stderr is not None:
            self._popen.stderr.close()
        return code

    def stop(self) -> int:
        """Ends it politely and returns its exit code."""
        if self.is_running:
            self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """Ends it as a power cut would."""
        self._popen.kill()
        self.wait()

    def __enter__(self) -> Self:
        """Itself, running."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leaves nothing running."""
        self.kill()

    def _read_log(self) -> None:
        if self._popen.stderr is not None:
            for line in self._popen.stderr:
                self.log.append(line)
                self._unread.put(line)
        self._unread.put(None)
