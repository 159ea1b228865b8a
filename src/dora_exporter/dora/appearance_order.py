"""The order of first appearance in the log, which decides which series and teams keep their own labels."""

from dora_exporter.dora.events import Series

_TEAM = "\x1f"
"""Names hold no control characters, so a service is never mistaken for a team."""


def team_entry(team: str, environment: str) -> Series:
    """The entry of a team, which is stored, compacted and shared like that of a series."""
    return Series(f"{_TEAM}{team}", environment)


def is_team(entry: Series) -> bool:
    """Whether an entry is that of a team."""
    return entry.service.startswith(_TEAM)
