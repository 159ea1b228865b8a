"""The command line."""

import argparse
import logging
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from pkgutil import resolve_name

from dora_exporter import __version__, logs, web_config
from dora_exporter.config import ConfigError, Flag, Settings, load
from dora_exporter.config_layers import FOLDER_VARIABLES

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
    read = partial(
        load,
        file=arguments.config_file,
        flags=[Flag(*each) for each in _given(arguments)],
        variables=os.environ,
        secrets_folder=_secrets_folder(arguments.secrets_dir),
    )
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
        epilog="Flags win over environment variables (DORA_WEB__CONFIG_FILE), secret files and the configuration file.",
        allow_abbrev=False,
    )
    version = f"dora-exporter {__version__} (Python {platform.python_version()})"
    parser.add_argument("--version", action="version", version=version)
    _add_configuration(parser)
    _add_settings(parser)
    return parser


def _add_configuration(parser: argparse.ArgumentParser) -> None:
    files = parser.add_argument_group("configuration")
    files.add_argument(
        "--config.file", dest="config_file", type=Path, metavar="FILE", help="the configuration, in YAML"
    )
    files.add_argument(
        "--config.check", dest="config_check", action="store_true", help="print what is wrong with it, and exit"
    )
    files.add_argument(
        "--secrets-dir",
        dest="secrets_dir",
        type=Path,
        metavar="FOLDER",
        help="files named like environment variables, a secret in each (default: $CREDENTIALS_DIRECTORY)",
    )


def _add_settings(parser: argparse.ArgumentParser) -> None:
    """The flags that stand for a setting. ``dest`` is the way to it."""
    settings = parser.add_argument_group("settings")
    settings.add_argument(
        "--web.listen-address",
        dest="web.listen_addresses",
        action="append",
        metavar="HOST:PORT",
        help="may be given several times; port 0 takes a free one (default: 127.0.0.1:3672)",
    )
    settings.add_argument(
        "--web.config.file",
        dest="web.config_file",
        metavar="FILE",
        help="TLS and basic auth, as exporter-toolkit has it",
    )
    settings.add_argument(
        "--web.enable-lifecycle",
        dest="web.enable_lifecycle",
        action="store_true",
        default=None,
        help="let POST /-/reload read the configuration again",
    )
    settings.add_argument("--snapshot.path", dest="snapshot.path", metavar="FILE", help="where the events are kept")
    settings.add_argument("--log.level", dest="log.level", choices=("debug", "info", "warn", "error"))
    settings.add_argument("--log.format", dest="log.format", choices=("logfmt", "json"))


_NAMES = {"web.listen_addresses": "web.listen-address", "web.config_file": "web.config.file"}


def _given(arguments: argparse.Namespace) -> list[tuple[str, tuple[str, ...], object]]:
    """The flags that were given, with the way to their settings."""
    ways = {way: value for way, value in vars(arguments).items() if "." in way and value is not None}
    return [
        (f"--{_NAMES.get(way, way.replace('_', '-'))}", tuple(way.split(".")), value) for way, value in ways.items()
    ]


def _secrets_folder(flag: Path | None) -> Path | None:
    named = next((os.environ[name] for name in FOLDER_VARIABLES if os.environ.get(name)), None)
    return flag or (Path(named) if named else None)


def _checked(read: Callable[[], Settings]) -> Settings:
    """The settings, once the files that they name are found to be good as well."""
    settings = read()
    if settings.web.config_file is not None:
        web_config.load(settings.web.config_file)
    return settings
