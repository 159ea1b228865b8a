"""What decoding JSON from elsewhere may raise."""

import msgspec

FLAWS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding foreign JSON may raise: it is nested too deeply also where nobody looks."""
