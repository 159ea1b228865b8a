"""``dora-exporter history``: the gauges at past instants, as OpenMetrics that Prometheus can make blocks of."""

import argparse
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from tempfile import TemporaryFile

from prometheus_client.core import GaugeMetricFamily

from dora_exporter.app.derived_settings import definitions
from dora_exporter.app.settings import Settings
from dora_exporter.cli import log_access, options
from dora_exporter.cli.backfill.replay import PastText
from dora_exporter.cli.backfill.sample_spool import FamilySpool
from dora_exporter.cli.exit_codes import OK, CannotDo, ending
from dora_exporter.cli.progress import shown
from dora_exporter.config import durations
from dora_exporter.exposition import Format
from dora_exporter.exposition.registry_text import Families
from dora_exporter.exposition.text_cache import Family
from dora_exporter.runtime.clock import system_clock

logger = logging.getLogger(__name__)

_END = b"# EOF\n"


def run(arguments: Sequence[str]) -> int:
    """Computes the gauges from the events and prints them; the exit code."""
    return ending(lambda: _run(parser().parse_args(arguments)))


def parser() -> argparse.ArgumentParser:
    """The arguments of this command."""
    parser = options.parser(
        "history",
        "Prints the gauges at past instants, computed from the events, for promtool tsdb create-blocks-from "
        "openmetrics. It only reads, and may run beside the daemon.",
        "history --config.file=config.yaml --from=2026-01-01 > dora.om",
        "history --from=2026-01-01 --to=2026-02-01 --step=15m --snapshot.path=events.snapshot > dora.om",
    )
    parser.usage = "dora-exporter history --from TIME [options]"
    when = "RFC 3339, a day, or Unix seconds"
    parser.add_argument("--from", dest="first", type=options.moment, required=True, metavar="TIME", help=when)
    parser.add_argument("--to", dest="last", type=options.moment, metavar="TIME", help=f"{when} (default: now)")
    parser.add_argument(
        "--step",
        type=options.duration,
        default=durations.parse("1h"),
        metavar="DURATION",
        help="such as 5m (default: 1h)",
    )
    options.add_event_log(parser)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    settings = options.settings(arguments)
    instants = _instants(arguments)
    _warn_of_expired_events(settings, instants[0])
    past = PastText(log_access.records(settings), definitions(settings), instants)
    for piece in _open_metrics(past, instants):
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
    return OK


def _instants(arguments: argparse.Namespace) -> range:
    now = system_clock()
    last = now if arguments.last is None else arguments.last
    if last > now:
        raise CannotDo("--to is in the future")
    if arguments.first > last:
        raise CannotDo("--from is after --to" if arguments.last is not None else "--from is in the future")
    return range(arguments.first, last + 1, arguments.step.ms)


def _warn_of_expired_events(settings: Settings, first: int) -> None:
    longest = max(settings.windows, key=lambda window: window.ms)
    whole_from = system_clock() - settings.retention.ms + longest.ms
    if first < whole_from:
        logger.warning(
            "retention may have removed events that the first samples need retention=%s window=%s complete_from=%s",
            settings.retention.text,
            longest.text,
            datetime.fromtimestamp(whole_from / 1000, tz=UTC).isoformat(timespec="seconds"),
        )


def _open_metrics(past: PastText, instants: range) -> Iterator[bytes]:
    """The exposition in pieces, family by family."""
    with ExitStack() as files:
        spools = [FamilySpool(files.enter_context(TemporaryFile())) for _ in past.families]
        last: list[object] = [None] * len(spools)
        for index, _ in enumerate(shown(instants, "computing", sys.stderr)):
            for number, lines in enumerate(past.at(index)):
                if lines is not last[number]:
                    spools[number].record(index, b"".join(lines.parts).splitlines())
                    last[number] = lines
        for family, spool in shown(list(zip(past.families, spools, strict=True)), "writing", sys.stderr):
            yield from _family(family, spool, instants)
    yield _END


def _family(family: Family, spool: FamilySpool, instants: range) -> Iterator[bytes]:
    header = Families([GaugeMetricFamily(family.name, family.help)]).render(Format.OPENMETRICS).removesuffix(_END)
    for piece in spool.samples(instants):
        yield header + piece
        header = b""
