"""Moments as text."""

from datetime import UTC, datetime


def iso(moment: int) -> str:
    """Milliseconds since the epoch as ISO 8601 in UTC, with a fraction only when there is one."""
    seconds, milliseconds = divmod(moment, 1000)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{milliseconds:03}Z" if milliseconds else f"{text}Z"
