"""The name that stands for all that is beyond a limit, and what an event has in its place."""

RESERVED = "_other"
"""As service, environment and team it is the exposition's own: no event is held under it."""

RENAMED = "_other_"


def freed(name: str) -> str:
    """A name as events may have it."""
    return RENAMED if name == RESERVED else name
