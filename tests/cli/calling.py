"""The command line as a process of its own, and the files that it works on."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.builders import fields

from dora_exporter.dora.records import Record
from dora_exporter.dora.store import EventStore
from dora_exporter.storage.file import encode, header_line, read

SECONDS = 60
NAME = "events.snapshot"


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    output: str
    errors: str


Called = Callable[..., Ended]


def command(*arguments: str) -> list[str]:
    """What starts it."""
    return [sys.executable, "-m", "dora_exporter", *arguments]


def environment() -> dict[str, str]:
    """This process's environment without what would configure the command."""
    passed = {name: value for name, value in os.environ.items() if not name.startswith(("DORA_", "CREDENTIALS_"))}
    return {**passed, "PYTHONPATH": os.pathsep.join(sys.path)}


def call(*arguments: str, folder: Path, given: str | None = None) -> Ended:
    """Runs a command to its end in a folder."""
    ended = subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(),
        input=given,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=SECONDS,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def kept(path: Path, records: Iterable[Record] = ()) -> Path:
    """A snapshot file that holds these records."""
    path.write_bytes(b"".join([header_line(), *map(encode, records)]))
    return path


def store_of(path: Path) -> EventStore:
    """What a daemon would find in a snapshot file."""
    store = EventStore()
    for record in read(path):
        store.apply(record)
    return store


def state(store: EventStore) -> tuple[object, ...]:
    """All that a store holds, to be compared."""
    return fields(store.deployments), fields(store.incidents), store.cursors, store.tombstones, list(store.series_order)
