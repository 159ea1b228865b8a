"""Finds out in the background by which pull requests shipped commits came."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence

from dora_exporter.commits.git.repositories import Library
from dora_exporter.commits.providers import KINDS
from dora_exporter.commits.providers.contract import PullRequests, PullRequestSettings
from dora_exporter.commits.providers.http import Forge, ForgeFailed, ForgeMisconfigured, Throttled
from dora_exporter.commits.pull_requests.enrich import with_pull_requests
from dora_exporter.commits.settings import GitSettings
from dora_exporter.commits.shipped_commits.excluded_authors import EVERYBODY, Authors
from dora_exporter.commits.shipped_commits.retry_queue import Wait, has_come, pause_after
from dora_exporter.dora.event_log import Appendable, Unavailable
from dora_exporter.dora.events import Deployment, Shipped
from dora_exporter.dora.records import Resolution
from dora_exporter.dora.repository_parts import parts_of
from dora_exporter.dora.store import Change, EventStore
from dora_exporter.runtime.clock import Clock
from dora_exporter.runtime.cooperative import in_turns
from dora_exporter.runtime.outage import Outage
from dora_exporter.runtime.secret_files import BadSecret, read_secret

logger = logging.getLogger(__name__)

_TICK_SECONDS = 5.0


class Reviewer:
    """Fills in ``Shipped.pull_requests``: an observer of the store that writes through the log.

    Life: ``load`` after the replay, ``start``, at last ``close``. Without configured providers it does nothing.
    """

    def __init__(
        self,
        *,
        store: EventStore,
        log: Appendable,
        library: Library,
        clock: Clock,
        settings: GitSettings,
        configured: Mapping[str, PullRequestSettings],
        authors: Authors = EVERYBODY,
    ) -> None:
        """``configured`` are the providers; of two for one host the first counts."""
        self._store = store
        self._log = log
        self._library = library
        self._authors = authors
        self._clock = clock
        self._give_up_after_ms = settings.resolve_for.ms
        self._forges: dict[str, tuple[PullRequestSettings, Forge]] = {}
        self.forges: dict[str, Forge] = {}
        for name, each in configured.items():
            host = each.host or KINDS[each.kind].host
            if host not in self._forges:
                self.forges[name] = _forge(each, clock)
                self._forges[host] = each, self.forges[name]
        self._waits: dict[str, Wait] = {}
        self._woken = asyncio.Event()
        self._main: asyncio.Task[None] | None = None
        self._outage = Outage()

    @property
    def pending(self) -> int:
        """How many deployments wait for their pull requests."""
        return len(self._waits)

    async def load(self) -> None:
        """Asks for the deployments of late whose commits came without pull requests so far."""
        now = self._clock()
        async for each in in_turns(list(self._store.deployments.values()) if self._forges else ()):
            if now - each.finished_at < self._give_up_after_ms and self._wanting(each):
                self._waits.setdefault(each.id, Wait(min(each.finished_at, now), now))

    def observe(self, changes: Sequence[Change]) -> None:
        """Takes in writes to deployments."""
        for before, after in changes:
            if before is after or not isinstance(after, Deployment) or after.shipped is None:
                continue
            known = before.shipped if isinstance(before, Deployment) else None
            if after.shipped is not known and self._wanting(after):
                self._waits[after.id] = Wait(self._clock(), self._clock())
                self._woken.set()

    def start(self) -> None:
        """Begins to work in the background."""
        if self._forges:
            self._main = asyncio.create_task(self._run(), name="pull requests")

    async def work(self) -> None:
        """Does what is due by the clock."""
        now = self._clock()
        for each, wait in list(self._waits.items()):
            if wait.due_ms is not None and has_come(wait.due_ms, now):
                await self._look(each, wait)

    async def close(self) -> None:
        """Stops; whatever of late is not known is asked for again after the next start."""
        if self._main is not None:
            self._main.cancel()
            await asyncio.gather(self._main, return_exceptions=True)
        for _, forge in self._forges.values():
            await forge.close()

    async def _run(self) -> None:
        while True:
            try:
                await self.work()
            except Exception:
                logger.exception("pull request resolution failed")
            self._woken.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK_SECONDS):
                    await self._woken.wait()

    async def _look(self, deployment_id: str, wait: Wait) -> None:
        del self._waits[deployment_id]
        try:
            for part, provider in self._wanting(self._store.deployments.get(deployment_id)):
                reviewed = await with_pull_requests(part, provider, self._authors)
                held = self._wanting(self._store.deployments.get(deployment_id))
                if reviewed != part and any(part == each for each, _ in held):
                    await self._log.append([Resolution(deployment_id, reviewed)])
        except Throttled as reason:
            self._waits.setdefault(deployment_id, Wait(wait.since_ms, reason.until_ms))
        except (ForgeFailed, Unavailable) as reason:
            self._note_failure(reason)
            self._put_back(deployment_id, wait)
        except Exception:
            self._put_back(deployment_id, wait)
            raise
        else:
            self._note_success()

    def _put_back(self, deployment_id: str, wait: Wait) -> None:
        now = self._clock()
        age = now - wait.since_ms
        if age < self._give_up_after_ms:
            self._waits.setdefault(deployment_id, Wait(wait.since_ms, now + pause_after(age)))

    def _wanting(self, deployment: Deployment | None) -> list[tuple[Shipped, PullRequests]]:
        """What it shipped of which the commits are known, and no pull requests, and whom to ask."""
        if deployment is None or deployment.commits is not None:
            return []
        wanting = [part for part in parts_of(deployment.shipped) if part.commits and not part.pull_requests]
        asked = [(part, self._provider(part.repository)) for part in wanting]
        return [(part, provider) for part, provider in asked if provider is not None]

    def _provider(self, repository: str) -> PullRequests | None:
        for spelling in self._library.spellings(repository):
            host, _, path = spelling.partition("/")
            if host in self._forges:
                settings, forge = self._forges[host]
                return KINDS[settings.kind].provider(forge, path)
        return None

    def _note_failure(self, reason: Exception) -> None:
        if self._outage.fail(self._clock()):
            logger.warning("pull request lookup failed reason=%s", reason)

    def _note_success(self) -> None:
        if self._outage.succeed(self._clock()):
            logger.info("pull request lookup recovered")


def _forge(settings: PullRequestSettings, clock: Clock) -> Forge:
    kind = KINDS[settings.kind]

    async def headers() -> Mapping[str, str]:
        try:
            token = await asyncio.to_thread(read_secret, settings.token, settings.token_file)
        except BadSecret as reason:
            raise ForgeMisconfigured(str(reason)) from None
        return kind.headers(token)

    return Forge(settings.base_url or kind.base_url, headers=headers, clock=clock, tls=settings.tls_config)
