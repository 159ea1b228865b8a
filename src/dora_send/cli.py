"""The command line: runs a sub-command; a failure is one line and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from dora_send.exits import INTERRUPTED, NOT_DELIVERED, OK, Failed, say
from dora_send.options import parse


def run() -> None:
    """Does what this process was started for, and ends it."""
    sys.exit(main())


def main(arguments: Sequence[str] | None = None, prog: str = "dora-send") -> int:
    """Does what the arguments say; the exit code. ``--help`` and ``--version`` raise SystemExit."""
    is_soft = False
    try:
        options = parse(sys.argv[1:] if arguments is None else arguments, prog)
        is_soft = options.soft
        if options.kind == "deployment":
            from dora_send.deployment import send
        else:
            from dora_send.incident import send
        return send(options)
    except Failed as failed:
        if is_soft and failed.code == NOT_DELIVERED:
            say(f"warning: {failed}")
            return OK
        say(str(failed))
        return failed.code
    except KeyboardInterrupt:
        return INTERRUPTED
