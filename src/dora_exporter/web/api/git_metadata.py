"""What ``datadog-ci git-metadata upload`` sends: the history of a repository, in Git's own packs."""

import asyncio
import logging
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
from aiohttp import BadContentDispositionHeader, BadContentDispositionParam, BodyPartReader, hdrs, web
from aiohttp.typedefs import Handler

from dora_exporter.commits.git.command import GitFailed
from dora_exporter.commits.git.commit_object import is_sha
from dora_exporter.commits.git.pack_check import BadPack
from dora_exporter.commits.git.repositories import TooManyRepositories
from dora_exporter.commits.git.uploads import Uploads
from dora_exporter.commits.git.workers import Busy, Workers
from dora_exporter.web.api.schema import fields
from dora_exporter.web.api.schema.decode import Parser
from dora_exporter.web.openapi.operation import Operation
from dora_exporter.web.security.api_keys import Access, Right
from dora_exporter.web.server import request_body
from dora_exporter.web.server.errors import BadAttribute, BadRequest, NotNow, as_json
from dora_exporter.web.server.limits import CurrentRules

logger = logging.getLogger(__name__)

# aiohttp warns of every bad head of a part, and Python remembers each warning that it does not ignore
for kind in (BadContentDispositionHeader, BadContentDispositionParam):
    warnings.filterwarnings("ignore", category=kind)

_FLAWS = (ValueError, AssertionError, RuntimeError, LookupError, TypeError, AttributeError)
_MULTIPART = "multipart/form-data"
_MAX_PARTS = 10
_MAX_JSON_PART = 65_536
_MAX_IGNORED = 256 << 20
_PIECE_BYTES = 1 << 16
_WRITTEN_AT_ONCE = 256 << 10
_UPLOADS_AT_ONCE = 16

_Sha = Annotated[
    str,
    msgspec.Meta(
        description="A full SHA in lower case.", extra_json_schema={"pattern": "^(?:[0-9a-f]{40}|[0-9a-f]{64})$"}
    ),
]
_Result = TypeVar("_Result")

Share = Callable[[str, str, Path], Awaitable[None]]
"""Gives the others a good pack: the repository, the SHA at which the client stands, the file. Raises Unavailable."""


class CommitReference(msgspec.Struct, frozen=True):
    """A commit."""

    id: _Sha
    type: str = "commit"


class Meta(msgspec.Struct, frozen=True):
    """Of which repository."""

    repository_url: str


class SearchRequest(msgspec.Struct, frozen=True):
    """Commits that the client has."""

    meta: Meta
    data: list[CommitReference]


class SearchAnswer(msgspec.Struct, frozen=True):
    """Those of them that need not be uploaded."""

    data: list[CommitReference]


class PushedSha(msgspec.Struct, frozen=True):
    """The commit at which the client stands; the part beside a pack."""

    meta: Meta
    data: CommitReference


class Accepted(msgspec.Struct, frozen=True):
    """Taken."""

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


def routes(
    *,
    uploads: Uploads,
    wake: Callable[[str], None],
    share: Share | None = None,
    max_pack_bytes: int,
    rules: CurrentRules,
    access: Access,
) -> list[web.RouteDef]:
    """The routes of the upload. ``wake`` is told of each repository for which something came."""
    searched = Parser(msgspec.json.Decoder(SearchRequest))
    pushed = Parser(msgspec.json.Decoder(PushedSha))

    async def search(request: web.Request) -> web.Response:
        asked = searched.parse(await request_body.read_within(request, rules()))
        repository = fields.repository(asked.meta.repository_url, "meta.repository_url")
        shas = [_full_sha(each.id, f"data[{place}].id") for place, each in enumerate(asked.data)]
        with _failures_told():
            known = await uploads.workers.git(repository, uploads.known, repository, shas)
        return as_json(SearchAnswer([CommitReference(sha) for sha in known]))

    async def take(repository: str, head: str, pack: Path) -> None:
        with _failures_told():
            upload = await uploads.workers.git(repository, uploads.check, repository, head, pack)
        if share is not None:
            await share(repository, head, upload.checked.pack)
        with _failures_told():
            await uploads.workers.git(repository, uploads.keep, upload)

    async def packfile(request: web.Request) -> web.Response:
        with _failures_told():
            folder = await uploads.workers.files(uploads.open)
        try:
            pack = folder / "incoming.pack"
            head = pushed.parse(
                await _receive(request, _Pack(pack, uploads.workers, max_pack_bytes), rules().piece_seconds)
            )
            repository = fields.repository(head.meta.repository_url, "pushedSha.meta.repository_url")
            await take(repository, _full_sha(head.data.id, "pushedSha.data.id"), pack)
        except BadPack as reason:
            raise BadAttribute("packfile", f"is refused: {reason}") from reason
        except TooManyRepositories as reason:
            raise BadRequest("the limit of uploaded repositories is reached") from reason
        finally:
            await asyncio.shield(uploads.workers.files(uploads.discard, folder))
        wake(repository)
        return as_json(Accepted())

    async def srcmap(request: web.Request) -> web.Response:
        await _ignore(request, rules().piece_seconds)
        return as_json(Accepted(), status=SRCMAP.status)

    async def series(request: web.Request) -> web.Response:
        await _ignore(request, rules().piece_seconds)
        return as_json(Accepted(), status=SERIES.status)

    return [
        web.post(SEARCH.path, access.writes(search)),
        web.post(PACKFILE.path, access.writes(_few_at_once(packfile))),
        web.post(SRCMAP.path, access.writes(srcmap)),
        web.post(SERIES.path, access.writes(series, key_in_query=True)),
    ]


def _few_at_once(handler: Handler) -> Handler:
    """The handler for a few requests: one too many is told so, and comes again."""
    coming = asyncio.Semaphore(_UPLOADS_AT_ONCE)

    async def handle(request: web.Request) -> web.StreamResponse:
        if coming.locked():
            raise NotNow(f"{_UPLOADS_AT_ONCE} uploads are in progress, which is the limit")
        async with coming:
            return await handler(request)

    return handle


def _full_sha(text: str, name: str) -> str:
    if not is_sha(text):
        raise BadAttribute(name, "must be 40 or 64 hexadecimal digits in lower case")
    return text


@dataclass(frozen=True)
class _Pack:
    """A file that comes in; it is written in threads, for disks can be slow."""

    path: Path
    workers: Workers
    limit: int

    async def append(self, data: bytes) -> None:
        with _failures_told():
            await self.workers.files(_append, self.path, data)


async def _receive(request: web.Request, pack: _Pack, seconds: float) -> bytes:
    """Writes the part ``packfile`` to a file; returns the part ``pushedSha``."""
    said: bytes | None = None
    has_pack = False
    async for name, part in _parts(request, seconds):
        if name == "pushedSha":
            said = b"".join([piece async for piece in _pieces(part, _MAX_JSON_PART, seconds)])
        elif name == "packfile":
            await _write(part, pack, seconds)
            has_pack = True
        else:
            raise BadRequest("the parts of the body must be pushedSha and packfile")
    if said is None:
        raise BadAttribute("pushedSha", "is required")
    if not has_pack:
        raise BadAttribute("packfile", "is required")
    return said


async def _parts(request: web.Request, seconds: float) -> AsyncIterator[tuple[str | None, BodyPartReader]]:
    """The parts with their names."""
    if request.content_type != _MULTIPART:
        raise BadRequest(f"the header Content-Type must be {_MULTIPART}")
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        raise BadRequest("the header Content-Encoding must be identity")
    with _broken_parts_refused():
        reader = await request.multipart()
    for _ in range(_MAX_PARTS):
        part = await _read(reader.next, seconds)
        if part is None:
            return
        if not isinstance(part, BodyPartReader):
            raise BadRequest("a part of the body must not be multipart itself")
        with _broken_parts_refused():
            name = part.name
        yield name, part
    raise BadRequest("the body has too many parts")


async def _pieces(part: BodyPartReader, limit: int, seconds: float) -> AsyncIterator[bytes]:
    length = 0
    while not part.at_eof():
        piece = await _read(partial(part.read_chunk, _PIECE_BYTES), seconds)
        length += len(piece)
        if length > limit:
            raise BadAttribute(part.name or "", f"must not be longer than {limit} bytes")
        yield piece


async def _write(part: BodyPartReader, pack: _Pack, seconds: float) -> None:
    """Writes a part to a file."""
    collected = bytearray()
    async for piece in _pieces(part, pack.limit, seconds):
        collected += piece
        if len(collected) >= _WRITTEN_AT_ONCE:
            await pack.append(bytes(collected))
            collected.clear()
    await pack.append(bytes(collected))


def _append(pack: Path, data: bytes) -> None:
    with pack.open("ab") as file:
        file.write(data)


async def _read(step: Callable[[], Awaitable[_Result]], seconds: float) -> _Result:
    try:
        with _broken_parts_refused():
            async with asyncio.timeout(seconds):
                return await step()
    except TimeoutError as error:
        raise BadRequest(f"the rest of the request body was not received within {seconds:g} s") from error


@contextmanager
def _broken_parts_refused() -> Iterator[None]:
    """What aiohttp raises when a body, or the head of a part, is not what it should be."""
    try:
        yield
    except (*_FLAWS, Warning) as error:
        raise BadRequest("the body is not valid multipart/form-data") from error


async def _ignore(request: web.Request, seconds: float) -> None:
    """Reads a body to its end."""
    length = 0
    with request_body.incoming(request) as coming:
        async for piece in request_body.pieces(request, coming, seconds=seconds):
            length += len(piece)
            if length > _MAX_IGNORED:
                raise BadRequest(f"the request body is longer than {_MAX_IGNORED} bytes")


@contextmanager
def _failures_told() -> Iterator[None]:
    """A failure of Git or of the disk is none of the client's, nor is it that much waits already."""
    try:
        yield
    except Busy as reason:
        raise NotNow("too many requests are waiting for Git") from reason
    except (GitFailed, OSError) as reason:
        logger.warning("uploaded pack not stored reason=%s", reason)
        raise NotNow("the history cannot be stored now") from reason
