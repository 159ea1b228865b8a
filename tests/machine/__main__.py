"""``python -m tests.machine``: the state machine for as long as you like, or one of its histories again."""

import argparse
import logging
import secrets
import sys

from tests.machine.runs import Difference, run


def main() -> int:
    """The exit code is 1 where the daemon was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.machine", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0, help="how long to go on")
    parser.add_argument("--seed", default=None, help="what the histories follow from; a new one by default")
    parser.add_argument("--history", type=int, default=None, help="the number of the one history to play again")
    parser.add_argument("--verbose", action="store_true", help="show what the daemon logs")
    given = parser.parse_args()
    if not given.verbose:
        logging.disable(logging.WARNING)
    seed = given.seed or secrets.token_hex(4)
    sys.stdout.write(f"seed {seed}\n")
    try:
        tally = run(seed, minutes=given.minutes, first=given.history or 0, only_one=given.history is not None)
    except Difference as found:
        sys.stdout.write("\n".join([str(found), *found.__notes__, ""]))
        return 1
    sys.stdout.write(f"{tally}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
