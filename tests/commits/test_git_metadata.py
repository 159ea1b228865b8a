"""The endpoints of ``datadog-ci git-metadata upload``: what is taken, and what is refused without a trace."""

import asyncio
import io
import json
import struct
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path

import aiohttp
import pytest
from tests.commits.histories import build, linear, pack_of, packed
from tests.commits.servers import KEY, listening, taking_uploads
from tests.commits.worlds import NAME, Begin, World

from dora_exporter.commits.settings import GitSettings
from dora_exporter.web.api.upload_slots import GRACE_SECONDS, UploadSlots
from dora_exporter.web.server.errors import NotNow

URL = "https://user:secret@git.example/shop/checkout.git"


@dataclass
class Client:
    """Sends what the command line sends, or what it should not."""

    session: aiohttp.ClientSession
    base: str

    async def post(
        self, path: str, data: aiohttp.FormData | bytes, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, object]]:
        """Status and body of an answer."""
        said = {"DD-API-KEY": KEY, **(headers or {})}
        async with self.session.post(f"{self.base}{path}", headers=said, data=data) as answer:
            assert answer.content_type == "application/json"
            return answer.status, await answer.json()

    async def search(self, *shas: str, url: str = URL) -> tuple[int, dict[str, object]]:
        """Asks which commits are known."""
        data = [{"id": sha, "type": "commit"} for sha in shas]
        body = json.dumps({"meta": {"repository_url": url}, "data": data}).encode()
        return await self.post("/api/v2/git/repository/search_commits", body)

    async def packfile(self, pack: bytes, head: str, url: str = URL) -> tuple[int, dict[str, object]]:
        """Uploads a pack."""
        form = aiohttp.FormData()
        said = {"data": {"id": head, "type": "commit"}, "meta": {"repository_url": url}}
        form.add_field("pushedSha", json.dumps(said), content_type="application/json")
        form.add_field("packfile", io.BytesIO(pack), content_type="application/octet-stream", filename="x.pack")
        return await self.post("/api/v2/git/repository/packfile", data=form)


def outside(folder: Path, world: World) -> set[Path]:
    """What lies elsewhere than in the folder for repositories."""
    return {each for each in folder.rglob("*") if not each.is_relative_to(world.repositories.folder)}


@asynccontextmanager
async def serving(
    world: World, max_pack_bytes: int = 8 << 20, slots: UploadSlots | None = None
) -> AsyncIterator[Client]:
    async with (
        listening(taking_uploads(world, max_pack_bytes=max_pack_bytes, slots=slots)) as port,
        aiohttp.ClientSession() as session,
    ):
        yield Client(session, f"http://127.0.0.1:{port}")


def left_behind(world: World) -> list[Path]:
    return [each for each in world.repositories.folder.rglob("*") if each.is_file()]


async def test_an_upload_is_taken_and_then_known(begin: Begin, tmp_path: Path) -> None:
    shas = build(tmp_path / "shop", linear(4))
    world = begin()
    first, second = world.deploy(shas[0], 0), world.deploy(shas[3], 1)
    async with serving(world) as client:
        assert await client.search(*shas) == (200, {"data": []})
        assert (await client.packfile(pack_of(tmp_path / "shop", [shas[2]]), shas[2]))[0] == 200
        known = [{"id": sha, "type": "commit"} for sha in shas[:3]]
        assert await client.search(*shas, url="git@git.example:shop/checkout.git") == (200, {"data": known})
        assert await client.search(*shas, url="https://git.example/other") == (200, {"data": []})
        await world.resolver.work()
        assert world.held(second).shipped is None
        assert (await client.packfile(pack_of(tmp_path / "shop", [shas[3]], [shas[2]]), shas[3]))[0] == 200
        await world.resolver.work()
    assert world.shipped(first).left_out == {"first": 1}
    assert len(world.shas(second)) == 3


async def test_the_same_pack_twice_does_no_harm(begin: Begin, tmp_path: Path) -> None:
    shas = build(tmp_path / "shop", linear(4))
    world = begin()
    async with serving(world) as client:
        for _ in range(2):
            assert (await client.packfile(pack_of(tmp_path / "shop", shas[-1:]), shas[-1]))[0] == 200
        found = await client.search(*shas)
    assert found == (200, {"data": [{"id": sha, "type": "commit"} for sha in shas]})


async def test_an_upload_survives_a_restart(begin: Begin, tmp_path: Path) -> None:
    shas = build(tmp_path / "shop", linear(4))
    world = begin()
    world.upload(pack_of(tmp_path / "shop", shas[-1:]), shas[-1])
    again = begin()
    assert again.uploads.known(NAME, shas) == shas
    assert [each.name for each in again.repositories.uploaded()] == [NAME]


async def test_what_a_killed_daemon_left_of_an_upload_is_removed(begin: Begin) -> None:
    world = begin()
    (world.uploads.open() / "incoming.pack").write_bytes(b"PACK")
    begin()
    assert left_behind(world) == []


async def test_a_commit_without_its_folders_is_asked_for_again_where_paths_count(begin: Begin, tmp_path: Path) -> None:
    shas = build(tmp_path / "shop", linear(2))
    world = begin(patterns={"checkout": ["apps/**"]})
    world.upload(packed(tmp_path / "shop", shas), shas[-1])
    assert world.uploads.known(NAME, shas) == []
    world.upload(pack_of(tmp_path / "shop", shas[-1:]), shas[-1])
    assert world.uploads.known(NAME, shas) == shas


async def test_the_other_calls_are_accepted(begin: Begin) -> None:
    form = aiohttp.FormData()
    form.add_field("event", "{}", content_type="application/json", filename="event")
    async with serving(begin()) as client:
        assert (await client.post("/api/v2/srcmap", data=form))[0] == 202
        path = f"/api/v1/series?api_key={KEY}&application_key="
        async with client.session.post(f"{client.base}{path}", json={"series": []}) as answer:
            assert answer.status == 202


@pytest.mark.parametrize(
    "path",
    ["git/repository/search_commits", "git/repository/packfile", "srcmap"],
)
async def test_a_key_is_needed(begin: Begin, path: str) -> None:
    async with serving(begin()) as client:
        assert (await client.post(f"/api/v2/{path}", headers={"DD-API-KEY": "wrong"}, data=b"x"))[0] == 403
        assert (await client.post("/api/v1/series?api_key=wrong", headers={"DD-API-KEY": ""}, data=b"x"))[0] == 403


BAD_SHAS = [
    "",
    "HEAD",
    "--all",
    "-h",
    "main",
    "a" * 39,
    "a" * 41,
    "a" * 63,
    "A" * 40,
    "g" * 40,
    "a" * 40 + "\n",
    "a" * 40 + "..",
    "a" * 40 + "^{tree}",
    "a" * 20 + ".." + "b" * 18,
    "\u0661" * 40,
    ":/" + "a" * 38,
    "../" * 13 + "a",
]


@pytest.mark.parametrize("sha", BAD_SHAS)
async def test_what_is_no_full_sha_is_refused(begin: Begin, tmp_path: Path, sha: str) -> None:
    shas = build(tmp_path / "shop", linear(1))
    world = begin()
    async with serving(world) as client:
        assert (await client.search(shas[0], sha))[0] == 400
        status, body = await client.packfile(pack_of(tmp_path / "shop", shas), sha)
    assert status == 400
    assert "id" in str(body)
    assert left_behind(world) == []


@pytest.mark.parametrize("url", ["", "https://", "x" * 5000, "a\x00b"])
async def test_what_names_no_repository_is_refused(begin: Begin, tmp_path: Path, url: str) -> None:
    shas = build(tmp_path / "shop", linear(1))
    world = begin()
    async with serving(world) as client:
        assert (await client.search(shas[0], url=url))[0] == 400
        assert (await client.packfile(pack_of(tmp_path / "shop", shas), shas[0], url))[0] == 400
    assert left_behind(world) == []


@pytest.mark.parametrize(
    "url", ["https://git.example/../../../etc/passwd", "-oProxyCommand=x", "a/b;touch x", "ext::sh"]
)
async def test_an_odd_name_stays_in_the_folder(begin: Begin, tmp_path: Path, url: str) -> None:
    shas = build(tmp_path / "shop", linear(1))
    world = begin()
    before = outside(tmp_path, world)
    async with serving(world) as client:
        assert (await client.packfile(pack_of(tmp_path / "shop", shas), shas[0], url))[0] == 200
    assert outside(tmp_path, world) == before
    assert len({each.relative_to(world.repositories.folder).parts[0] for each in left_behind(world)}) == 1


def checked(body: bytes) -> bytes:
    """With the checksum that a pack ends with."""
    return body + sha1(body).digest()


def header(objects: int) -> bytes:
    return b"PACK" + struct.pack(">LL", 2, objects)


def of_size(size: int) -> bytes:
    """The header of a commit that says how long it is."""
    rest, left = [], size >> 4
    while left:
        rest.append((left & 0x7F) | (0x80 if left >> 7 else 0))
        left >>= 7
    return bytes([0x80 | (1 << 4) | (size & 0xF), *rest])


def bomb() -> bytes:
    """A commit of 4 GiB that fits in a few megabytes."""
    engine = zlib.compressobj(9)
    first = engine.compress(bytes(1 << 24)) + engine.flush(zlib.Z_FULL_FLUSH)
    again = engine.compress(bytes(1 << 24)) + engine.flush(zlib.Z_FULL_FLUSH)
    return checked(header(1) + of_size(1 << 32) + first + 255 * again + engine.flush())


HOSTILE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _pack: b"",
    "text": lambda _pack: b"hello, this is no pack at all, but long enough",
    "header only": lambda pack: pack[:12],
    "truncated": lambda pack: pack[:-30],
    "one byte missing": lambda pack: pack[:-1],
    "one byte more": lambda pack: pack + b"x",
    "one bit flipped": lambda pack: pack[:40] + bytes([pack[40] ^ 1]) + pack[41:],
    "wrong checksum": lambda pack: pack[:-1] + bytes([pack[-1] ^ 1]),
    "wrong version": lambda _pack: checked(b"PACK" + struct.pack(">LL", 9, 0)),
    "more objects than there are": lambda pack: checked(header(4_000_000) + pack[12:-20]),
    "objects without end": lambda _pack: checked(header(0xFFFFFFFF)),
    "a delta of something unknown": lambda _pack: checked(header(1) + b"\x75" + b"\xaa" * 20 + zlib.compress(b"abcde")),
    "a bomb": lambda _pack: bomb(),
    "a commit that says it is huge": lambda _pack: checked(header(1) + of_size(1 << 50) + zlib.compress(b"tree")),
}


@pytest.mark.parametrize("kind", HOSTILE)
async def test_a_bad_pack_is_refused_and_leaves_nothing_behind(begin: Begin, tmp_path: Path, kind: str) -> None:
    shas = build(tmp_path / "shop", linear(3))
    world = begin()
    good = pack_of(tmp_path / "shop", shas[-1:])
    async with serving(world, max_pack_bytes=64 << 20) as client:
        status, body = await client.packfile(HOSTILE[kind](good), shas[-1])
        assert status == 400
        assert "packfile" in str(body)
        assert left_behind(world) == []
        assert (await client.packfile(good, shas[-1]))[0] == 200


async def test_a_pack_of_the_other_kind_of_names_is_refused(begin: Begin, tmp_path: Path) -> None:
    short = build(tmp_path / "short", linear(2))
    long = build(tmp_path / "long", linear(2), object_format="sha256")
    world = begin()
    async with serving(world) as client:
        assert (await client.packfile(pack_of(tmp_path / "short", short), short[-1]))[0] == 200
        before = left_behind(world)
        assert (await client.packfile(pack_of(tmp_path / "long", long), long[-1]))[0] == 400
        assert (await client.packfile(pack_of(tmp_path / "long", long), short[-1]))[0] == 400
        assert left_behind(world) == before


async def test_a_pack_that_is_too_long_is_refused(begin: Begin) -> None:
    world = begin()
    async with serving(world, max_pack_bytes=100_000) as client:
        assert (await client.packfile(header(1) + bytes(200_000), "a" * 40))[0] == 400
    assert left_behind(world) == []


async def test_a_pack_may_be_as_long_as_the_limit_says(begin: Begin, tmp_path: Path) -> None:
    shas = build(tmp_path / "shop", linear(2))
    pack = pack_of(tmp_path / "shop", shas[-1:])
    for most, status in ((len(pack) - 1, 400), (len(pack), 200)):
        async with serving(begin(), max_pack_bytes=most) as client:
            assert (await client.packfile(pack, shas[-1]))[0] == status


BODIES: dict[str, tuple[str, bytes]] = {
    "no boundary": ("multipart/form-data", b"x"),
    "another type": ("application/json", b"{}"),
    "another multipart": ("multipart/mixed; boundary=x", b"--x--\r\n"),
    "empty": ("multipart/form-data; boundary=x", b""),
    "no parts": ("multipart/form-data; boundary=x", b"--x--\r\n"),
    "a wrong boundary": ("multipart/form-data; boundary=x", b"--y\r\n\r\nabc\r\n--y--\r\n"),
    "cut off in a header": ("multipart/form-data; boundary=x", b"--x\r\nContent-Dispo"),
    "cut off in a part": (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="packfile"\r\n\r\nPACK',
    ),
    "an unknown part": (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="else"\r\n\r\nabc\r\n--x--\r\n',
    ),
    "parts in a part": (
        "multipart/form-data; boundary=x",
        b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\nabc\r\n--y--\r\n--x--\r\n",
    ),
    "only a pack": (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="packfile"\r\n\r\nPACK\r\n--x--\r\n',
    ),
    "only a SHA": (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="pushedSha"\r\n\r\n{}\r\n--x--\r\n',
    ),
    "a boundary that is too long": (f"multipart/form-data; boundary={'x' * 100}", b"--x--\r\n"),
}


@pytest.mark.parametrize("kind", BODIES)
async def test_a_bad_body_is_refused(begin: Begin, kind: str) -> None:
    content_type, body = BODIES[kind]
    world = begin()
    async with serving(world) as client:
        path = "/api/v2/git/repository/packfile"
        assert (await client.post(path, data=body, headers={"Content-Type": content_type}))[0] == 400
    assert left_behind(world) == []


async def test_no_more_repositories_than_allowed_are_uploaded(begin: Begin, tmp_path: Path) -> None:
    shas = build(tmp_path / "shop", linear(1))
    world = begin(settings=GitSettings(max_uploaded_repositories=1))
    pack = pack_of(tmp_path / "shop", shas)
    async with serving(world) as client:
        assert (await client.packfile(pack, shas[0]))[0] == 200
        assert (await client.packfile(pack, shas[0]))[0] == 200
        assert (await client.packfile(pack, shas[0], "https://git.example/second"))[0] == 400
    assert len(world.repositories.uploaded()) == 1


async def test_a_repository_may_not_grow_without_end(begin: Begin, tmp_path: Path) -> None:
    shas = build(tmp_path / "shop", linear(1))
    world = begin(max_repository_bytes=100)
    async with serving(world) as client:
        status, body = await client.packfile(pack_of(tmp_path / "shop", shas), shas[0])
    assert status == 400
    assert "larger" in str(body)


async def test_a_disk_that_cannot_be_written_is_not_the_senders_fault(
    begin: Begin, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shas = build(tmp_path / "shop", linear(1))
    world = begin()
    (tmp_path / "file").write_text("")
    world.repositories.folder = tmp_path / "file"
    async with serving(world) as client:
        assert (await client.packfile(pack_of(tmp_path / "shop", shas), shas[0]))[0] == 503
    assert [each for each in caplog.messages if "not stored" in each] == [
        f"uploaded pack not stored reason=[Errno 17] File exists: '{tmp_path}/file'"
    ]


async def test_those_who_ask_about_a_slow_repository_delay_nobody_else(begin: Begin, tmp_path: Path) -> None:
    shas = build(tmp_path / "shop", linear(2))
    world = begin()
    world.upload(pack_of(tmp_path / "shop", shas), shas[-1])
    slow = world.repositories.find(NAME)
    assert slow is not None
    async with serving(world) as client, asyncio.TaskGroup() as tasks:
        with slow.held():
            asking = [tasks.create_task(client.search(*shas)) for _ in range(20)]
            async with asyncio.timeout(20):
                assert await client.search(shas[0], url="https://git.example/other") == (200, {"data": []})
                assert await asyncio.to_thread(int) == 0
            assert not any(each.done() for each in asking)
    assert {each.result()[0] for each in asking} == {200}


def has_room(slots: UploadSlots) -> bool:
    """Whether an upload would be let in."""
    try:
        with slots.slot():
            return True
    except NotNow:
        return False


async def test_uploads_that_trickle_keep_no_other_from_coming_in(begin: Begin, tmp_path: Path) -> None:
    shas = build(tmp_path / "shop", linear(2))
    now = [0.0]
    world = begin()

    async def trickle() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="packfile"; filename="x.pack"\r\n\r\nPACK'
        await asyncio.Event().wait()

    slots = UploadSlots(1, stopwatch=lambda: now[0])
    async with serving(world, slots=slots) as client:
        head = {"DD-API-KEY": KEY, "Content-Type": "multipart/form-data; boundary=x"}
        url = f"{client.base}/api/v2/git/repository/packfile"
        slow = asyncio.create_task(client.session.post(url, headers=head, data=trickle()))
        pack = pack_of(tmp_path / "shop", shas)
        while has_room(slots):
            await client.search(shas[0])
        assert (await client.packfile(pack, shas[-1]))[0] == 503
        now[0] += GRACE_SECONDS
        assert await client.packfile(pack, shas[-1]) == (200, {"status": "ok"})
        assert (await slow).status == 503
