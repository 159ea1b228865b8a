"""``dora-exporter completion``: the script with which a shell completes commands, flags and files."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module

import shtab

from dora_exporter.cli import COMMANDS, options, serve
from dora_exporter.cli.exit_codes import OK, ending

_COMPLETED_BY = {"FILE": shtab.FILE, "FOLDER": shtab.DIRECTORY}
"""What a shell offers for the value of a flag, by the name of that value in the help."""


def run(arguments: Sequence[str]) -> int:
    """Prints the script for a shell; the exit code."""
    return ending(lambda: _run(parser().parse_args(arguments)))


def parser() -> argparse.ArgumentParser:
    """The arguments of this command."""
    made = options.parser(
        "completion",
        "Prints a script that completes dora-exporter's commands, flags and files in a shell.",
        "completion bash > ~/.local/share/bash-completion/completions/dora-exporter",
        'completion zsh > "${fpath[1]}/_dora-exporter"',
        "completion fish > ~/.config/fish/completions/dora-exporter.fish",
    )
    made.usage = "dora-exporter completion {bash,zsh,fish}"
    made.add_argument("shell", choices=("bash", "zsh", "fish"))
    return made


def _run(arguments: argparse.Namespace) -> int:
    sys.stdout.write(shtab.complete(_whole_command_line(), arguments.shell))
    sys.stdout.flush()
    return OK


def _whole_command_line() -> argparse.ArgumentParser:
    """The daemon's parser with those of all sub-commands, which otherwise are loaded one at a time."""
    whole = serve.parser({})
    commands = whole.add_subparsers(prog=whole.prog)
    for name, command in COMMANDS.items():
        own = import_module(command.run.partition(":")[0]).parser()
        commands.add_parser(name, help=command.summary, parents=[own], add_help=False)
    for action in _actions(whole):
        if action.metavar in _COMPLETED_BY:
            vars(action)["complete"] = _COMPLETED_BY[str(action.metavar)]
    return whole


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """All of a parser's actions, also those of its sub-commands."""
    for action in parser._actions:  # noqa: SLF001  # argparse shows them in no other way; shtab reads them so, too
        yield action
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  # the same
            for each in action.choices.values():
                yield from _actions(each)
