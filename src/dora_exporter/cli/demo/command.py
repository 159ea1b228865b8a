"""``dora-exporter demo``: the daemon with an invented organisation, which goes on while it runs."""

import argparse
import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from dora_exporter.app.daemon import serve
from dora_exporter.app.load_settings import Flag, load
from dora_exporter.cli import options
from dora_exporter.cli.demo.organisation import DAYS, organisation, split
from dora_exporter.cli.demo.service_simulation import Happening
from dora_exporter.cli.demo.services import GROUPS
from dora_exporter.cli.exit_codes import ending
from dora_exporter.dora.event_log import EventLog, Unavailable
from dora_exporter.runtime import log_setup
from dora_exporter.runtime.clock import Clock, system_clock
from dora_exporter.runtime.hosts import ANY_HOST
from dora_exporter.storage.file import encode, header_line

logger = logging.getLogger(__name__)

SEED = 3672
_USUAL_PORT = 3672
_MOST_DAYS = 3650
HASTE = 20.0
"""Speeds the demo up to two events a minute; in real time, hours would pass between two deployments."""


def run(arguments: Sequence[str]) -> int:
    """Serves the demo until it is told to stop; the exit code."""
    return ending(lambda: _run(parser().parse_args(arguments)))


def parser() -> argparse.ArgumentParser:
    """The arguments of this command."""
    parser = options.parser(
        "demo",
        "Serves an invented organisation of 12 services without any configuration: some months of history, and new "
        "events all the time. An incident has been open for hours and ends after six minutes; another begins after "
        "half a minute and ends two minutes later. Nothing is stored.",
        "demo",
        "demo --seed=7 --days=365 --haste=1",
        "demo --web.listen-address=127.0.0.1:3673",
    )
    parser.add_argument(
        "--seed", type=int, default=SEED, metavar="NUMBER", help=f"invents a different organisation (default: {SEED})"
    )
    parser.add_argument(
        "--days", type=_whole, default=DAYS, metavar="NUMBER", help=f"length of its history (default: {DAYS})"
    )
    parser.add_argument(
        "--haste",
        type=_positive,
        default=HASTE,
        metavar="FACTOR",
        help=f"how much faster than real time it runs (default: {HASTE:g})",
    )
    options.add_settings(parser, options.WEB + options.LOG)
    return parser


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError("must be greater than 0")
    return number


def _whole(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= _MOST_DAYS:
        raise argparse.ArgumentTypeError(f"must be 1 to {_MOST_DAYS}")
    return int(text)


def _run(arguments: argparse.Namespace) -> int:
    signal.signal(signal.SIGTERM, _leave)  # until the daemon takes it over: the folder must not stay behind
    past, future = _invented(arguments)
    with TemporaryDirectory(prefix="dora-exporter-demo-") as folder:
        snapshot = Path(folder, "snapshot")
        read = partial(load, file=None, flags=_flags(arguments, snapshot), variables={}, secrets_folder=None)
        settings = read()
        log_setup.set_up(settings.log.level, settings.log.format)
        with snapshot.open("wb") as file:
            file.write(header_line())
            file.writelines(encode(happening.record) for happening in past)
        return serve(settings, load=read, companion=partial(_live, future, clock=system_clock))


def _invented(arguments: argparse.Namespace) -> tuple[list[Happening], Iterator[Happening]]:
    now = system_clock()
    return split(organisation(arguments.seed, now, days=arguments.days, haste=arguments.haste), now)


def _flags(arguments: argparse.Namespace, snapshot: Path) -> list[Flag]:
    """Opens the daemon to every client and host name: the demo's data is invented."""
    return [
        *options.given(arguments),
        *_free_port(arguments),
        Flag("--snapshot.path", ("snapshot", "path"), snapshot),
        Flag("groups", ("groups",), GROUPS),
        Flag("allow_anonymous", ("allow_anonymous",), value=True),
        Flag("web.allowed_hosts", ("web", "allowed_hosts"), [ANY_HOST]),
    ]


def _free_port(arguments: argparse.Namespace) -> Iterator[Flag]:
    """Takes a free port where the usual one is taken and no address was given."""
    if not vars(arguments)["web.listen_addresses"] and _is_taken(_USUAL_PORT):
        yield Flag("--web.listen-address", ("web", "listen_addresses"), ["127.0.0.1:0"])


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that have ended do not count
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _leave(_number: int, _frame: object) -> None:
    sys.exit(0)


async def _live(happenings: Iterable[Happening], log: EventLog, page: str, *, clock: Clock) -> None:
    """Says where the page is, then sends each event at its time, as a real sender would."""
    sys.stdout.write(f"the demo is at {page}\n")
    sys.stdout.flush()
    for happening in happenings:
        await asyncio.sleep(max(0, happening.at - clock()) / 1000)
        try:
            await log.append([happening.record])
        except Unavailable as reason:
            logger.warning("demo event lost reason=%s", reason)
