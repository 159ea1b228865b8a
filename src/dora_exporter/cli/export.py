"""``dora-exporter export``: the records of the log, whole, in the snapshot file's own format."""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from dora_exporter.app.settings import Settings
from dora_exporter.cli import log_access, options
from dora_exporter.cli.exit_codes import OK, CannotDo, ending
from dora_exporter.cli.progress import bar, counted
from dora_exporter.storage.file import encode, header_line


def run(arguments: Sequence[str]) -> int:
    """Writes all that the log holds; the exit code."""
    return ending(lambda: _run(parser().parse_args(arguments)))


def parser() -> argparse.ArgumentParser:
    """The arguments of this command."""
    parser = options.parser(
        "export",
        "Writes everything in the log: events, verdicts, commits, deletions and the sources' cursors. It only reads, "
        "and may run beside the daemon. The import command reads the result.",
        "export --config.file=config.yaml --output=events.jsonl",
        "export --snapshot.path=dora-exporter.snapshot | gzip > events.jsonl.gz",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="the file to write (default: standard output)")
    options.add_event_log(parser)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    settings = options.settings(arguments)
    lines = _lines(settings)
    if arguments.output is None and sys.stdout.isatty():
        _print(lines)  # a bar would be among them
        return OK
    with bar("exporting", _bytes_of(settings), sys.stderr) as advance:
        if arguments.output is None:
            _print(counted(lines, advance))
        else:
            _write(counted(lines, advance), arguments.output, settings.snapshot.path)
    return OK


def _print(lines: Iterable[bytes]) -> None:
    sys.stdout.buffer.writelines(lines)
    sys.stdout.buffer.flush()


def _bytes_of(settings: Settings) -> int | None:
    """About as many bytes as there are to write; None where only reading all of it would tell."""
    file = settings.snapshot.path
    return file.stat().st_size if file.is_file() and not settings.store.is_database else None


def _lines(settings: Settings) -> Iterator[bytes]:
    records = log_access.records(settings)
    first = next(records, None)  # before anything is written: reading it finds a wrong file
    yield header_line()
    if first is not None:
        yield encode(first)
    yield from map(encode, records)


def _write(lines: Iterator[bytes], target: Path, snapshot: Path) -> None:
    """Writes a file under a temporary name, and renames it once it is complete."""
    if target.exists() and snapshot.exists() and target.samefile(snapshot):
        raise CannotDo(f"{target} is the snapshot file itself")
    if target.exists() and not target.is_file():
        raise CannotDo(f"{target} is not a file")
    unfinished = target.with_name(f"{target.name}.unfinished")
    try:
        with open(unfinished, "wb", opener=_private) as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def _private(path: str, mode: int) -> int:
    return os.open(path, mode, 0o640)
