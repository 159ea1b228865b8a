"""Elects the leader among replicas: a row that its holder renews, on the database's clock."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from dora_exporter.runtime.clock import stopwatch
from dora_exporter.storage.postgresql.connection import Link
from dora_exporter.storage.postgresql.error_classes import EXPECTED, reason
from dora_exporter.storage.postgresql.statements import Fence

NAME = "leader"
LEASE_SECONDS = 8
_RENEWED_EVERY_SECONDS = 2.0
_TRIED_EVERY_SECONDS = 1.0
_ANSWER_SECONDS = 2.0
_TELLING_SECONDS = 1.0
_MARGIN_SECONDS = 1.0
"""The holder stops so long before the database would give the lease to another."""

_TAKE = """
INSERT INTO dora.lease AS held (name, holder, token, until)
VALUES ($1, $2, 1, clock_timestamp() + make_interval(secs => $3))
ON CONFLICT (name) DO UPDATE SET
    holder = excluded.holder,
    token = held.token + CASE WHEN held.holder = excluded.holder THEN 0 ELSE 1 END,
    until = excluded.until
WHERE held.holder = excluded.holder OR held.until < clock_timestamp()
RETURNING token
"""

_GIVE_BACK = "UPDATE dora.lease SET until = '-infinity' WHERE name = $1 AND holder = $2"

Changed = Callable[[], Awaitable[None]]

logger = logging.getLogger(__name__)


class Lease:
    """Acquires and renews the lease. ``holder`` must be unique to this process."""

    def __init__(self, link: Link, holder: str, *, stopwatch: Callable[[], float] = stopwatch) -> None:
        """Asks for nothing before ``start``."""
        self._link = link
        self._holder = holder
        self._stopwatch = stopwatch
        self._token: int | None = None
        self._held_until = 0.0
        self._told_token: int | None = None
        self._task: asyncio.Task[None] | None = None
        self._telling: asyncio.Task[None] | None = None

    @property
    def is_held(self) -> bool:
        """Whether this replica has held it since ``gained`` was called, judged by the local clock."""
        return self._told_token is not None and self._told_token == self.held_token

    @property
    def fence(self) -> Fence | None:
        """Goes with a write that only the holder may do; None while it is not held."""
        return Fence(NAME, self._holder, self._told_token) if self._told_token is not None and self.is_held else None

    @property
    def held_token(self) -> int | None:
        """The token with which the lease is held; None while it is not."""
        return self._token if self._stopwatch() < self._held_until else None

    def start(self, *, gained: Changed, lost: Changed) -> None:
        """From here on it is asked for. What is called each time that it is gained or lost never runs twice at once."""
        self._task = asyncio.create_task(self._run(gained, lost), name="lease")

    async def close(self) -> None:
        """Releases it, so that another replica need not wait."""
        if self._task is not None:
            self._task.cancel()
        if self._telling is not None:
            await asyncio.wait([self._telling], timeout=_TELLING_SECONDS)
            self._telling.cancel()
        tasks = [each for each in (self._task, self._telling) if each is not None]
        await asyncio.gather(*tasks, return_exceptions=True)
        self._told_token = None
        if self._token is not None:
            self._token = None
            try:
                async with self._link.transaction(seconds=1) as connection:
                    await connection.execute(_GIVE_BACK, NAME, self._holder)
            except EXPECTED as error:
                logger.info("cannot release the lease reason=%s", reason(error))
        await self._link.close()

    async def _run(self, gained: Changed, lost: Changed) -> None:
        while True:
            await self.try_once()
            if self.held_token != self._told_token and (self._telling is None or self._telling.done()):
                self._telling = asyncio.create_task(self._tell(gained, lost), name="leadership")
            await asyncio.sleep(_RENEWED_EVERY_SECONDS if self.is_held else _TRIED_EVERY_SECONDS)

    async def _tell(self, gained: Changed, lost: Changed) -> None:
        """Calls ``gained`` or ``lost``. A new token is a new tenure, even of the same holder."""
        if self._told_token is None and self.held_token is None:
            return  # it ran out again before anybody was told
        was_told, self._told_token = self._told_token, None if self._told_token is not None else self.held_token
        logger.info("became leader" if was_told is None else "lost leadership")
        try:
            await (gained if was_told is None else lost)()
        except Exception:
            logger.exception("leadership change failed")
            self._told_token = None  # it is tried again

    async def try_once(self) -> None:
        """Acquires or renews the lease, unless another replica holds it."""
        asked_at = self._stopwatch()
        try:
            async with self._link.transaction(seconds=_ANSWER_SECONDS) as connection:
                token = await connection.fetchval(_TAKE, NAME, self._holder, float(LEASE_SECONDS))
        except Exception as error:
            if not isinstance(error, EXPECTED):
                logger.exception("lease request failed")
            logger.debug("cannot request the lease reason=%s", reason(error))
            return
        self._token = token
        self._held_until = asked_at + LEASE_SECONDS - _MARGIN_SECONDS
