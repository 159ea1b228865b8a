"""What GitLab says of a deployment or an incident, the same whether it was pushed or polled."""

import re
from dataclasses import dataclass

from dora_exporter.sources.http import timestamps

_ZONE = re.compile(r" (?:UTC|([+-]\d\d):?(\d\d))$")


class NotUnderstood(Exception):
    """An object of GitLab's that cannot become an event."""


@dataclass(frozen=True, kw_only=True)
class Project:
    """Where something was deployed from; ``path`` is ``group/subgroup/name``, ``url`` that of its pages."""

    path: str
    url: str

    @property
    def name(self) -> str:
        """The name without its groups."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, kw_only=True)
class ReportedDeployment:
    """A deployment in one of its states; ``at_ms`` is since when, ``finished_ms`` when it ended, if it did.

    ``started_ms``, ``sha``, ``tier`` and ``ref`` are None where GitLab does not say.
    """

    id: int
    project: Project
    environment: str
    status: str
    at_ms: int
    finished_ms: int
    started_ms: int | None = None
    sha: str | None = None
    tier: str | None = None
    ref: str | None = None
    is_polled: bool = False


@dataclass(frozen=True, kw_only=True)
class ReportedIncident:
    """An issue in one of its states. ``closed_ms`` is None while it is open; ``is_incident`` tells by its type.

    ``place`` is where it can be asked for: the ids of its project and of it in there, as ``7/3``.
    """

    id: int
    project: Project
    title: str
    created_ms: int
    updated_ms: int
    closed_ms: int | None = None
    severity: str | None = None
    labels: tuple[str, ...] = ()
    is_incident: bool = True
    place: str | None = None
    is_polled: bool = False


def moment(text: object, *, now_ms: int) -> int:
    """A time of GitLab in milliseconds: RFC 3339, or with a zone behind a space. Raises ``NotUnderstood``."""
    said = _ZONE.sub(_zone, text) if isinstance(text, str) else text
    found = timestamps.moment(said, now_ms=now_ms)
    if found is None:
        raise NotUnderstood("it has an invalid time")
    return found


def known_moment(text: object, *, now_ms: int) -> int | None:
    """A moment in milliseconds, None where it is missing; raises ``NotUnderstood`` for an invalid one."""
    return None if text is None else moment(text, now_ms=now_ms)


def known_severity(text: str | None) -> str | None:
    """A severity in lower case; None for one that is not set."""
    severity = (text or "").lower()
    return None if severity in ("", "unknown") else severity


def _zone(found: re.Match[str]) -> str:
    return f"{found[1]}:{found[2]}" if found[1] else "Z"
