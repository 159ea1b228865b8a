"""Runs the benchmarks and prints their table: ``python -m tests.benchmarks [scrapes ingest ...]``.

It needs the package installed (or ``PYTHONPATH=src``), and Debian's ``wrk``, ``nginx``, ``postgresql`` and
``prometheus-pushgateway``.
Everything runs on this machine, on ports that are free, in a folder that is removed at the end. The exit code is 1 when
a number was not reached.
"""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path

from tests.benchmarks.rounds import Goal

SCENARIOS = (
    "scrapes",
    "stalls",
    "ingest",
    "bulk",
    "imports",
    "webhooks",
    "memory",
    "restart",
    "kills",
    "git",
    "hops",
    "names",
    "pages",
    "backfill",
    "replicas",
)


def main() -> int:
    """Runs the scenarios named, or all, and prints a row as soon as it is known."""
    chosen = scenarios(sys.argv[1:])
    sys.stdout.write(f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.platform()}\n\n")
    sys.stdout.write("| what | measured | to reach | reached |\n| --- | --- | --- | --- |\n")
    missed = 0
    for name in chosen:
        measure: Callable[[Path], Iterator[Goal]] = import_module(f"tests.benchmarks.{name}").measure
        with tempfile.TemporaryDirectory() as folder:
            for goal in measure(Path(folder)):
                missed += not goal.reached
                reached = "yes" if goal.reached else "no"
                sys.stdout.write(f"| {goal.what} | {goal.measured} | {goal.to_reach} | {reached} |\n")
                sys.stdout.flush()
    return min(missed, 1)


def scenarios(arguments: Sequence[str]) -> Sequence[str]:
    """Those that are named, all without a name."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("scenarios", nargs="*", choices=[*SCENARIOS, []], default=[])
    return parser.parse_args(arguments).scenarios or SCENARIOS


if __name__ == "__main__":
    sys.exit(main())
