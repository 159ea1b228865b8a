"""The daemon with a note of the modules that it enters: run as a module, it takes the daemon's own arguments.

On SIGUSR1 it prints those of the package that any thread entered since it last did.
"""

import signal
import sys
import threading
from pathlib import Path
from types import FrameType

import dora_exporter
from dora_exporter.cli import main

_PACKAGE = Path(dora_exporter.__file__).parent


class Note:
    """The files of the code that is called."""

    def __init__(self) -> None:
        """None yet."""
        self._files: set[str] = set()

    def take(self, frame: FrameType, event: str, _argument: object) -> None:
        """Notes a call, or that a generator or coroutine goes on."""
        if event == "call":
            self._files.add(frame.f_code.co_filename)

    def report(self, _signal: int, _frame: FrameType | None) -> None:
        """Prints the modules since the last report."""
        files, self._files = self._files, set()
        entered = sorted(str(Path(each).relative_to(_PACKAGE)) for each in files if Path(each).is_relative_to(_PACKAGE))
        sys.stdout.write(f"entered {' '.join(entered)} .\n")
        sys.stdout.flush()


if __name__ == "__main__":
    note = Note()
    signal.signal(signal.SIGUSR1, note.report)
    threading.setprofile(note.take)
    sys.setprofile(note.take)
    sys.exit(main())
