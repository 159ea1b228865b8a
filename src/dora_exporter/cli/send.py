"""``dora-exporter send``: runs the package dora-send, which does not import this one."""

import argparse
from collections.abc import Sequence

from dora_send.cli import main
from dora_send.options import parser_of


def run(arguments: Sequence[str]) -> int:
    """Sends an event; the exit code. ``--help`` raises SystemExit."""
    return main(arguments, "dora-exporter send")


def parser() -> argparse.ArgumentParser:
    """The arguments of this command."""
    return parser_of("dora-exporter send")
