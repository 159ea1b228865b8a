"""How the command ends when it cannot do its work: an exit code of sysexits.h, and a line that says why."""

from __future__ import annotations

import sys

OK = 0
USAGE = 64
"""An option is wrong, or the server refused the event for what it says."""
NOT_DELIVERED = 75
"""The server could not be reached, or had no answer, until the time was over."""
NOT_ALLOWED = 77
"""The key is missing or wrong, or may not do this."""
WRONG_SERVER = 78
"""The server's certificate is not trusted, or what answers is not dora-exporter."""
CANNOT_EXECUTE = 126
NOT_FOUND = 127
KILLED = 128
"""Plus the number of the signal, as shells have it."""
INTERRUPTED = 130
_LONGEST_LINE = 1000


class Failed(Exception):
    """The command cannot do its work; the text is one line for people."""

    def __init__(self, code: int, reason: str) -> None:
        """``code`` is the exit code."""
        super().__init__(reason)
        self.code = code


def say(text: str) -> None:
    """A line on standard error: standard output belongs to the script."""
    sys.stderr.write(f"dora-send: {printable(text)}\n")
    sys.stderr.flush()


def printable(text: str) -> str:
    """A text in one line, without what a terminal or a CI server would act on."""
    line = " ".join(text.split())[:_LONGEST_LINE]
    return "".join(each if each.isprintable() else "?" for each in line)
