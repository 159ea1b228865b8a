"""A wall clock of a daemon's own, which a test sets; time itself goes on as it does."""

from collections.abc import Mapping
from pathlib import Path

from tests.e2e.programs import missing

_LIBRARIES = "*/faketime/libfaketimeMT.so.1"


class WallClock:
    """A file that says how far the clock is ahead."""

    def __init__(self, folder: Path) -> None:
        """It is right at first. Without the library the test is skipped, and fails in CI."""
        library = next(Path("/usr/lib").glob(_LIBRARIES), None)
        self._library = str(library) if library else missing("libfaketime")
        self._file = folder / "clock"
        self.set_ahead(days=0)

    def set_ahead(self, *, days: int) -> None:
        """Steps the clock."""
        beside = self._file.with_suffix(".new")
        beside.write_text(f"{days:+}d")
        beside.replace(self._file)

    @property
    def environment(self) -> Mapping[str, str]:
        """What a process needs in its environment to follow it."""
        return {
            "LD_PRELOAD": self._library,
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }
