"""The exceptions that decoding foreign JSON may raise."""

import msgspec

FLAWS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""RecursionError too: JSON may be nested too deeply even in fields that are skipped."""
