"""How a sub-command ends: with an exit code, and one line for the person when it could not do its work."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from dora_exporter.config.errors import ConfigError
from dora_exporter.dora.event_log import Unavailable
from dora_exporter.storage.file import SnapshotError
from dora_exporter.storage.postgresql.errors import DatabaseError

OK = 0
FAILED = 1
INTERRUPTED = 130
"""The exit status that a shell reports for a program ended by Ctrl-C."""


class CannotDo(Exception):
    """The command cannot be carried out; the text is one line that says why."""


def ending(work: Callable[[], int]) -> int:
    """Runs the work of a command. Errors that the operator can fix are printed without a traceback."""
    try:
        return work()
    except (CannotDo, ConfigError, DatabaseError, SnapshotError, Unavailable) as reason:
        return _failed(str(reason))
    except BrokenPipeError:  # the reader of the output has closed it, as ``head`` does
        _forget_output()
        return FAILED
    except OSError as error:
        return _failed(f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error))
    except KeyboardInterrupt:
        return INTERRUPTED


def _forget_output() -> None:
    """Silences the flush at exit, which would raise BrokenPipeError again."""
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _failed(reason: str) -> int:
    sys.stderr.write(f"{reason}\n")
    return FAILED
