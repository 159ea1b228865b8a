"""What is wrong with the lines of a file, told by their numbers."""

from typing import TextIO

from dora_exporter.web.api.schema.events import TOO_OLD

_SHOWN = 100


class Mistakes:
    """Tells of each wrong line once it is found, of the first hundred at least, and counts them all."""

    def __init__(self, name: str, stream: TextIO) -> None:
        """``name`` is that of the file, ``stream`` where it is told."""
        self.total = 0
        self.too_old = 0
        """How many of the lines are events that the retention keeps none of, as far as it was told."""
        self._name = name
        self._stream = stream
        self._warned: set[str] = set()

    def note(self, line: int, detail: str) -> None:
        """A line is wrong."""
        self.total += 1
        self.too_old += detail.endswith(TOO_OLD)
        if self.total <= _SHOWN:
            self._stream.write(f"{self._name}:{line}: {detail}\n")

    def warn(self, line: int, detail: str) -> None:
        """A line is right but odd, which is told once."""
        if detail not in self._warned and len(self._warned) < _SHOWN:
            self._warned.add(detail)
            self._stream.write(f"{self._name}:{line}: {detail}\n")

    def say(self, sentence: str) -> None:
        """Says what is so of the file as a whole."""
        self._stream.write(f"{self._name}: {sentence}\n")

    def note_untold(self, count: int) -> None:
        """Counts further wrong lines without naming them."""
        self.total += count

    def end(self) -> None:
        """Says how many were not told."""
        if self.total > _SHOWN:
            self._stream.write(f"{self._name}: {self.total} lines are wrong in all\n")
