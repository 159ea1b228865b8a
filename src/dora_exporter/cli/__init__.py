"""The command line: chooses the sub-command, and imports only that one's code."""

import gc
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module

COMMANDS: Mapping[str, str] = {
    "demo": "dora_exporter.cli.demo.command:run",
    "export": "dora_exporter.cli.export:run",
    "history": "dora_exporter.cli.backfill.command:run",
    "import": "dora_exporter.cli.import_events.command:run",
    "send": "dora_exporter.cli.send:run",
}
"""The sub-commands. Each is a ``module:function`` that takes the arguments after its name and returns the exit code."""

_DAEMON = "dora_exporter.cli.serve:run"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the sub-command, or the daemon where none is named; returns the exit code. Bad usage raises SystemExit."""
    given = sys.argv[1:] if argv is None else argv
    if given and given[0] in COMMANDS:
        return _found(COMMANDS[given[0]])(given[1:])
    gc.disable()  # a start makes what stays; the daemon enables it when that is done
    try:
        return _found(_DAEMON)(given, sub_commands=tuple(COMMANDS))
    finally:
        gc.enable()


def _found(name: str) -> Callable[..., int]:
    module, _, function = name.partition(":")
    command: Callable[..., int] = getattr(import_module(module), function)
    return command
