"""Runs as ``python -m dora_send``, as ``python path/to/dora_send`` and from a zip file."""

import os
import sys

if not __package__:  # run by its path: only the folder itself is searched for modules
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from dora_send.cli import run

run()
