"""The command line: chooses the sub-command, and imports only that one's code."""

import gc
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module


class Command:
    """A sub-command. ``run`` is a ``module:function`` that takes the arguments after its name; the exit code."""

    __slots__ = ("run", "summary")  # a named tuple would load typing, and ``send`` starts without it

    def __init__(self, run: str, summary: str) -> None:
        """What it runs, and what the help says of it."""
        self.run = run
        self.summary = summary


COMMANDS: Mapping[str, Command] = {
    "demo": Command("dora_exporter.cli.demo.command:run", "serve an invented organisation, to look around"),
    "import": Command("dora_exporter.cli.import_events.command:run", "read events from a file"),
    "export": Command("dora_exporter.cli.export:run", "write all events to a file"),
    "history": Command("dora_exporter.cli.backfill.command:run", "write the gauges of the past for Prometheus"),
    "catalogue": Command("dora_exporter.cli.catalogue:run", "propose aliases for names that look alike"),
    "digest": Command(
        "dora_exporter.cli.digest.command:run", "report what changed, what is worst, best and open, in Markdown"
    ),
    "send": Command("dora_exporter.cli.send:run", "report a deployment or an incident to a daemon"),
    "webhook": Command("dora_exporter.cli.webhook.command:run", "show the events made from a webhook's body"),
    "completion": Command("dora_exporter.cli.completion:run", "print a completion script for bash, zsh or fish"),
}
"""The sub-commands, in the order of the help."""

_DAEMON = "dora_exporter.cli.serve:run"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the sub-command, or the daemon where none is named; returns the exit code. Bad usage raises SystemExit."""
    given = sys.argv[1:] if argv is None else argv
    if given and given[0] in COMMANDS:
        return _found(COMMANDS[given[0]].run)(given[1:])
    gc.disable()  # a start makes what stays; the daemon enables it when that is done
    try:
        return _found(_DAEMON)(given, sub_commands={name: each.summary for name, each in COMMANDS.items()})
    finally:
        gc.enable()


def _found(name: str) -> Callable[..., int]:
    module, _, function = name.partition(":")
    command: Callable[..., int] = getattr(import_module(module), function)
    return command
