"""``dora-exporter webhook try``: prints the events that bodies become, or which field is missing and why."""

import argparse
import asyncio
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from multidict import CIMultiDict, CIMultiDictProxy, MultiDict

from dora_exporter.app.settings import Settings
from dora_exporter.cli import options
from dora_exporter.cli.exit_codes import FAILED, OK, CannotDo, ending
from dora_exporter.cli.webhook.trial import Trial, Tried
from dora_exporter.runtime import log_setup
from dora_exporter.runtime.clock import system_clock
from dora_exporter.sources.contract import Delivery
from dora_exporter.sources.settings import SourceSettings
from dora_exporter.sources.webhook.presets import NAMES
from dora_exporter.sources.webhook.settings import WebhookSettings

_STANDARD_INPUT = "-"


def run(arguments: Sequence[str]) -> int:
    """Tries bodies; the exit code, which is 1 when one of them becomes no event or lacks something."""
    return ending(lambda: _run(parser().parse_args(arguments)))


def parser() -> argparse.ArgumentParser:
    """The arguments of this command."""
    made = options.parser("webhook", "Tries what a source makes of a webhook.", "webhook try --help")
    made.usage = "dora-exporter webhook try FILE... [options]"
    shown = options.parser(
        "webhook try",
        "Prints the events made from bodies, as the API shows them, or which field is missing and why. "
        "Nothing is stored, and no upstream is asked; several bodies are taken in order, as the daemon would.",
        "webhook try body.json --config.file=config.yaml --source=status-tool",
        "webhook try opened.json closed.json --preset=rootly -H 'X-Event: incident'",
        "webhook try - --config.file=config.yaml --source=status-tool < body.json",
        note="A signature is not needed. One that is given is checked with the secrets of the source.",
    )
    trial = made.add_subparsers(dest="action", metavar="try", required=True).add_parser(
        "try",
        prog=shown.prog,
        help="print the events made from bodies",
        usage="dora-exporter webhook try FILE... [options]",
        description=shown.description,
        epilog=shown.epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    trial.add_argument("files", metavar="FILE", nargs="+", help="a body; - is standard input")
    _add_source(trial)
    _add_request(trial)
    options.add_configuration(trial)
    return made


def _add_source(trial: argparse.ArgumentParser) -> None:
    either = trial.add_argument_group("which source").add_mutually_exclusive_group(required=True)
    either.add_argument("--source", metavar="NAME", help="a source of the configuration")
    either.add_argument(
        "--preset", choices=NAMES, metavar="NAME", help="a preset with its defaults, without a configuration"
    )


def _add_request(trial: argparse.ArgumentParser) -> None:
    request = trial.add_argument_group("the request")
    request.add_argument(
        "-H", "--header", action="append", default=[], metavar="NAME:VALUE", help="may be given several times"
    )
    request.add_argument(
        "--query",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a query parameter; may be given several times",
    )


def _run(arguments: argparse.Namespace) -> int:
    settings = options.reader(arguments)()
    log_setup.set_up("error", "logfmt")
    trial = Trial(
        arguments.source or arguments.preset,
        _source(settings, arguments),
        default_environment=settings.default_environment,
        clock=system_clock,
    )
    headers, query = _pairs(arguments.header, ":", "-H"), _pairs(arguments.query, "=", "--query")
    bodies = [(file, _body(file)) for file in arguments.files]
    return asyncio.run(_try_all(trial, bodies, headers, query))


async def _try_all(
    trial: Trial,
    bodies: Iterable[tuple[str, bytes]],
    headers: Iterable[tuple[str, str]],
    query: Iterable[tuple[str, str]],
) -> int:
    ended = OK
    for file, body in bodies:
        delivery = Delivery(
            headers=CIMultiDictProxy(CIMultiDict(headers)),
            query=MultiDict(query),
            has_key=False,
            received_ms=system_clock(),
        )
        tried = await trial.deliver(delivery, body)
        _print(file, tried)
        ended = ended if tried.is_good else FAILED
    return ended


def _print(file: str, tried: Tried) -> None:
    """Events to standard output, words about them to standard error."""
    sys.stderr.write("".join(f"{file}: {line}\n" for line in tried.words))
    sys.stderr.flush()
    sys.stdout.write("".join(f"{event}\n" for event in tried.events))
    sys.stdout.flush()


def _source(settings: Settings, arguments: argparse.Namespace) -> SourceSettings:
    if arguments.preset is not None:
        return WebhookSettings(preset=arguments.preset)
    found = settings.sources.get(arguments.source)
    if found is None:
        names = ", ".join(sorted(settings.sources)) or "none"
        raise CannotDo(f"--source: the configuration has no source of this name; it has {names}")
    return found


def _pairs(given: Iterable[str], separator: str, flag: str) -> list[tuple[str, str]]:
    pairs = [each.partition(separator) for each in given]
    if any(not name.strip() or not found for name, found, _ in pairs):
        raise CannotDo(f"{flag}: must be a name and a value with {separator!r} between them")
    return [(name.strip(), value.strip()) for name, _, value in pairs]


def _body(file: str) -> bytes:
    return sys.stdin.buffer.read() if file == _STANDARD_INPUT else Path(file).read_bytes()
