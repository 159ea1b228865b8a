"""The order in which series and teams appeared first in the log: it decides who keeps labels of their own."""

from dora_exporter.dora.events import Series

_TEAM = "\x1f"
"""No name holds a control character, so no service is ever taken for a team."""


def team_entry(team: str, environment: str) -> Series:
    """The entry of a team: it stands among those of the series, and is kept, compacted and shared as they are."""
    return Series(f"{_TEAM}{team}", environment)
