import asyncio
import functools
import gzip
import json
import zlib
from io import BytesIO
from time import process_time
from typing import Any

import pytest
from tests.web.conftest import MakeApi
from tests.web.running import Api, Json, deployment

from dora_exporter.runtime.cooperative import Turn
from dora_exporter.web.server import request_body
from dora_exporter.web.server.byte_limit import ByteLimit
from dora_exporter.web.server.decompression import PIECE_BYTES
from dora_exporter.web.server.errors import NotNow
from dora_exporter.web.server.limits import Rules
from dora_exporter.web.server.request_body import IncomingBody

PATH = "/api/v2/dora/deployment"
BODY = json.dumps({"data": {"attributes": deployment()}}).encode()


def raw_deflate(body: bytes) -> bytes:
    engine = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return engine.compress(body) + engine.flush()


async def send(api: Api, body: bytes, encoding: str) -> tuple[int, Any]:
    return await api.send("POST", PATH, data=body, headers={"Content-Encoding": encoding})


def packed(body: bytes) -> bytes:
    """The same bytes whenever it is called."""
    return gzip.compress(body, mtime=0)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("identity", BODY),
        ("", BODY),
        ("gzip", packed(BODY)),
        ("GZIP", packed(BODY)),
        ("x-gzip", packed(BODY)),
        ("gzip", packed(BODY[:9]) + packed(BODY[9:])),
        ("gzip", packed(BODY) + packed(b"")),
        ("deflate", zlib.compress(BODY)),
        ("deflate", raw_deflate(BODY)),
    ],
)
async def test_a_body_may_be_compressed(api: Api, encoding: str, body: bytes) -> None:
    assert (await send(api, body, encoding))[0] == 200


@pytest.mark.parametrize(
    ("encoding", "body", "detail"),
    [
        ("gzip", BODY, "the body is not valid gzip"),
        ("gzip", packed(BODY)[:-1], "the gzip body ends in the middle"),
        ("gzip", packed(BODY)[:10], "the gzip body ends in the middle"),
        ("gzip", packed(BODY)[:-5] + b"00000", "the body is not valid gzip"),
        ("gzip", packed(BODY) + b"more", "the body is not valid gzip"),
        ("gzip", b"", "the body is not JSON: Input data was truncated"),
        ("deflate", zlib.compress(BODY) + zlib.compress(BODY), "the deflate body has too many members"),
        ("deflate", zlib.compress(BODY)[:-1], "the deflate body ends in the middle"),
        ("br", BODY, "the header Content-Encoding must be gzip, deflate or identity"),
        ("gzip, gzip", BODY, "the header Content-Encoding must be gzip, deflate or identity"),
    ],
)
async def test_a_broken_one_is_refused(api: Api, encoding: str, body: bytes, detail: str) -> None:
    problem = {"errors": [{"status": "400", "title": "Bad Request", "detail": detail}]}
    assert await send(api, body, encoding) == (400, problem)
    assert api.log.records == []


async def test_the_limit_counts_what_is_unpacked(make_api: MakeApi) -> None:
    api = await make_api(rules=Rules(max_body_bytes=len(BODY)))
    assert (await send(api, BODY, "identity"))[0] == 200
    assert (await send(api, packed(BODY), "gzip"))[0] == 200
    detail = f"the request body is longer than {len(BODY)} bytes"
    problem = {"errors": [{"status": "400", "title": "Bad Request", "detail": detail}]}
    assert await send(api, BODY + b" ", "identity") == (400, problem)
    assert await send(api, packed(BODY + b" "), "gzip") == (400, problem)
    chunks = iter([BODY, b" "])

    async def chunked() -> Json:
        for chunk in chunks:
            yield chunk

    assert await api.send("POST", PATH, data=chunked()) == (400, problem)


async def test_ten_megabytes_are_too_much(api: Api) -> None:
    assert (await api.send("POST", PATH, data=BytesIO(b" " * 10_000_000)))[0] == 400


@functools.cache
def bomb(filling: bytes) -> bytes:
    """Sixty-four megabytes in a few hundred kilobytes."""
    return gzip.compress(filling * ((64 << 20) // len(filling)), 1)


@pytest.mark.usefixtures("no_garbage_search")
@pytest.mark.parametrize("path", [PATH, "/api/v1/events", "/api/v1/events?atomic=true", "/api/v2/dora/deployments"])
@pytest.mark.parametrize("filling", [b"\0", b"\n", b"{}\n"])
async def test_a_gzip_bomb_costs_little(api: Api, path: str, filling: bytes) -> None:
    body = bomb(filling)
    began = process_time()
    status, answer = await api.send("POST", path, data=BytesIO(body), headers={"Content-Encoding": "gzip"})
    assert status == 400
    assert any(word in answer["errors"][-1]["detail"] for word in ("longer", "times its size", "invalid or empty"))
    assert process_time() - began < 1


async def test_others_have_their_turn_while_a_body_is_unpacked(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    given = []

    class ShortTurn(Turn):
        is_over = True

        async def give(self) -> None:
            given.append(self)
            await super().give()

    monkeypatch.setattr(request_body, "Turn", ShortTurn)
    assert (await send(api, bomb(b"\0"), "gzip"))[0] == 400
    assert len(given) == (1 << 20) // PIECE_BYTES + 1


async def test_bodies_that_are_unpacked_at_once_make_room_for_each_other(
    make_api: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_body, "MOST_BYTES", 1 << 20)
    api = await make_api()
    bodies_at_once = [packed(b" " * 900_000 + BODY)] * 10
    statuses = [status for status, _ in await asyncio.gather(*(send(api, body, "gzip") for body in bodies_at_once))]
    assert set(statuses) <= {200, 503}
    assert statuses.count(200) >= 1
    assert (await send(api, packed(BODY), "gzip"))[0] == 200


@pytest.mark.usefixtures("no_garbage_search")
async def test_a_gzip_of_very_many_members_costs_little(api: Api) -> None:
    members = gzip.compress(b" ") * 40_000
    began = process_time()
    status, answer = await send(api, members, "gzip")
    assert (status, answer["errors"][0]["detail"]) == (400, "the gzip body has too many members")
    assert process_time() - began < 1


async def exchange(api: Api, first: bytes, *more: bytes) -> bytes:
    """The head of the answer; what comes more is sent when the daemon waits for it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(first)
    if more:
        assert await reader.readuntil(b"\r\n\r\n") == CONTINUE
        writer.writelines(more)
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    writer.close()
    return answer


CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
HEAD = b"POST /api/v2/dora/deployment HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"


@pytest.mark.parametrize(
    "parts",
    [
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",),
        (HEAD + b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n", b"zz\r\n{}\r\n0\r\n\r\n"),
        (HEAD + b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n", b"2\r\n{}", b"xx\r\n0\r\n\r\n"),
        (b"FOO /api/v2/dora/deployment HTTP/1.1\r\nHost: x\r\n\r\n",),
        (HEAD + b"X-Long: " + b"x" * 9000 + b"\r\n\r\n",),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{}",),
        (HEAD + b"Content-Length: 5\r\n\r\n{}",),
        (HEAD + b"Content-Length: five\r\n\r\n{}",),
        (HEAD + b"Content-Length: -5\r\n\r\n{}",),
        (HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",),
        (HEAD + b"Content-Length: 2\r\nExpect: miracles\r\n\r\n{}",),
        (b"no HTTP at all\r\n\r\n",),
    ],
)
async def test_broken_framing_is_answered_and_nothing_is_stored(make_api: MakeApi, parts: tuple[bytes, ...]) -> None:
    api = await make_api(rules=Rules(body_seconds=0.2))
    answer = await exchange(api, *parts)
    assert b" 400 Bad Request\r\n" in answer
    assert b"\r\nContent-Type: application/json\r\n" in answer
    assert b"aiohttp" not in answer
    assert api.log.records == []
    assert (await api.deploy(**deployment()))[0] == 200


async def test_chunks_that_break_after_a_pause_are_answered_at_once(
    make_api: MakeApi, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    api = await make_api(rules=Rules(body_seconds=60))
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(HEAD + b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert await reader.readuntil(b"\r\n\r\n") == CONTINUE
    for piece in (b"2\r\n{}\r\n", b"xx\r\n"):
        writer.write(piece)
        for _ in range(50):  # until the server, which runs in this loop, has had each by itself
            await asyncio.sleep(0)
    answer = await asyncio.wait_for(reader.read(), 5)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"its framing is broken" in answer
    assert "request body is broken path='/api/v2/dora/deployment' reason=" in caplog.text
    writer.close()


@pytest.mark.parametrize("path", [PATH, "/api/v1/events", "/api/v1/events?atomic=true"])
async def test_bodies_that_do_not_end_make_room_for_those_that_do(
    make_api: MakeApi, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(request_body, "MOST_BYTES", 100_000)
    api = await make_api(rules=Rules(body_seconds=60, piece_seconds=60))
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 90000\r\n\r\n".encode()
    streams = [await asyncio.open_connection("127.0.0.1", api.port) for _ in range(3)]
    for _, writer in streams:
        writer.write(head + b" " * 60_000)
        await writer.drain()
    for reader, writer in streams[:2]:
        assert (await asyncio.wait_for(reader.read(), 5)).startswith(b"HTTP/1.1 503 ")
        writer.close()
    reader, writer = streams[2]
    writer.write(b" " * (90_000 - 60_000 - len(BODY)) + BODY)
    assert not (await asyncio.wait_for(reader.read(), 5)).startswith(b"HTTP/1.1 503 ")
    writer.close()
    assert (await api.deploy(**deployment()))[0] == 200


async def test_a_body_whose_time_is_over_is_evicted_without_an_error_in_the_one_that_needs_its_memory() -> None:
    byte_limit = ByteLimit(10)
    late, next_one = IncomingBody(byte_limit), IncomingBody(byte_limit)
    late.hold(10)

    async def wait() -> None:
        async with late.within(0):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                next_one.hold(10)
                raise

    with pytest.raises(NotNow):
        await wait()
    assert byte_limit.total == 10


async def test_a_client_may_ask_before_it_sends(api: Api) -> None:
    head = HEAD + b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n" % len(BODY)
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(head)
    assert await reader.readuntil(b"\r\n\r\n") == CONTINUE
    writer.write(BODY)
    assert (await reader.read()).startswith(b"HTTP/1.1 200 OK\r\n")
    writer.close()
