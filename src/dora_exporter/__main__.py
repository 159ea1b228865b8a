"""Runs the command line as ``python -m dora_exporter``."""

import sys

from dora_exporter.cli import main

sys.exit(main())
