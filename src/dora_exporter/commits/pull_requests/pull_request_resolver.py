"""Finds out in the background which pull requests shipped commits came from."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence

from dora_exporter.commits.providers.contract import PullRequests
from dora_exporter.commits.providers.http import ForgeFailed, Throttled
from dora_exporter.commits.pull_requests.enrich import with_pull_requests
from dora_exporter.commits.pull_requests.forges import Forges
from dora_exporter.commits.settings import GitSettings
from dora_exporter.commits.shipped_commits.excluded_authors import NO_EXCLUSIONS, Authors
from dora_exporter.commits.shipped_commits.retry_queue import Retry, has_come, pause_after
from dora_exporter.dora.changes import Change
from dora_exporter.dora.event_log import Appendable, Unavailable
from dora_exporter.dora.events import Deployment, Shipped
from dora_exporter.dora.records import Resolution
from dora_exporter.dora.repository_parts import found_parts
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.clock import Clock
from dora_exporter.runtime.cooperative import in_batches
from dora_exporter.runtime.outage import Outage

logger = logging.getLogger(__name__)

_TICK_SECONDS = 5.0


class PullRequestResolver:
    """Fills in ``Shipped.pull_requests``: an observer of the store that writes through the log.

    Life: ``load`` after the replay, ``start``, at last ``close``. Without configured providers it does nothing.
    """

    def __init__(
        self,
        *,
        store: EventStore,
        log: Appendable,
        forges: Forges,
        clock: Clock,
        settings: GitSettings,
        authors: Authors = NO_EXCLUSIONS,
    ) -> None:
        """Commits of excluded ``authors`` are marked. The forges are closed with it."""
        self._store = store
        self._log = log
        self._forges = forges
        self._authors = authors
        self._clock = clock
        self._give_up_after_ms = settings.resolve_for.ms
        self.forges = forges.by_name
        self._retries: dict[str, Retry] = {}
        self._woken = asyncio.Event()
        self._main: asyncio.Task[None] | None = None
        self._outage = Outage()

    @property
    def pending(self) -> int:
        """How many deployments wait for their pull requests."""
        return len(self._retries)

    async def load(self) -> None:
        """Queues recent deployments whose commits have no pull requests yet."""
        now = self._clock()
        async for some in in_batches(self._store.deployments.values() if self._forges else ()):
            for each in some:
                if now - each.finished_at < self._give_up_after_ms and self._incomplete(each):
                    self._retries.setdefault(each.id, Retry(min(each.finished_at, now), now))

    async def renew(self) -> None:
        """Queues what it missed of the store."""
        await self.load()
        self._woken.set()

    def observe(self, changes: Sequence[Change]) -> None:
        """Follows writes to deployments."""
        for before, after in changes:
            if before is after or not isinstance(after, Deployment) or after.shipped is None:
                continue
            known = before.shipped if isinstance(before, Deployment) else None
            if after.shipped is not known and self._incomplete(after):
                self._retries[after.id] = Retry(self._clock(), self._clock())
                self._woken.set()

    def start(self) -> None:
        """Begins to work in the background."""
        if self._forges:
            self._main = asyncio.create_task(self._run(), name="pull requests")

    async def work(self) -> None:
        """Does what is due by the clock."""
        now = self._clock()
        for each, retry in list(self._retries.items()):
            if retry.due_ms is not None and has_come(retry.due_ms, now):
                await self._resolve(each, retry)

    async def close(self) -> None:
        """Stops; what is unknown is queued again by the next start."""
        if self._main is not None:
            self._main.cancel()
            await asyncio.gather(self._main, return_exceptions=True)
        await self._forges.close()

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

    async def _resolve(self, deployment_id: str, retry: Retry) -> None:
        del self._retries[deployment_id]
        try:
            for part, provider in self._incomplete(self._store.deployments.get(deployment_id)):
                enriched = await with_pull_requests(part, provider, self._authors)
                held = self._incomplete(self._store.deployments.get(deployment_id))
                if enriched != part and any(part == each for each, _ in held):
                    await self._log.append([Resolution(deployment_id, enriched)])
        except Throttled as reason:
            self._retries.setdefault(deployment_id, Retry(retry.since_ms, reason.until_ms))
        except (ForgeFailed, Unavailable) as reason:
            self._note_failure(reason)
            self._put_back(deployment_id, retry)
        except Exception:
            self._put_back(deployment_id, retry)
            raise
        else:
            self._note_success()

    def _put_back(self, deployment_id: str, retry: Retry) -> None:
        now = self._clock()
        age = now - retry.since_ms
        if age < self._give_up_after_ms:
            self._retries.setdefault(deployment_id, Retry(retry.since_ms, now + pause_after(age)))

    def _incomplete(self, deployment: Deployment | None) -> list[tuple[Shipped, PullRequests]]:
        """The parts that it shipped with known commits and without pull requests, each with its provider."""
        if deployment is None:
            return []
        wanting = [part for part in found_parts(deployment) if part.commits and not part.pull_requests]
        asked = [(part, self._forges.provider(part.repository)) for part in wanting]
        return [(part, provider) for part, provider in asked if provider is not None]

    def _note_failure(self, reason: Exception) -> None:
        if self._outage.fail(self._clock()):
            logger.warning("pull request lookup failed reason=%s", reason)

    def _note_success(self) -> None:
        if self._outage.succeed(self._clock()):
            logger.info("pull request lookup recovered")
