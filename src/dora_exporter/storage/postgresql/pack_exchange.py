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
"""The pause before a pack that cannot be imported is fetched again, at the most."""

# Pieces are stored under the pack's own name, its checksum, so that two replicas may store one pack at once. Only the
# last step takes a number, and holds the row of dora.head until its commit: a pack of a higher number is never seen
# before one of a lower.
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

ImportPack = Callable[[str, str, Path], Awaitable[bool]]
"""Imports a pack that another replica received: repository, SHA of the client's HEAD, file. False to try it again."""


class PackExchange:
    """Shares the packs that this replica received, imports those of the others. Life: ``start``, ``close``."""

    def __init__(self, sending: Link, receiving: Link, *, folder: Path) -> None:
        """``folder`` is where the repositories are; a file there holds the number of the last pack imported."""
        self._sending = sending
        self._receiving = receiving
        self._folder = folder
        self._marker = folder / "packs-taken"
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._imported: int | None = None

    async def share(self, repository: str, head: str, pack: Path) -> None:
        """Stores a pack where every replica finds it; raises Unavailable."""
        name = pack.stem
        async with self._turn:
            with pack.open("rb") as file:
                piece = 0
                while data := await asyncio.to_thread(file.read, PIECE_BYTES):
                    async with _transaction(self._sending) as connection:
                        await connection.execute(_ADD_PIECE, name, piece, data)
                    piece += 1
            async with _transaction(self._sending) as connection:
                if not await connection.fetchval(_IS_THERE, repository, name):
                    await connection.execute(_ADD, repository, head, name)

    def start(self, import_pack: ImportPack) -> None:
        """From here on packs of other replicas are imported."""
        self._task = asyncio.create_task(self._run(import_pack), name="packs")

    async def close(self) -> None:
        """Imports no more, and closes the connections."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._receiving.close()
        await self._sending.close()

    async def _run(self, import_pack: ImportPack) -> None:
        pause = _POLLED_EVERY_SECONDS
        while True:
            pause = _POLLED_EVERY_SECONDS if await self._look(import_pack) else min(2 * pause, _LONGEST_PAUSE_SECONDS)
            await asyncio.sleep(pause)

    async def _look(self, import_pack: ImportPack) -> bool:
        """Imports new packs. False when one could not be imported and is not to be tried again soon."""
        try:
            return await self._import_new(import_pack)
        except Unavailable as error:  # who follows the log says so
            logger.debug("pack lookup failed reason=%s", error)
            return True
        except OSError as error:
            logger.warning("shared pack not imported yet reason=%s", error)
        except Exception:
            logger.exception("pack exchange failed")
        return False

    async def _import_new(self, import_pack: ImportPack) -> bool:
        if self._imported is None:
            self._imported = await asyncio.to_thread(self._read_marker)
        while True:
            async with _transaction(self._receiving, "READ ONLY") as connection:
                if self._imported > await connection.fetchval(_LAST):  # the folder was filled from another database
                    self._imported = 0
                found = await connection.fetchrow(_AFTER, self._imported)
            if found is None:
                return True
            if not await self._fetch(found["repository"], found["head"], found["name"], import_pack):
                return False
            number: int = found["number"]
            await asyncio.to_thread(self._marker.write_text, f"{number}\n")
            self._imported = number

    async def _fetch(self, repository: str, head: str, name: str, import_pack: ImportPack) -> bool:
        file = self._folder / f"upload-{name}.incoming"
        try:
            piece = 0
            while True:
                async with _transaction(self._receiving, "READ ONLY") as connection:
                    data = await connection.fetchval(_PIECE, name, piece)
                if data is None:
                    break
                await asyncio.to_thread(_append, file, data, piece)
                piece += 1
            return await import_pack(repository, head, file)
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
    """A transaction; raises Unavailable where the database fails, and lets errors of files pass."""
    try:
        async with link.transaction(mode) as connection:
            yield connection
    except EXPECTED as error:
        raise Unavailable(f"the database is unavailable: {reason(error)}") from error


def _append(file: Path, data: bytes, piece: int) -> None:
    with file.open("ab" if piece else "wb") as output:
        output.write(data)
