"""When the configured repositories were fetched, and whether that succeeded."""

import logging
import re
from dataclasses import dataclass, field

from dora_exporter.commits.git.command import GitFailed
from dora_exporter.commits.git.remote import Misconfigured
from dora_exporter.commits.git.repository import Repository
from dora_exporter.runtime.outage import Outage

logger = logging.getLogger(__name__)

SHORTEST_PAUSE_MS = 10_000
_REFUSED = re.compile(
    r"Authentication failed|could not read (?:Username|Password)|returned error: 40[13]|Permission denied|"
    r"Host key verification failed"
)
"""Git's messages about bad credentials."""
_SINGLE_COMMITS_AT_MOST = 5


@dataclass
class FetchHealth:
    """The fetch state of one repository; a time is None until the first fetch.

    ``problem`` says in words why the last failed, None when it did not; ``is_misconfigured`` whether that was because
    of a setting, a file or a right, which an operator has to mend.
    """

    label: str
    interval_ms: int
    last_attempt_ms: int | None = None
    last_success_ms: int | None = None
    outage: Outage = field(default_factory=Outage)
    is_misconfigured: bool = False
    problem: str | None = None
    errors: int = 0

    @property
    def is_failing(self) -> bool:
        """Whether the last fetch failed."""
        return self.outage.since_ms is not None

    def is_due(self, now_ms: int) -> bool:
        """Whether the schedule asks for a fetch."""
        return self._is_past(self.interval_ms, now_ms)

    def may_repeat(self, now_ms: int) -> bool:
        """Whether a fetch that a deployment asks for is possible so soon after the last."""
        return self._is_past(SHORTEST_PAUSE_MS, now_ms)

    def _is_past(self, pause_ms: int, now_ms: int) -> bool:
        """Whether a pause since the last attempt is over; True if the clock was set back since."""
        return self.last_attempt_ms is None or not 0 <= now_ms - self.last_attempt_ms < pause_ms

    def succeeded(self, now_ms: int) -> None:
        """Notes a success."""
        self.last_success_ms = now_ms
        if self.outage.succeed(now_ms):
            logger.info("repository fetch recovered repository=%s", self.label)
        self.is_misconfigured, self.problem = False, None

    def failed(self, reason: Exception) -> None:
        """Notes a failure."""
        self.errors += 1
        if self.outage.fail(self.last_attempt_ms or 0):
            logger.warning("repository fetch failed repository=%s reason=%s", self.label, reason)
        self.problem = str(reason)
        self.is_misconfigured = isinstance(reason, Misconfigured) or _REFUSED.search(str(reason)) is not None


def fetch_single(repository: Repository, shas: tuple[str, ...]) -> None:
    """Fetches commits that are on no branch any more, one at a time, so that an absent one fails alone."""
    for sha in shas[:_SINGLE_COMMITS_AT_MOST]:
        try:
            repository.fetch(sha)
        except (GitFailed, OSError) as reason:
            logger.debug("commit fetch failed repository=%s sha=%s reason=%s", repository.name, sha, reason)
