"""The name for everything beyond a limit, and the name that events get in its place."""

RESERVED = "_other"
"""Reserved for the exposition, as service, environment and team: no event has it."""

RENAMED = "_other_"


def freed(name: str) -> str:
    """A name that events may have."""
    return RENAMED if name == RESERVED else name
