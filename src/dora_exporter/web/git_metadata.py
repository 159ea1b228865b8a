"""What ``datadog-ci git-metadata upload`` sends: the history of a repository, in Git's own packs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
from aiohttp import BodyPartReader, hdrs, web

from dora_exporter.commits.git import GitFailed
from dora_exporter.commits.library import TooManyRepositories
from dora_exporter.commits.objects import is_sha
from dora_exporter.commits.packs import BadPack
from dora_exporter.commits.uploads import Uploads
from dora_exporter.web import bodies, values
from dora_exporter.web.access import Access, Right
from dora_exporter.web.errors import BadAttribute, BadRequest, NotNow, as_json
from dora_exporter.web.operations import Operation
from dora_exporter.web.parsing import Parser
from dora_exporter.web.rules import CurrentRules

_MULTIPART = "multipart/form-data"
_MAX_PARTS = 10
_MAX_JSON_PART = 65_536
_MAX_IGNORED = 256 << 20
_WRITTEN_AT_ONCE = 1 << 20

_Sha = Annotated[str, msgspec.Meta(description="A full SHA.", pattern="^(?:[0-9a-f]{40}|[0-9a-f]{64})$")]
_Result = TypeVar("_Result")


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
    summary="Say which commits are known",
    right=Right.WRITE,
    request=SearchRequest,
    answer=SearchAnswer,
    refusals=(400, 503),
)
PACKFILE = Operation(
    method="POST",
    path="/api/v2/git/repository/packfile",
    summary="Keep commits and trees: parts pushedSha and packfile",
    right=Right.WRITE,
    request=bytes,
    request_media_type=_MULTIPART,
    answer=Accepted,
    refusals=(400, 503),
)
SRCMAP = Operation(
    method="POST",
    path="/api/v2/srcmap",
    summary="Accept, and ignore, the names of a repository's files",
    right=Right.WRITE,
    request=bytes,
    request_media_type=_MULTIPART,
    status=202,
    answer=Accepted,
    refusals=(400,),
)
SERIES = Operation(
    method="POST",
    path="/api/v1/series",
    summary="Accept, and ignore, the client's own metrics",
    right=Right.WRITE,
    request=msgspec.Raw,
    status=202,
    answer=Accepted,
    refusals=(400,),
)
OPERATIONS = (SEARCH, PACKFILE, SRCMAP, SERIES)


def routes(
    *,
    uploads: Uploads,
    wake: Callable[[str], None],
    max_pack_bytes: int,
    rules: CurrentRules,
    access: Access,
) -> list[web.RouteDef]:
    """The routes of the upload. ``wake`` is told of each repository for which something came."""
    searched = Parser(msgspec.json.Decoder(SearchRequest))
    pushed = Parser(msgspec.json.Decoder(PushedSha))

    async def search(request: web.Request) -> web.Response:
        asked = searched.parse(await bodies.read_within(request, rules()))
        repository = values.repository(asked.meta.repository_url, "meta.repository_url")
        known = await _in_thread(uploads.known, repository, [each.id for each in asked.data])
        return as_json(SearchAnswer([CommitReference(sha) for sha in known]))

    async def packfile(request: web.Request) -> web.Response:
        with uploads.folder() as folder:
            pack = folder / "incoming.pack"
            said = await _receive(request, pack, max_pack_bytes, rules().piece_seconds)
            head = pushed.parse(said)
            repository = values.repository(head.meta.repository_url, "pushedSha.meta.repository_url")
            try:
                await _in_thread(uploads.take, repository, head.data.id, pack)
            except BadPack as reason:
                raise BadAttribute("packfile", f"is refused: {reason}") from reason
            except TooManyRepositories as reason:
                raise BadRequest("no further repository may be uploaded") from reason
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
        web.post(PACKFILE.path, access.writes(packfile)),
        web.post(SRCMAP.path, access.writes(srcmap)),
        web.post(SERIES.path, access.writes(series, key_in_query=True)),
    ]


async def _receive(request: web.Request, pack: Path, limit: int, seconds: float) -> bytes:
    """Writes the part ``packfile`` to a file; returns the part ``pushedSha``."""
    said: bytes | None = None
    async for part in _parts(request, seconds):
        if part.name == "pushedSha":
            said = b"".join([piece async for piece in _pieces(part, _MAX_JSON_PART, seconds)])
        elif part.name == "packfile":
            await _write(part, pack, limit, seconds)
        else:
            raise BadRequest("the parts of the body must be pushedSha and packfile")
    if said is None:
        raise BadAttribute("pushedSha", "is required")
    if not pack.exists():
        raise BadAttribute("packfile", "is required")
    return said


async def _parts(request: web.Request, seconds: float) -> AsyncIterator[BodyPartReader]:
    if request.content_type != _MULTIPART or not request.headers[hdrs.CONTENT_TYPE].count("boundary="):
        raise BadRequest(f"the header Content-Type must be {_MULTIPART} with a boundary")
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        raise BadRequest("the header Content-Encoding must be identity")
    reader = await request.multipart()
    for _ in range(_MAX_PARTS):
        part = await _read(reader.next(), seconds)
        if part is None:
            return
        if not isinstance(part, BodyPartReader):
            raise BadRequest("a part of the body must not have parts")
        yield part
    raise BadRequest("the body has too many parts")


async def _pieces(part: BodyPartReader, limit: int, seconds: float) -> AsyncIterator[bytes]:
    length = 0
    while piece := await _read(part.read_chunk(bodies_piece := 65_536), seconds):
        length += len(piece)
        if length > limit:
            raise BadAttribute(part.name or "", f"must not be longer than {limit} bytes")
        yield piece
