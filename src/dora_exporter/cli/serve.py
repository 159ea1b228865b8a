"""The daemon itself, which is what runs without a sub-command: its flags, and the check of its configuration."""

import argparse
import logging
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from importlib import import_module
from pathlib import Path

from dora_exporter import __version__
from dora_exporter.app.load_settings import says_something
from dora_exporter.app.settings import Settings
from dora_exporter.cli import options
from dora_exporter.config.errors import ConfigError, Mistake
from dora_exporter.runtime import log_setup
from dora_exporter.web.security import web_config

OK = 0
BAD_CONFIGURATION = 1

_USAGE = """dora-exporter [options]
       dora-exporter COMMAND [options]"""
_EXAMPLES = """examples:
  dora-exporter --config.file=config.yaml
  dora-exporter --config.file=config.yaml --config.check
  dora-exporter --web.listen-address=127.0.0.1:3672 --snapshot.path=/var/lib/dora-exporter/events.snapshot
  dora-exporter demo

Flags win over environment variables (DORA_WEB__CONFIG_FILE), secret files and the configuration file."""


def run(arguments: Sequence[str], *, sub_commands: Mapping[str, str]) -> int:
    """Runs the daemon, or checks its configuration; the exit code. Bad usage and ``--version`` raise SystemExit."""
    flags = parser(sub_commands)
    if arguments and not arguments[0].startswith("-"):
        flags.error(_unknown(arguments[0], sub_commands))
    given = flags.parse_args(arguments)
    read = options.reader(given)
    try:
        settings = _checked(read) if given.config_check else read()
        read_again = partial(read, blank_too=not says_something(given.config_file))
    except ConfigError as mistakes:
        sys.stderr.write(f"{mistakes}\n")
        return BAD_CONFIGURATION
    if given.config_check:
        sys.stdout.write("the configuration is good\n")
        return OK
    log_setup.set_up(settings.log.level, settings.log.format)
    logging.captureWarnings(capture=True)
    # Imported here: ``--version`` and the check of a configuration need no server.
    return int(import_module("dora_exporter.app.daemon").serve(settings, load=read_again))


def parser(sub_commands: Mapping[str, str]) -> argparse.ArgumentParser:
    """The flags of the daemon. ``sub_commands``, with what each does, are listed in its help."""
    listed = "\n".join(f"  {name:<12}{summary}" for name, summary in sub_commands.items())
    parser = argparse.ArgumentParser(
        prog="dora-exporter",
        usage=_USAGE,
        description="Turns deployment and incident events into DORA metrics for Prometheus. "
        "Without a command it runs the daemon.\n\n"
        f"commands, each with its own --help:\n{listed}",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    version = f"dora-exporter {__version__} (Python {platform.python_version()})"
    parser.add_argument("--version", action="version", version=version)
    options.add_configuration(parser).add_argument(
        "--config.check", dest="config_check", action="store_true", help="check the configuration and exit"
    )
    options.add_settings(parser)
    return parser


def _unknown(name: str, sub_commands: Mapping[str, str]) -> str:
    close = get_close_matches(name, sub_commands, n=1)
    hint = f"did you mean {close[0]}?" if close else f"commands are {', '.join(sub_commands)}"
    return f"unknown command {name!r}, {hint}"


def _checked(read: Callable[..., Settings]) -> Settings:
    """The settings, after a check of the files that they name."""
    try:
        settings = read(files_too=True)
    except ConfigError as error:
        web = error.data.get("web")
        file = web.get("config_file") if isinstance(web, dict) else None
        raise ConfigError([*error.mistakes, *_web_mistakes(file)]) from error
    mistakes = _web_mistakes(settings.web.config_file)
    if mistakes:
        raise ConfigError(mistakes)
    return settings


def _web_mistakes(file: object) -> Sequence[Mistake]:
    """What is wrong with the web configuration file of that name; nothing where there is none."""
    try:
        if isinstance(file, str | Path) and str(file):
            web_config.load(Path(file))
    except ConfigError as error:
        return error.mistakes
    return ()
