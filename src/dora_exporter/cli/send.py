"""``dora-exporter send``: runs the package dora-send, which does not import this one."""

from collections.abc import Sequence

from dora_send.cli import main


def run(arguments: Sequence[str]) -> int:
    """Sends an event; the exit code. ``--help`` raises SystemExit."""
    return main(arguments, "dora-exporter send")
