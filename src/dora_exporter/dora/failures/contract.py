"""What a rule has to be: how a deployment shows that an earlier one failed."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from dora_exporter.dora.events import Deployment
from dora_exporter.dora.failures.commit_text import Mark
from dora_exporter.dora.failures.deployments import DeploymentsInOrder


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """``remedy`` remedied ``failed``; ``cause`` and ``rule`` say how that is known.

    Links are equal when they say the same of the same two objects: one of a replaced deployment is another link.
    """

    failed: Deployment
    remedy: Deployment
    cause: str
    rule: str

    def __eq__(self, other: object) -> bool:
        """Whether it says the same of the same objects."""
        return (
            isinstance(other, Link)
            and self.failed is other.failed
            and self.remedy is other.remedy
            and (self.cause, self.rule) == (other.cause, other.rule)
        )

    __hash__ = None  # type: ignore[assignment]  # how Python says that nothing hashes it


class Rule(Protocol):
    """Finds the deployments that a later one remedied."""

    def concerned(self, deployments: Iterable[Deployment]) -> Iterable[Deployment]:
        """Those that can remedy one though neither their SHA nor their version was seen before; cheap."""
        ...

    def links(self, remedy: Deployment, in_order: DeploymentsInOrder, asked: set[Mark]) -> Iterable[Link]:
        """The failures that it remedied, judged by the deployments in order.

        It adds to ``asked`` the marks of what it looked for. When a deployment with such a mark comes or goes, it is
        asked again. Neighbours and equal deployments are watched for every rule.
        """
        ...
