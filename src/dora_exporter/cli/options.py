"""The command line's flags for settings, which the daemon and the sub-commands share."""

import argparse
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from textwrap import fill
from typing import Any

from dora_exporter.app.load_settings import Flag, load
from dora_exporter.app.settings import Settings
from dora_exporter.config import durations
from dora_exporter.config.layers import FOLDER_VARIABLES
from dora_exporter.runtime import log_setup, timestamps

_SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "--web.listen-address": {
        "dest": "web.listen_addresses",
        "action": "append",
        "metavar": "HOST:PORT",
        "help": "may be given several times; port 0 takes a free one (default: 127.0.0.1:3672)",
    },
    "--web.config.file": {
        "dest": "web.config_file",
        "metavar": "FILE",
        "help": "TLS and basic auth, in the format of exporter-toolkit",
    },
    "--web.external-url": {
        "dest": "web.external_url",
        "metavar": "URL",
        "help": "the URL under which others reach the daemon, such as https://host/dora",
    },
    "--web.route-prefix": {
        "dest": "web.route_prefix",
        "metavar": "PATH",
        "help": "serve everything below this path (default: the path of --web.external-url)",
    },
    "--web.enable-lifecycle": {
        "dest": "web.enable_lifecycle",
        "action": "store_true",
        "default": None,
        "help": "let POST /-/reload reload the configuration",
    },
    "--snapshot.path": {"dest": "snapshot.path", "metavar": "FILE", "help": "where the events are kept"},
    "--log.level": {
        "dest": "log.level",
        "choices": ("debug", "info", "warn", "error"),
        "help": "the lowest level that is logged (default: info)",
    },
    "--log.format": {
        "dest": "log.format",
        "choices": ("logfmt", "json"),
        "help": "the format of log lines (default: logfmt)",
    },
}
"""``dest`` is the way to the setting."""

WEB = ("--web.listen-address",)
SNAPSHOT = ("--snapshot.path",)
LOG = ("--log.level", "--log.format")
ALL = tuple(_SETTINGS)

_GROUPS: Mapping[str, tuple[str, ...]] = {
    "where it listens": tuple(flag for flag in ALL if flag.startswith("--web.")),
    "where events are kept": SNAPSHOT,
    "what it logs": LOG,
}
_WIDTH = 100

_FLAGS = {str(each["dest"]): flag for flag, each in _SETTINGS.items()}


def parser(command: str, description: str, *examples: str, note: str = "") -> argparse.ArgumentParser:
    """A parser for the arguments of a sub-command. Its help ends with a note and the examples, without the program."""
    shown = "\n".join(f"  dora-exporter {example}" for example in examples)
    return argparse.ArgumentParser(
        prog=f"dora-exporter {command}",
        usage=f"dora-exporter {command} [options]",
        description=fill(description, _WIDTH),
        epilog="\n\n".join(filter(None, (fill(note, _WIDTH), f"examples:\n{shown}"))),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def moment(text: str) -> int:
    """A time in milliseconds since the epoch, in UTC without an offset; raises ``ArgumentTypeError``."""
    try:
        return timestamps.milliseconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} {error}") from None


def duration(text: str) -> durations.Span:
    """A length of time such as 5m; raises ``ArgumentTypeError``."""
    try:
        return durations.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def add_configuration(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Adds where settings are read from."""
    files = parser.add_argument_group("configuration")
    files.add_argument(
        "--config.file", dest="config_file", type=Path, metavar="FILE", help="the configuration, in YAML"
    )
    files.add_argument(
        "--secrets-dir",
        dest="secrets_dir",
        type=Path,
        metavar="FOLDER",
        help="files named like environment variables, a secret in each (default: $CREDENTIALS_DIRECTORY)",
    )
    return files


def add_settings(parser: argparse.ArgumentParser, names: tuple[str, ...] = ALL) -> None:
    """Adds the flags of these names that stand for a setting each."""
    for title, flags in _GROUPS.items():
        wanted = [flag for flag in flags if flag in names]
        group = parser.add_argument_group(title) if wanted else parser
        for flag in wanted:
            group.add_argument(flag, **_SETTINGS[flag])


def add_event_log(parser: argparse.ArgumentParser) -> None:
    """Adds what a command needs that works on the kept events: its configuration, where they are, what it logs."""
    add_configuration(parser)
    add_settings(parser, SNAPSHOT + LOG)


def given(arguments: argparse.Namespace) -> list[Flag]:
    """The flags that were given, with the way to their settings."""
    values = vars(arguments).items()
    return [
        Flag(_FLAGS[way], tuple(way.split(".")), value) for way, value in values if way in _FLAGS and value is not None
    ]


def reader(arguments: argparse.Namespace) -> Callable[..., Settings]:
    """Reads the settings that the arguments, the environment and the named files make up, anew at each call.

    The returned function is ``load_settings.load`` with all arguments but ``files_too`` and ``blank_too`` bound.
    """
    return partial(
        load,
        file=arguments.config_file,
        flags=given(arguments),
        variables=os.environ,
        secrets_folder=_secrets_folder(arguments.secrets_dir),
    )


def settings(arguments: argparse.Namespace) -> Settings:
    """The settings of a command, which logs as they say from now on."""
    read = reader(arguments)()
    log_setup.set_up(read.log.level, read.log.format)
    return read


def _secrets_folder(flag: Path | None) -> Path | None:
    named = next((os.environ[name] for name in FOLDER_VARIABLES if os.environ.get(name)), None)
    return flag or (Path(named) if named else None)
