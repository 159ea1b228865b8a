"""What can be wrong with a snapshot file, in one line for the person who starts the program."""

from pathlib import Path


class SnapshotError(Exception):
    """The snapshot file cannot be used; the text is one line that names it."""


class SnapshotInUse(SnapshotError):
    """Another process holds the snapshot file."""

    def __init__(self, path: Path) -> None:
        """Names the file."""
        super().__init__(f"snapshot file {path} is in use by another process")


def because(path: Path, error: OSError) -> SnapshotError:
    """The error of the operating system as one line that names the file."""
    return SnapshotError(f"snapshot file {path} cannot be used: {error.strerror or error}")
