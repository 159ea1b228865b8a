"""What ``datadog-ci git-metadata upload`` sends: the history of a repository, in Git's own packs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated

import msgspec
from aiohttp import web

from dora_exporter.commits.git.command import GitFailed
from dora_exporter.commits.git.commit_object import is_sha
from dora_exporter.commits.git.pack_check import BadPack
from dora_exporter.commits.git.repositories import TooManyRepositories
from dora_exporter.commits.git.uploads import Uploads
from dora_exporter.commits.git.workers import Busy
from dora_exporter.web.api.packfile_body import PackfileBody
from dora_exporter.web.api.schema import fields
from dora_exporter.web.api.schema.decode import Parser
from dora_exporter.web.api.upload_slots import UploadSlots
from dora_exporter.web.openapi.operation import Operation
from dora_exporter.web.security.api_keys import Access, Right
from dora_exporter.web.server import request_body
from dora_exporter.web.server.errors import BadAttribute, BadRequest, NotNow, as_json
from dora_exporter.web.server.limits import CurrentRules

logger = logging.getLogger(__name__)

_MAX_IGNORED = 256 << 20
_UPLOADS_AT_ONCE = 16

_Sha = Annotated[
    str,
    msgspec.Meta(
        description="A full SHA in lower case.", extra_json_schema={"pattern": "^(?:[0-9a-f]{40}|[0-9a-f]{64})$"}
    ),
]

Share = Callable[[str, str, Path], Awaitable[None]]
"""Sends a checked pack to the other replicas: the repository, the SHA of the client's HEAD, the file.

Raises Unavailable.
"""


class CommitReference(msgspec.Struct, frozen=True):
    """A commit."""

    id: _Sha
    type: str = "commit"


class Meta(msgspec.Struct, frozen=True):
    """The repository that the commits belong to."""

    repository_url: str


class SearchRequest(msgspec.Struct, frozen=True):
    """Commits that the client has."""

    meta: Meta
    data: list[CommitReference]


class SearchAnswer(msgspec.Struct, frozen=True):
    """The commits that need not be uploaded."""

    data: list[CommitReference]


class PushedSha(msgspec.Struct, frozen=True):
    """The commit at which the client stands; the part beside a pack."""

    meta: Meta
    data: CommitReference


class Accepted(msgspec.Struct, frozen=True):
    """The upload was accepted."""

    status: str = "ok"


SEARCH = Operation(
    method="POST",
    path="/api/v2/git/repository/search_commits",
    summary="Report which of the given commits are known",
    right=Right.WRITE,
    request=SearchRequest,
    answer=SearchAnswer,
    refusals=(400, 503),
)
PACKFILE = Operation(
    method="POST",
    path="/api/v2/git/repository/packfile",
    summary="Store commits and trees: multipart/form-data with the parts pushedSha (JSON) and packfile (a Git pack)",
    right=Right.WRITE,
    answer=Accepted,
    refusals=(400, 503),
)
SRCMAP = Operation(
    method="POST",
    path="/api/v2/srcmap",
    summary="Accept and ignore the names of a repository's files",
    right=Right.WRITE,
    status=202,
    answer=Accepted,
    refusals=(400,),
)
SERIES = Operation(
    method="POST",
    path="/api/v1/series",
    summary="Accept and ignore the client's own metrics",
    right=Right.WRITE,
    status=202,
    answer=Accepted,
    refusals=(400,),
)
OPERATIONS = (SEARCH, PACKFILE, SRCMAP, SERIES)

_SEARCHES = Parser(msgspec.json.Decoder(SearchRequest))
_PUSHED_SHAS = Parser(msgspec.json.Decoder(PushedSha))


@dataclass(frozen=True, kw_only=True)
class GitMetadata:
    """Answers the requests. ``wake`` is called with each repository that got a pack."""

    uploads: Uploads
    wake: Callable[[str], None]
    share: Share | None = None
    max_pack_bytes: int
    rules: CurrentRules
    slots: UploadSlots = field(default_factory=lambda: UploadSlots(_UPLOADS_AT_ONCE))

    def routes(self, access: Access) -> list[web.RouteDef]:
        """The routes of the upload."""
        return [
            web.post(SEARCH.path, access.writes(self._search)),
            web.post(PACKFILE.path, access.writes(self._packfile)),
            web.post(SRCMAP.path, access.writes(self._ignore)),
            web.post(SERIES.path, access.writes(self._ignore, key_in_query=True)),
        ]

    async def _search(self, request: web.Request) -> web.Response:
        asked = _SEARCHES.parse(await request_body.read_within(request, self.rules.now))
        repository = fields.repository(asked.meta.repository_url, "meta.repository_url")
        shas = [_full_sha(each.id, f"data[{place}].id") for place, each in enumerate(asked.data)]
        with _answering_failures():
            known = await self.uploads.workers.git(repository, self.uploads.known, repository, shas)
        return as_json(SearchAnswer([CommitReference(sha) for sha in known]))

    async def _packfile(self, request: web.Request) -> web.Response:
        with self.slots.slot() as slot:
            with _answering_failures():
                folder = await self.uploads.workers.files(self.uploads.open)
            try:
                pack = folder / "incoming.pack"
                body = PackfileBody(
                    request, slot, seconds=self.rules.now.piece_seconds, max_pack_bytes=self.max_pack_bytes
                )
                said = await body.receive(partial(self._append, pack))
                repository = await self._add(_PUSHED_SHAS.parse(said), pack)
            finally:
                await asyncio.shield(self.uploads.workers.files(self.uploads.discard, folder))
        self.wake(repository)
        return as_json(Accepted())

    async def _append(self, pack: Path, data: bytes) -> None:
        with _answering_failures():
            await self.uploads.workers.files(_append, pack, data)

    async def _add(self, pushed: PushedSha, pack: Path) -> str:
        """Checks a pack, shares it and adds it to its repository; returns the repository's name."""
        git = self.uploads.workers.git
        repository = fields.repository(pushed.meta.repository_url, "pushedSha.meta.repository_url")
        head = _full_sha(pushed.data.id, "pushedSha.data.id")
        try:
            with _answering_failures():
                upload = await git(repository, self.uploads.check, repository, head, pack)
            if self.share is not None:
                await self.share(repository, head, upload.checked.pack)
            with _answering_failures():
                await git(repository, self.uploads.keep, upload)
        except BadPack as reason:
            raise BadAttribute("packfile", f"is refused: {reason}") from reason
        except TooManyRepositories as reason:
            raise BadRequest("the limit of uploaded repositories is reached") from reason
        return repository

    async def _ignore(self, request: web.Request) -> web.Response:
        """Reads a body to its end."""
        length = 0
        with request_body.incoming(request) as coming:
            async for piece in request_body.pieces(request, coming, seconds=self.rules.now.piece_seconds):
                length += len(piece)
                if length > _MAX_IGNORED:
                    raise BadRequest(f"the request body is longer than {_MAX_IGNORED} bytes")
        return as_json(Accepted(), status=SRCMAP.status)


def _append(pack: Path, data: bytes) -> None:
    with pack.open("ab") as file:
        file.write(data)


def _full_sha(text: str, name: str) -> str:
    if not is_sha(text):
        raise BadAttribute(name, "must be 40 or 64 hexadecimal digits in lower case")
    return text


@contextmanager
def _answering_failures() -> Iterator[None]:
    """Answers 503 where Git or the disk fails, or too much waits for Git: that is no fault of the client."""
    try:
        yield
    except Busy as reason:
        raise NotNow("too many requests are waiting for Git") from reason
    except (GitFailed, OSError) as reason:
        logger.warning("uploaded pack not stored reason=%s", reason)
        raise NotNow("the history cannot be stored now") from reason
