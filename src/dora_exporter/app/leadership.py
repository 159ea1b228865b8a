"""What only one of several replicas does: poll sources and look for shipped commits."""

from dora_exporter.app.commit_discovery import CommitSearch
from dora_exporter.app.startup import Startup
from dora_exporter.app.storage import Replication, Role
from dora_exporter.sources.polling import RunningSources


class Leadership:
    """Leads while the replication says so. A daemon with a file of its own always does."""

    def __init__(
        self, replication: Replication, *, sources: RunningSources, commits: CommitSearch, startup: Startup
    ) -> None:
        """Does not lead yet."""
        self._replication = replication
        self._sources = sources
        self._commits = commits
        self._startup = startup

    async def start(self) -> None:
        """From here on this process may lead."""
        await self._replication.join(
            Role(lead=self._lead, follow=self._follow, uploads=self._commits.uploads, wake=self._commits.wake)
        )

    async def stop(self) -> None:
        """Leads no more, and leaves that to another replica."""
        try:
            self._commits.end_git()  # a worker waits for its git before it ends
        finally:
            await self._replication.retire()

    async def _lead(self) -> None:
        if self._startup.ready.is_set():  # what sources remember is as old as their last turn
            await self._sources.start_over()
        await self._commits.lead()

    async def _follow(self) -> None:
        await self._sources.start_over()
        await self._commits.follow()
