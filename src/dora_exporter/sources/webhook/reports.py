"""What the rules of a source find in a body, before stored events are consulted."""

from collections.abc import Mapping
from dataclasses import dataclass

_UNSAID = "no rule says where it is"


class NotUnderstood(Exception):
    """An event that cannot be made. The text names the field and repeats no value."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """One event as a body shows it. Times are in milliseconds; what the body does not have is None or empty.

    ``reasons`` says of each such field why. ``changed_ms`` is the time of the state. An event that is not
    ``is_wanted`` is left out by the rule's ``only``.
    """

    id: str | None
    started_ms: int | None
    finished_ms: int | None
    changed_ms: int | None
    is_deleted: bool
    is_wanted: bool
    service: str | None
    services: tuple[str, ...]
    repository: str | None
    texts: Mapping[str, str]
    reasons: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class IncidentReport(Report):
    """One incident as a body shows it; ``has_earliest_start`` says that an earlier beginning outweighs its own."""

    is_closed: bool
    has_earliest_start: bool = False


@dataclass(frozen=True, kw_only=True)
class DeploymentReport(Report):
    """One deployment as a body shows it; ``outcome`` is what the rule finds, and succeeded without one."""

    outcome: str | None


def lack(report: Report, name: str) -> str:
    """Why a field of a report is nothing, in words."""
    return f"{name} is missing: {report.reasons.get(name, _UNSAID)}"
