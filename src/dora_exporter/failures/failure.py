"""What a rule has to be: how a deployment shows that an earlier one failed."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Protocol

from dora_exporter.events import Deployment
from dora_exporter.failures.lineup import Lineup


@dataclass(frozen=True, slots=True)
class Link:
    """``remedy`` remedied ``failed``; ``cause`` and ``rule`` say how that is known."""

    failed: Deployment
    remedy: Deployment
    cause: str
    rule: str


class Rule(Protocol):
    """Finds the deployments that a later one remedied."""

    def concerned(self, deployments: Iterable[Deployment]) -> Iterable[Deployment]:
        """Those that can remedy one though neither their SHA nor their version was seen before; cheap."""
        ...

    def links(self, remedy: Deployment, lineup: Lineup) -> Iterable[Link]:
        """The failures that it remedied, judged by the deployments before it in the lineup."""
        ...

    def looks_up(self, remedy: Deployment) -> Iterable[Hashable]:
        """The marks of shipped commits by which it finds the failed one.

        When a deployment with such a mark comes or goes, ``links`` is asked again. Neighbours and equal deployments
        are watched for every rule.
        """
        ...
