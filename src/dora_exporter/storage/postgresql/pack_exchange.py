"""Uploaded Git history on its way to every replica: packs beside the log, in the order of their commits."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from dora_exporter.dora.event_log import Unavailable
from dora_exporter.storage.postgresql.connection import Connection, Link
from dora_exporter.storage.postgresql.error_classes import EXPECTED, reason

PIECE_BYTES = 1 << 20
_POLLED_EVERY_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
"""So rarely a pack is fetched again that cannot be taken."""

# Pieces go by the pack's own name, which is its checksum, so that two replicas that get one pack do not get in each
# other's way. Only the last step takes a number, and holds the row of dora.head until its commit: a pack of a higher
# number is never seen before one of a lower.
_ADD_PIECE = "INSERT INTO dora.pack_pieces (name, piece, data) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
_ADD = """
WITH head AS (UPDATE dora.head SET packs = packs + 1 RETURNING packs)
INSERT INTO dora.packs (number, repository, head, name) SELECT packs, $1, $2, $3 FROM head
"""
_IS_THERE = "SELECT 1 FROM dora.packs WHERE repository = $1 AND name = $2"
_LAST = "SELECT packs FROM dora.head"
_AFTER = "SELECT number, repository, head, name FROM dora.packs WHERE number > $1 ORDER BY number LIMIT 1"
_PIECE = "SELECT data FROM dora.pack_pieces WHERE name = $1 AND piece = $2"

logger = logging.getLogger(__name__)

Take = Callable[[str, str, Path], Awaitable[bool]]
"""Takes a pack that another replica was sent: repository, SHA at which the client stood, file. False when it should
be offered again later."""


class PackExchange:
    """Gives away what this replica was sent, and takes what the others were. Life: ``start``, ``close``."""

    def __init__(self, giving: Link, taking: Link, *, folder: Path) -> None:
        """``folder`` is where the repositories are; a file there says up to which pack they have come."""
        self._giving = giving
        self._taking = taking
        self._folder = folder
        self._marker = folder / "packs-taken"
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._taken: int | None = None

    async def share(self, repository: str, head: str, pack: Path) -> None:
        """Makes a pack durable and known to all; raises Unavailable."""
        name = pack.stem
        async with self._turn:
            with pack.open("rb") as file:
                piece = 0
                while data := await asyncio.to_thread(file.read, PIECE_BYTES):
                    async with _transaction(self._giving) as connection:
                        await connection.execute(_ADD_PIECE, name, piece, data)
                    piece += 1
            async with _transaction(self._giving) as connection:
                if not await connection.fetchval(_IS_THERE, repository, name):
                    await connection.execute(_ADD, repository, head, name)

    def start(self, take: Take) -> None:
        """From here on packs are taken."""
        self._task = asyncio.create_task(self._run(take), name="packs")

    async def close(self) -> None:
        """Stops."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._taking.close()
        await self._giving.close()

    async def _run(self, take: Take) -> None:
        pause = _POLLED_EVERY_SECONDS
        while True:
            pause = _POLLED_EVERY_SECONDS if await self._look(take) else min(2 * pause, _LONGEST_PAUSE_SECONDS)
            await asyncio.sleep(pause)

    async def _look(self, take: Take) -> bool:
        """Takes what is new. False when there is something that cannot be taken, and hardly can be so soon again."""
        try:
            return await self._take_all(take)
        except Unavailable as error:  # who follows the log says so
            logger.debug("pack lookup failed reason=%s", error)
            return True
        except OSError as error:
            logger.warning("shared pack not imported yet reason=%s", error)
        except Exception:
            logger.exception("pack exchange failed")
        return False

    async def _take_all(self, take: Take) -> bool:
        if self._taken is None:
            self._taken = await asyncio.to_thread(self._read_marker)
        while True:
            async with _transaction(self._taking, "READ ONLY") as connection:
                if self._taken > await connection.fetchval(_LAST):  # the folder was filled from another database
                    self._taken = 0
                found = await connection.fetchrow(_AFTER, self._taken)
            if found is None:
                return True
            if not await self._fetch(found["repository"], found["head"], found["name"], take):
                return False
            number: int = found["number"]
            await asyncio.to_thread(self._marker.write_text, f"{number}\n")
            self._taken = number

    async def _fetch(self, repository: str, head: str, name: str, take: Take) -> bool:
        file = self._folder / f"upload-{name}.incoming"
        try:
            piece = 0
            while True:
                async with _transaction(self._taking, "READ ONLY") as connection:
                    data = await connection.fetchval(_PIECE, name, piece)
                if data is None:
                    break
                await asyncio.to_thread(_append, file, data, piece)
                piece += 1
            return await take(repository, head, file)
        finally:
            with contextlib.suppress(FileNotFoundError):
                await asyncio.to_thread(file.unlink)

    def _read_marker(self) -> int:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            return int(self._marker.read_text())
        except (FileNotFoundError, ValueError):
            return 0


@contextlib.asynccontextmanager
async def _transaction(link: Link, mode: str = "") -> AsyncIterator[Connection]:
    """A transaction whose failure is that of the database, and not of a file; raises Unavailable."""
    try:
        async with link.transaction(mode) as connection:
            yield connection
    except EXPECTED as error:
        raise Unavailable(f"the database is unavailable: {reason(error)}") from error


def _append(file: Path, data: bytes, piece: int) -> None:
    with file.open("ab" if piece else "wb") as output:
        output.write(data)
