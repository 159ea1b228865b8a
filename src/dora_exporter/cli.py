"""The command line."""

import argparse
import logging
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pkgutil import resolve_name

from dora_exporter import __version__, logs, web_config
from dora_exporter.commands import flags
from dora_exporter.config import ConfigError, Settings

OK = 0
BAD_CONFIGURATION = 1

COMMANDS: Mapping[str, str] = {
    "demo": "dora_exporter.commands.demo:run",
    "export": "dora_exporter.commands.export:run",
    "history": "dora_exporter.commands.history:run",
    "import": "dora_exporter.commands.import_events:run",
}
"""The sub-commands. Each is a ``module:function`` that takes the arguments after its name and gives the exit code."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the daemon, or checks its configuration; the exit code. Bad usage and ``--version`` raise SystemExit."""
    given = sys.argv[1:] if argv is None else argv
    if given and given[0] in COMMANDS:
        command: Callable[[Sequence[str]], int] = resolve_name(COMMANDS[given[0]])
        return command(given[1:])
    return _daemon(_parser().parse_args(given))


def _daemon(arguments: argparse.Namespace) -> int:
    read = flags.reader(arguments)
    try:
        settings = _checked(read) if arguments.config_check else read()
    except ConfigError as mistakes:
        sys.stderr.write(f"{mistakes}\n")
        return BAD_CONFIGURATION
    if arguments.config_check:
        sys.stdout.write("the configuration is good\n")
        return OK
    logs.set_up(settings.log.level, settings.log.format)
    logging.captureWarnings(capture=True)
    # Found only now: looking at the version or at a configuration takes no server.
    return int(import_module("dora_exporter.app").serve(settings, load=read))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dora-exporter",
        description="Turns deployment and incident events into the four DORA metrics for Prometheus.",
        epilog=f"Sub-commands: {', '.join(COMMANDS)}, each with its own --help. "
        "Flags win over environment variables (DORA_WEB__CONFIG_FILE), secret files and the configuration file.",
        allow_abbrev=False,
    )
    version = f"dora-exporter {__version__} (Python {platform.python_version()})"
    parser.add_argument("--version", action="version", version=version)
    flags.add_configuration(parser).add_argument(
        "--config.check", dest="config_check", action="store_true", help="print what is wrong with it, and exit"
    )
    flags.add_settings(parser)
    return parser


def _checked(read: Callable[[], Settings]) -> Settings:
    """The settings, once the files that they name are found to be good as well."""
    settings = read()
    if settings.web.config_file is not None:
        web_config.load(settings.web.config_file)
    return settings
