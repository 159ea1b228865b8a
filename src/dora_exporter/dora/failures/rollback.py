"""A rollback: what was deployed before, but not just before, is deployed again."""

from collections.abc import Iterable, Iterator

from dora_exporter.dora.events import Deployment
from dora_exporter.dora.failures.commit_text import LookupKey
from dora_exporter.dora.failures.contract import Link
from dora_exporter.dora.failures.deployments import DeploymentsInOrder


class Rollback:
    """The rule of Datadog's change failure detection: V1 V2 V3 V1 says that V2 failed, and the second V1 remedied it.

    The target is the latest earlier occurrence; the first deployment after the target failed. A version that is landed
    again after it was rolled back is no remedy: of V1 V2 V1 V2 only the first V2 failed.
    """

    needs_commits = False

    def concerned(self, deployments: Iterable[Deployment]) -> Iterable[Deployment]:
        """None: a rollback deploys something that is known already."""
        return ()

    def links(self, remedy: Deployment, in_order: DeploymentsInOrder, _: set[LookupKey]) -> Iterator[Link]:
        """A link to the deployment that a rollback remedied."""
        target = in_order.rollbacks.rolled_back_to(remedy)
        failed = target and in_order.after(target)
        if failed:
            yield Link(failed, remedy, "rollback", "rollback")
