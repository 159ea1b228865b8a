"""``dora-exporter digest``: what changed, what is worst, best and open, as Markdown."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from dora_exporter.app.derived_settings import definitions
from dora_exporter.cli import log_access, options
from dora_exporter.cli.daemon_access import key_in, parse_url
from dora_exporter.cli.digest.from_daemon import from_daemon
from dora_exporter.cli.digest.from_log import from_log
from dora_exporter.cli.digest.report import Period, digest
from dora_exporter.cli.exit_codes import OK, CannotDo, ending
from dora_exporter.config import durations
from dora_exporter.dora.catalogue.tiers import TIERS
from dora_exporter.runtime.clock import system_clock
from dora_exporter.web.api.schema.number_answer import NumbersOfSubject

_ALL = "all"


def run(arguments: Sequence[str]) -> int:
    """Prints the report; the exit code."""
    return ending(lambda: _run(parser().parse_args(arguments)))


def parser() -> argparse.ArgumentParser:
    """The arguments of this command."""
    parser = options.parser(
        "digest",
        "Prints a report of a period in Markdown: sums, what changed, what was worst and best, and what is open. It "
        "only reads, and may run beside the daemon.",
        "digest --since=7d --config.file=config.yaml",
        "digest --since=30d --to=2026-02-01 --url=http://127.0.0.1:3672 --api-key-file=read-key",
    )
    parser.add_argument(
        "--since",
        type=options.duration,
        default=durations.parse("7d"),
        metavar="DURATION",
        help="the length of the period, which is compared with the one before (default: 7d)",
    )
    parser.add_argument(
        "--to", type=options.moment, metavar="TIME", help="its end: RFC 3339, a day, or Unix seconds (default: now)"
    )
    parser.add_argument(
        "--tier", choices=(*TIERS, _ALL), default=TIERS[0], help=f"the tier of the environments (default: {TIERS[0]})"
    )
    parser.add_argument("--url", metavar="URL", help="ask a running daemon instead of reading the events")
    parser.add_argument("--api-key-file", type=Path, metavar="FILE", help="a file with a key of the daemon")
    options.add_event_log(parser)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    now = system_clock()
    end = now if arguments.to is None else arguments.to
    if end > now:
        raise CannotDo("--to is in the future")
    end -= end % 1000
    if arguments.since.ms >= end:
        raise CannotDo("--since begins before 1970")
    if arguments.api_key_file and not arguments.url:
        raise CannotDo("--api-key-file needs --url: the events need no key")
    tier = "" if arguments.tier == _ALL else arguments.tier
    period = Period(arguments.since.text, end - arguments.since.ms, end)
    sys.stdout.write(digest(_numbers(arguments, period, tier), period, tier=tier))
    sys.stdout.flush()
    return OK


def _numbers(arguments: argparse.Namespace, period: Period, tier: str) -> Sequence[NumbersOfSubject]:
    if arguments.url:
        key = key_in(arguments.api_key_file) if arguments.api_key_file else None
        return asyncio.run(from_daemon(parse_url(arguments.url), key, period, tier=tier))
    settings = options.settings(arguments)
    return asyncio.run(from_log(log_access.records(settings), definitions(settings), period, tier=tier))
