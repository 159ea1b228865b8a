"""Runs the script of a deployment, and tells when it began and ended, and how."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from dora_send import moments
from dora_send.exits import CANNOT_EXECUTE, KILLED, NOT_FOUND, Failed, say

_FORWARDED = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM")


class Ended:
    """How a script ended; times are in milliseconds."""

    def __init__(self, code: int, *, outcome: str, started_at: int, finished_at: int) -> None:
        """``code`` is the exit code as a shell has it."""
        self.code = code
        self.outcome = outcome
        self.started_at = started_at
        self.finished_at = finished_at


def run(command: Sequence[str]) -> Ended:
    """Runs it to its end with this process's input and output; raises ``Failed`` where it cannot be started."""
    began = time.monotonic()
    code, is_canceled = _run(command)
    finished_at = moments.now()
    if code < 0:
        say(f"{command[0]} was killed by {_name_of(-code)}")
    return Ended(
        KILLED - code if code < 0 else code,
        outcome="succeeded" if code == 0 else "canceled" if is_canceled else "failed",
        started_at=finished_at - round((time.monotonic() - began) * 1000),  # the clock may have been set since
        finished_at=finished_at,
    )


def _run(command: Sequence[str]) -> tuple[int, bool]:
    """The exit code as Popen has it, and whether this process was told to end; the script is told, too."""
    told: list[int] = []
    running: list[subprocess.Popen[bytes]] = []

    def forward(number: int, _frame: FrameType | None) -> None:
        told.append(number)
        for process in running:
            _tell(process, number)

    with _handled_by(forward):
        process = _started(command)
        running.append(process)
        for number in tuple(told):  # what came before there was anything to tell
            _tell(process, number)
        return process.wait(), bool(told)


def _tell(process: subprocess.Popen[bytes], number: int) -> None:
    if number != signal.SIGINT or not sys.stdin.isatty():  # a terminal tells all by itself
        process.send_signal(number)


@contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Has the handler take the signals that are not ignored."""
    numbers = [getattr(signal, name) for name in _FORWARDED if hasattr(signal, name)]
    former = {number: signal.getsignal(number) for number in numbers}
    for number, handled in former.items():
        if handled is not signal.SIG_IGN:
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number, handled in former.items():
            signal.signal(number, handled)


def _started(command: Sequence[str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(command)
    except FileNotFoundError:
        raise Failed(NOT_FOUND, f"cannot run {command[0]}: not found") from None
    except OSError as error:
        raise Failed(CANNOT_EXECUTE, f"cannot run {command[0]}: {error.strerror}") from None
    except ValueError:
        raise Failed(CANNOT_EXECUTE, "cannot run a script whose name has a null character") from None


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
