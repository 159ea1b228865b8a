"""Reports the wrong lines of a file by their numbers."""

from typing import TextIO

from dora_exporter.web.api.schema.events import TOO_OLD

_SHOWN = 100


class Mistakes:
    """Prints each wrong line as it is found, at least the first hundred, and counts all of them."""

    def __init__(self, name: str, stream: TextIO) -> None:
        """``name`` is the file's; errors are printed to ``stream``."""
        self.total = 0
        self.too_old = 0
        """The number of events refused because they are older than the retention."""
        self._name = name
        self._stream = stream
        self._warned: set[str] = set()

    def note(self, line: int, detail: str) -> None:
        """Reports a wrong line."""
        self.total += 1
        self.too_old += detail.endswith(TOO_OLD)
        if self.total <= _SHOWN:
            self._stream.write(f"{self._name}:{line}: {detail}\n")

    def warn(self, line: int, detail: str) -> None:
        """Reports a line that is valid but suspicious; each such problem is printed once."""
        if detail not in self._warned and len(self._warned) < _SHOWN:
            self._warned.add(detail)
            self._stream.write(f"{self._name}:{line}: {detail}\n")

    def say(self, sentence: str) -> None:
        """Prints a message about the file as a whole."""
        self._stream.write(f"{self._name}: {sentence}\n")

    def note_unlisted(self, count: int) -> None:
        """Counts further wrong lines without naming them."""
        self.total += count

    def end(self) -> None:
        """Prints how many wrong lines were not printed."""
        if self.total > _SHOWN:
            self._stream.write(f"{self._name}: {self.total} lines are wrong in all\n")
