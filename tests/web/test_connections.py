"""Connections are bounded, and so is what each may hold; whoever comes is heard all the same."""

import asyncio
import resource
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from dora_exporter.runtime import file_limit
from dora_exporter.web.application import application, runner
from dora_exporter.web.security.api_keys import Access, Right
from dora_exporter.web.server import connections
from dora_exporter.web.server.connections import mark_authenticated

SECONDS = 5
HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
LARGE = b"x" * (64 << 20)

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Server:
    port: int
    opened: list[asyncio.StreamWriter] = field(default_factory=list)

    async def open(self, first: bytes = b"") -> Stream:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.opened.append(writer)
        writer.write(first)
        return reader, writer

    async def ask(self, path: str = "/", *, key: str = "", stream: Stream | None = None) -> int:
        """The status of an answer, on a connection of its own or on one that stays open."""
        reader, writer = stream or await self.open()
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nDD-API-KEY: {key}\r\n\r\n".encode())
        return await status_of(reader)


async def status_of(reader: asyncio.StreamReader) -> int:
    """The status of the next answer, whose body is read too; 0 where the connection ends."""
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SECONDS)
        length = next(line for line in head.lower().splitlines() if line.startswith(b"content-length"))
        await asyncio.wait_for(reader.readexactly(int(length.split(b":")[1])), SECONDS)
    except (asyncio.IncompleteReadError, ConnectionError):
        return 0
    return int(head.split()[1])


async def is_closed(stream: Stream) -> bool:
    """Whether the other side closes it soon."""
    try:
        return await asyncio.wait_for(stream[0].read(1), SECONDS) == b""
    except ConnectionError:
        return True


@asynccontextmanager
async def serving(handlers: dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]]) -> AsyncIterator[Server]:
    access = Access(api_keys=["k"])
    routes = [web.route("*", path, handler) for path, handler in handlers.items()]
    serving = runner(application(routes=routes, operations=(), access=access))
    await serving.setup()
    await web.TCPSite(serving, "127.0.0.1", 0).start()
    server = Server(serving.addresses[0][1])
    try:
        yield server
    finally:
        for writer in server.opened:
            writer.close()
        await serving.cleanup()


async def hello(_request: web.Request) -> web.Response:
    return web.Response(text="hello")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten connections are all that there may be."""
    monkeypatch.setattr("dora_exporter.web.server.runner.most_connections", lambda _limit: 10)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is waited for."""
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.0)
    monkeypatch.setattr(connections, "ANSWER_SECONDS", 0.0)
    monkeypatch.setattr(connections, "CHECK_SECONDS", 0.05)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("first", [b"", HEAD, b"\r\n"])
async def test_the_oldest_of_those_that_owe_a_head_makes_room(first: bytes) -> None:
    async with serving({"/": hello}) as server:
        known = await server.open()
        assert await server.ask(stream=known) == 200
        owing = [await server.open(first) for _ in range(30)]
        assert await server.ask() == 200
        assert await is_closed(owing[0])
        assert await server.ask(stream=known) == 200  # who waits for nothing but the next request stays


@pytest.mark.usefixtures("few")
async def test_the_oldest_of_those_that_ask_nothing_makes_room() -> None:
    async with serving({"/": hello}) as server:
        idle = [await server.open() for _ in range(10)]
        for stream in idle:
            assert await server.ask(stream=stream) == 200
        assert await server.ask(stream=idle[0]) == 200
        assert await server.ask() == 200
        assert await is_closed(idle[1])
        assert await server.ask(stream=idle[0]) == 200


@pytest.mark.usefixtures("few")
async def test_who_brought_a_key_stays_while_strangers_go() -> None:
    access, has_come, leave = Access(api_keys=["k"]), asyncio.Event(), asyncio.Event()

    async def wait(request: web.Request) -> web.Response:
        if request.headers.get("DD-API-KEY"):
            access.check(request, Right.WRITE)
            has_come.set()
        await leave.wait()
        return web.Response(text="at last")

    async with serving({"/": hello, "/wait": wait}) as server:
        known = asyncio.create_task(server.ask("/wait", key="k"))
        await has_come.wait()
        strangers = [asyncio.create_task(server.ask("/wait")) for _ in range(30)]
        assert await server.ask() == 200
        assert await strangers[0] == 0
        leave.set()
        assert await known == 200
        await asyncio.gather(*strangers)


@pytest.mark.usefixtures("few")
async def test_strangers_that_ask_nothing_go_before_who_brought_a_key() -> None:
    async def greet(request: web.Request) -> web.Response:
        if request.headers.get("DD-API-KEY"):
            mark_authenticated(request)
        return web.Response(text="hello")

    async with serving({"/": greet}) as server:
        known = await server.open()
        assert await server.ask(key="k", stream=known) == 200
        for _ in range(30):
            assert await server.ask() == 200
        assert await server.ask(key="k", stream=known) == 200


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("first", [b"", HEAD, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" + HEAD[:9]])
async def test_a_head_that_does_not_come_is_not_waited_for(first: bytes) -> None:
    async with serving({"/": hello}) as server:
        stream = await server.open(first)
        if first.endswith(HEAD[:9]):
            assert await status_of(stream[0]) == 200
            stream[1].write(HEAD[9:])
        assert await is_closed(stream)


@pytest.mark.usefixtures("hasty")
async def test_an_answer_that_nobody_takes_is_not_kept() -> None:
    broken = asyncio.Event()

    async def large(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            for _ in range(100):
                await response.write(LARGE)
        except ConnectionError:
            broken.set()
        return response

    async with serving({"/": large}) as server:
        await server.open(HEAD + b"\r\n")
        await asyncio.wait_for(broken.wait(), SECONDS)


@pytest.mark.parametrize("line", [b"X: " + b"y" * 300 + b"\r\n", b"X: " + b"y" * 8000 + b"\r\n"])
async def test_a_long_head_is_400_and_the_end(line: bytes) -> None:
    async with serving({"/": hello}) as server:
        stream = await server.open(HEAD + line * (100_000 // len(line)))
        assert await status_of(stream[0]) in {400, 0}
        assert await is_closed(stream)
        assert await server.ask() == 200


async def test_requests_are_answered_in_a_row_but_not_without_end() -> None:
    async with serving({"/": hello}) as server:
        reader, writer = await server.open((HEAD + b"\r\n") * 20)
        assert [await status_of(reader) for _ in range(20)] == [200] * 20
        writer.write((HEAD + b"\r\n") * 10_000)
        answers = [await status_of(reader)]
        while answers[-1]:
            answers.append(await status_of(reader))
        assert len(answers) < 50


async def test_the_oldest_of_those_that_ask_too_much_ahead_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_HEADS_BYTES", 1000)
    has_come, leave = asyncio.Event(), asyncio.Event()

    async def wait(_request: web.Request) -> web.Response:
        has_come.set()
        await leave.wait()
        return web.Response()

    async with serving({"/": wait}) as server:
        oldest = await server.open((HEAD + b"\r\n") * 16)
        await asyncio.wait_for(has_come.wait(), SECONDS)
        reader, _writer = await server.open((HEAD + b"\r\n") * 16)
        assert await is_closed(oldest)
        leave.set()
        assert await status_of(reader) == 200


async def test_a_head_in_parts_is_held_until_it_is_whole() -> None:
    """Together they are longer than all heads may be that are held."""
    part = HEAD + b"".join(b"X-%d: %s\r\n" % (number, b"x" * 7_700) for number in range(4))
    async with serving({"/": hello}) as server:
        streams = []
        for _ in range((9 << 20) // len(part)):
            streams.append(stream := await server.open(part))
            assert await server.ask(stream=await server.open()) == 200  # the part has come meanwhile
            server.opened.pop().close()
            stream[1].write(b"\r\n")
            assert await status_of(stream[0]) == 200
        assert await server.ask(stream=streams[0]) == 200


async def test_a_connection_is_vouched_for_by_a_key() -> None:
    seen = []

    async def look(request: web.Request) -> web.Response:
        if request.query_string:
            mark_authenticated(request)
        seen.append(getattr(request.protocol, "is_authenticated", None))
        return web.Response()

    async with serving({"/": look}) as server:
        await server.ask()
        await server.ask("/?yes")
    assert seen == [False, True]


@pytest.mark.parametrize(
    ("limit", "most"),
    [(20_000, 4096), (1024, 448), (256, 64), (64, 16), (0, 1), (-1, 4096), (resource.RLIM_INFINITY, 4096)],
)
def test_connections_leave_descriptors_for_others(limit: int, most: int) -> None:
    assert file_limit.most_connections(limit) == most
