"""The sub-commands and options of the command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from dora_send import __version__, moments
from dora_send.exits import USAGE, Failed

TYPE_CHECKING = False  # as in typing, which takes long to load
if TYPE_CHECKING:
    from typing import Any, NoReturn

_LONGEST_SECONDS = 3600.0
_KEY_TYPED = "a key is never typed: set DORA_SEND_API_KEY or give --api-key-file"
_DESCRIPTION = """Reports a deployment or an incident to dora-exporter.

The server is $DORA_SEND_URL, the key $DORA_SEND_API_KEY. Each sub-command has its own --help."""
_DEPLOYMENT = """  {prog} --service checkout --env production -- ./deploy.sh
  {prog} --service checkout --env production --since last --soft -- ./deploy.sh
  {prog} --service checkout --env production --started-at 2026-01-31T12:00:00Z --version v1.2.3
"""
_INCIDENT = """  {prog} open --id INC-42 --service checkout --env production --name "Nobody can pay"
  {prog} close --id INC-42
"""
_CODES = """exit codes:
  the script's own    the script failed; 128 + N: signal N killed it
  64                  an option is wrong, or the server refused the event
  75                  not delivered in time (0 with --soft)
  77                  the key is missing or wrong
  78                  the server's certificate is not trusted, or it is another server"""


def _as_written(prog: str) -> argparse.HelpFormatter:
    """To find out how wide the terminal is takes a module that nothing else needs."""
    return argparse.RawDescriptionHelpFormatter(prog, width=100)


class _Parser(argparse.ArgumentParser):
    """Ends with 64, and repeats no value: someone may have typed a key."""

    def error(self, message: str) -> NoReturn:
        raise Failed(USAGE, f"{message} (see {self.prog} --help)")


def parse(arguments: Sequence[str], prog: str) -> argparse.Namespace:
    """The options; ``command`` is what follows ``--``. Raises ``Failed``; ``--help`` raises SystemExit."""
    typed = list(arguments)
    end = typed.index("--") if "--" in typed else len(typed)
    parser = parser_of(prog)
    options, unknown = parser.parse_known_args(typed[:end])
    if unknown:
        names = [each.partition("=")[0] if each.startswith("-") else "a stray argument" for each in unknown[:1]]
        parser.error(_KEY_TYPED if names[0] == "--api-key" else f"{names[0]} is not known here; what to run follows --")
    options.command = typed[end + 1 :]
    _check(options, has_end=end < len(typed))
    return options


def _check(options: argparse.Namespace, *, has_end: bool) -> None:
    if has_end and not options.command:
        raise Failed(USAGE, "no command follows --")
    if options.command and options.kind != "deployment":
        raise Failed(USAGE, "only a deployment runs a script")
    told = [name for name in ("started_at", "finished_at", "outcome") if getattr(options, name, None) is not None]
    if options.command and told:
        raise Failed(USAGE, f"--{told[0].replace('_', '-')} is found out by running the script")
    if getattr(options, "since", None) == "last" and not options.env:
        raise Failed(USAGE, "--since last needs --env")
    if options.kind == "incident" and options.action == "open" and not (options.service or options.team):
        raise Failed(USAGE, "an incident needs --service or --team")


def parser_of(prog: str) -> argparse.ArgumentParser:
    """The sub-commands and options; ``prog`` is what is typed before them."""
    parser = _Parser(prog=prog, description=_DESCRIPTION, allow_abbrev=False, formatter_class=_as_written)
    parser.add_argument("--version", action="version", version=f"dora-send {__version__}")
    kinds = parser.add_subparsers(dest="kind", prog=prog, metavar="deployment|incident", required=True)
    _deployment(kinds.add_parser("deployment", **_about("a deployment", _DEPLOYMENT.format(prog=f"{prog} deployment"))))
    example = _INCIDENT.format(prog=f"{prog} incident")
    incident = kinds.add_parser("incident", **_about("an incident", example))
    actions = incident.add_subparsers(dest="action", prog=incident.prog, metavar="open|close", required=True)
    for action in ("open", "close"):
        _incident(actions.add_parser(action, **_about(f"{action} an incident", example)), action)
    return parser


def _deployment(parser: argparse.ArgumentParser) -> None:
    parser.usage = f"{parser.prog} --service NAME [options] [-- SCRIPT ...]"
    event = parser.add_argument_group("the deployment")
    event.add_argument("--service", type=_name, required=True, metavar="NAME")
    _add_shared(event)
    event.add_argument("--commit", metavar="SHA", help="what is deployed (default: HEAD of the checkout)")
    event.add_argument("--repository", metavar="URL", help="its repository (default: the checkout's remote)")
    event.add_argument(
        "--since",
        metavar="last|SHA",
        help="send the commits after this one; last: after the latest deployment that the server knows",
    )
    event.add_argument("--id", type=_name, help="default: derived from the CI server's run, attempt and job")
    told = parser.add_argument_group("without a script")
    told.add_argument("--started-at", type=_moment, metavar="TIME", help="Unix time or RFC 3339 (default: the end)")
    told.add_argument("--finished-at", type=_moment, metavar="TIME", help="the same (default: now)")
    told.add_argument("--outcome", choices=("succeeded", "failed", "canceled"))
    _add_server(parser)


def _incident(parser: argparse.ArgumentParser, action: str) -> None:
    event = parser.add_argument_group("the incident")
    event.add_argument("--id", type=_name, required=True, help="its id in your incident tool")
    event.add_argument("--service", type=_name, action="append", default=[], metavar="NAME", help="may be repeated")
    _add_shared(event)
    event.add_argument("--name", metavar="TEXT", help="a title for people")
    event.add_argument("--severity", metavar="TEXT")
    event.add_argument("--started-at", type=_moment, metavar="TIME", help="Unix time or RFC 3339 (default: now)")
    if action == "close":
        event.add_argument("--finished-at", type=_moment, metavar="TIME", help="the same (default: now)")
    _add_server(parser)


def _add_shared(event: argparse._ArgumentGroup) -> None:
    event.add_argument("--env", metavar="NAME", help="the environment")
    event.add_argument("--version", metavar="TEXT")
    event.add_argument("--team", metavar="NAME")
    event.add_argument("--tag", action="append", default=[], metavar="KEY:VALUE", help="may be repeated")


def _add_server(parser: argparse.ArgumentParser) -> None:
    server = parser.add_argument_group("the server")
    server.add_argument("--url", help="default: $DORA_SEND_URL")
    server.add_argument("--api-key-file", metavar="FILE", help="a file with the key (default: $DORA_SEND_API_KEY)")
    server.add_argument(
        "--ca-file", metavar="FILE", help="certificate authorities to trust besides the system's, in PEM"
    )
    server.add_argument(
        "--timeout", type=_seconds, default=30.0, metavar="SECONDS", help="give up after this time (default: 30)"
    )
    server.add_argument("--soft", action="store_true", help="only warn where the event could not be delivered")


def _about(what: str, example: str) -> dict[str, Any]:
    return {
        "help": what,
        "allow_abbrev": False,
        "formatter_class": _as_written,
        "epilog": f"examples:\n{example}\n{_CODES}",
    }


def _name(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("must not be empty")
    return text


def _seconds(text: str) -> float:
    try:
        seconds = float(text.removesuffix("s"))
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= _LONGEST_SECONDS:
        raise argparse.ArgumentTypeError("must be a number of seconds up to 3600")
    return seconds


def _moment(text: str) -> int:
    try:
        return moments.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
