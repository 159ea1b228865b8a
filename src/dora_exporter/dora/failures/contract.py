"""The contract of a rule, which links a remedy to the deployment that failed."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from dora_exporter.dora.events import Deployment
from dora_exporter.dora.failures.commit_text import LookupKey
from dora_exporter.dora.failures.deployments import DeploymentsInOrder


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """``remedy`` remedied ``failed``, according to ``cause`` and ``rule``.

    Links are equal if they join the same two objects: a link to a replaced deployment is another link.
    """

    failed: Deployment
    remedy: Deployment
    cause: str
    rule: str

    def __eq__(self, other: object) -> bool:
        """Whether cause and rule are equal, and the deployments are the same objects."""
        return (
            isinstance(other, Link)
            and self.failed is other.failed
            and self.remedy is other.remedy
            and (self.cause, self.rule) == (other.cause, other.rule)
        )

    __hash__ = None  # type: ignore[assignment]  # how Python says that nothing hashes it


class Rule(Protocol):
    """Finds the failed deployments that a later one remedied.

    One that ``needs_commits`` is asked only of deployments whose commits are known: most have none.
    """

    needs_commits: bool

    def concerned(self, deployments: Iterable[Deployment]) -> Iterable[Deployment | None]:
        """The deployments that can be a remedy although their SHA and version are new. It has to be cheap.

        None is a step, here and in ``links``: thousands of commits take many.
        """
        ...

    def links(
        self, remedy: Deployment, in_order: DeploymentsInOrder, looked_up: set[LookupKey]
    ) -> Iterable[Link | None]:
        """The links to the deployments that ``remedy`` remedied.

        The rule adds every key that it looks up to ``looked_up``. When a deployment with such a key comes or goes, the
        rule is asked again. Neighbours in time and deployments of the same thing are watched for every rule.
        """
        ...
