"""``dora-exporter import``: events from a file, into a running daemon or into the snapshot file."""

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from dora_exporter.app.settings import Settings
from dora_exporter.cli import options
from dora_exporter.cli.daemon_access import key_in, parse_url
from dora_exporter.cli.exit_codes import FAILED, OK, CannotDo, ending
from dora_exporter.cli.import_events import csv_rows, retention_notice, to_daemon, to_log
from dora_exporter.cli.import_events.input_file import GivenFile, Kind, inspect
from dora_exporter.cli.import_events.line_errors import Mistakes
from dora_exporter.cli.progress import bar, counted
from dora_exporter.dora.changes import Outcome
from dora_exporter.dora.records import Record
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.clock import system_clock
from dora_exporter.storage.file import SnapshotInUse
from dora_exporter.web.api.schema.events import EventFactory
from dora_exporter.web.api.schema.lines import parse_line
from dora_exporter.web.api.schema.requests import DeploymentLine, Line
from dora_exporter.web.server.errors import BadRequest
from dora_exporter.web.server.limits import CurrentRules, Rules


def run(arguments: Sequence[str]) -> int:
    """Imports a file; the exit code, which is 1 when a line of it is wrong."""
    return ending(lambda: _run(parser().parse_args(arguments)))


def parser() -> argparse.ArgumentParser:
    """The arguments of this command."""
    parser = options.parser(
        "import",
        "Imports events from a file: lines of POST /api/v1/events, CSV, or the output of the export command. Valid "
        "lines are stored and invalid ones listed by number; repeating an import changes nothing.",
        "import events.csv --config.file=config.yaml --dry-run",
        "import events.jsonl --url=http://127.0.0.1:3672 --api-key-file=api-key",
        "import - --snapshot.path=events.snapshot < events.jsonl",
        note=f"The first line of CSV names columns: {', '.join(csv_rows.COLUMNS)}.",
    )
    parser.usage = "dora-exporter import FILE [options]"
    parser.add_argument("file", metavar="FILE", help="- is standard input")
    parser.add_argument("--dry-run", action="store_true", help="only report what would happen")
    parser.add_argument("--url", metavar="URL", help="send them to a running daemon instead of the snapshot file")
    parser.add_argument("--api-key-file", type=Path, metavar="FILE", help="a file with an API key of the daemon")
    options.add_event_log(parser)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    settings = options.settings(arguments)
    if arguments.api_key_file and not arguments.url:
        raise CannotDo("--api-key-file needs --url: the snapshot file needs no key")
    size = _bytes_in(arguments.file)
    with _opened(arguments.file) as stream, bar("importing", size, sys.stderr) as advance:
        mistakes = Mistakes(arguments.file, sys.stderr)  # above the bar, which takes the place of standard error
        found = inspect(stream)
        given = replace(found, lines=counted(found.lines, advance))
        if arguments.url:
            outcomes = _into_daemon(given, arguments, settings, mistakes)
        else:
            outcomes = _into_log(given, settings, mistakes, is_rehearsal=arguments.dry_run)
    mistakes.end()
    events = mistakes.total + sum(outcomes.values())
    if retention_notice.are_mostly(mistakes.too_old, events):
        mistakes.say(
            retention_notice.after(mistakes.too_old, events, settings.retention, is_elsewhere=bool(arguments.url))
        )
    sys.stdout.write(_summary(outcomes, mistakes, is_rehearsal=arguments.dry_run))
    return FAILED if mistakes.total else OK


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    if name == "-":
        yield sys.stdin.buffer
    else:
        with Path(name).open("rb") as file:
            yield file


def _bytes_in(name: str) -> int | None:
    """How much there is to read; None of a pipe."""
    return Path(name).stat().st_size if name != "-" and Path(name).is_file() else None


def _into_daemon(
    given: GivenFile, arguments: argparse.Namespace, settings: Settings, mistakes: Mistakes
) -> Counter[Outcome]:
    if given.kind is Kind.EXPORT:
        raise CannotDo(
            "an export cannot go to a running daemon, whose API has no place for cursors and resolved commits: "
            "stop the daemon and import it into the snapshot file, without --url"
        )
    url = parse_url(arguments.url)
    lines = retention_notice.told_before(given.bulk_lines(mistakes), settings.retention, mistakes, clock=system_clock)
    if arguments.dry_run:  # by the rules of this side: the daemon is not asked
        store = EventStore()
        return Counter(
            outcome for event in _events(lines, _factory(store, settings), mistakes) for outcome in store.apply(event)
        )
    key = key_in(arguments.api_key_file) if arguments.api_key_file else None
    return asyncio.run(to_daemon.send(lines, url, key, mistakes))


def _into_log(given: GivenFile, settings: Settings, mistakes: Mistakes, *, is_rehearsal: bool) -> Counter[Outcome]:
    def make(store: EventStore) -> Iterator[Record]:
        if given.kind is Kind.EXPORT:
            return given.records(mistakes)
        lines = retention_notice.told_before(
            given.bulk_lines(mistakes), settings.retention, mistakes, clock=system_clock
        )
        return _events(lines, _factory(store, settings), mistakes)

    if is_rehearsal:
        return to_log.rehearse(make, settings)
    try:
        return asyncio.run(to_log.keep(make, settings))
    except SnapshotInUse as error:
        raise CannotDo(f"{error}: if that is the daemon, send it the file with --url") from error


def _factory(store: EventStore, settings: Settings) -> EventFactory:
    rules = Rules(retention_ms=settings.retention.ms, default_environment=settings.default_environment)
    return EventFactory(store=store, clock=system_clock, rules=CurrentRules(rules))


def _events(lines: Iterable[tuple[int, bytes]], factory: EventFactory, mistakes: Mistakes) -> Iterator[Record]:
    for number, text in lines:
        try:
            line, unknown = parse_line(text)
            event = _event(line, factory)
        except BadRequest as refusal:
            mistakes.note(number, refusal.detail)
        else:
            for each in unknown:
                mistakes.warn(number, each.warning)
            yield event


def _event(line: Line, factory: EventFactory) -> Record:
    if isinstance(line, DeploymentLine):
        return factory.deployment(line.attributes)
    return factory.incident(line.attributes)


def _summary(outcomes: Counter[Outcome], mistakes: Mistakes, *, is_rehearsal: bool) -> str:
    counts = [f"{outcomes[each]} {each.value}" for each in Outcome if outcomes[each] or each is not Outcome.DELETED]
    start = "nothing is stored; it would be " if is_rehearsal else ""
    return f"{start}{', '.join(counts)}; {mistakes.total} wrong\n"
