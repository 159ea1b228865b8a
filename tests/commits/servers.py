"""HTTP servers for Git: ours, which takes uploads, and a real one, which is mirrored."""

import asyncio
import base64
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from ssl import SSLContext

from aiohttp import web
from tests.commits.worlds import World

from dora_exporter.web.api import git_metadata
from dora_exporter.web.api.upload_slots import UploadSlots
from dora_exporter.web.application import application, runner
from dora_exporter.web.security.api_keys import Access
from dora_exporter.web.server.limits import CurrentRules, Rules

KEY = "0123456789abcdef0123456789abcdef"


@asynccontextmanager
async def listening(app: web.Application, *, ssl_context: SSLContext | None = None) -> AsyncIterator[int]:
    """Serves an application on a port of its own."""
    running = runner(app)
    await running.setup()
    site = web.TCPSite(running, "127.0.0.1", 0, ssl_context=ssl_context)
    await site.start()
    try:
        yield running.addresses[0][1]
    finally:
        await running.cleanup()


def taking_uploads(
    world: World, *, keys: tuple[str, ...] = (KEY,), max_pack_bytes: int = 8 << 20, slots: UploadSlots | None = None
) -> web.Application:
    """The endpoints of the upload over a world."""
    access = Access(api_keys=keys)
    endpoints = git_metadata.GitMetadata(
        uploads=world.uploads,
        wake=world.resolver.wake,
        max_pack_bytes=max_pack_bytes,
        rules=CurrentRules(Rules(piece_seconds=5)),
        slots=slots or UploadSlots(16),
    )
    return application(routes=endpoints.routes(access), operations=(), access=access)


@dataclass
class GitServer:
    """``git http-backend`` over a folder of repositories. Asks for a token when it is given one."""

    folder: Path
    token: str | None = None
    asked: int = 0
    authorizations: list[str] = field(default_factory=list)
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Answers at once, until a test holds it back."""
        self.released.set()

    def application(self) -> web.Application:
        """The server."""
        app = web.Application(client_max_size=1 << 28)
        app.router.add_route("*", "/{path:.*}", self._serve)
        return app

    async def _serve(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.token is not None:
            said = request.headers.get("Authorization", "")
            self.authorizations.append(said)
            if not said.startswith("Basic ") or base64.b64decode(said[6:]).decode().partition(":")[2] != self.token:
                return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="git"'})
        self.reached.set()
        await self.released.wait()
        body = await request.read()
        if request.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        process = await asyncio.create_subprocess_exec(
            *("git", "http-backend"),
            env={
                "PATH": "/usr/bin:/bin:/usr/local/bin",
                "GIT_PROJECT_ROOT": str(self.folder),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
                "REQUEST_METHOD": request.method,
                "PATH_INFO": request.path,
                "QUERY_STRING": request.query_string,
                "CONTENT_TYPE": request.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
            },
            stdin=asyncio.subprocess.PIPE
            if body
            else asyncio.subprocess.DEVNULL,  # it may end before it is told nothing
            stdout=asyncio.subprocess.PIPE,
        )
        answer, _ = await process.communicate(body or None)
        head, _, rest = answer.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        status = int(headers.pop("Status", "200 OK").split()[0])
        return web.Response(body=rest, status=status, headers=headers)
