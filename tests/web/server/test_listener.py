"""Listening: a stranger who does not shake hands is not waited for."""

import asyncio
import socket
from pathlib import Path

import pytest
import trustme
from aiohttp import ClientSession, web
from tests.web.security.certificates import client, write_tls

from dora_exporter.app.event_loop import new_event_loop
from dora_exporter.web.application import application, runner
from dora_exporter.web.security.api_keys import Access
from dora_exporter.web.security.reloading import ActiveWebConfig
from dora_exporter.web.server import listener


async def hello(_request: web.Request) -> web.Response:
    return web.Response(text="hello")


async def test_a_handshake_that_does_not_come_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "HEAD_SECONDS", 0.05)
    authority = trustme.CA()
    protection = ActiveWebConfig(write_tls(tmp_path, authority))
    serving = runner(application(routes=[web.get("/", hello)], operations=(), access=Access()))
    await serving.setup()
    try:
        await listener.listen(serving, ["127.0.0.1:0"], protection.ssl_context)
        port = serving.addresses[0][1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x16\x03\x01\x02\x00")
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(1), 5)
        writer.close()
        monkeypatch.setattr(listener, "HEAD_SECONDS", 10)
        async with (
            ClientSession() as session,
            session.get(f"https://127.0.0.1:{port}/", ssl=client(authority)) as answer,
        ):
            assert await answer.text() == "hello"
    finally:
        await serving.cleanup()


async def test_many_may_wait_to_be_accepted() -> None:
    """The next one of a full queue is told nothing, and tries again after a second."""
    serving = runner(application(routes=[web.get("/", hello)], operations=(), access=Access()))
    await serving.setup()
    try:
        await listener.listen(serving, ["127.0.0.1:0"], None)
        opened = [socket.create_connection(serving.addresses[0], timeout=0.9) for _ in range(400)]  # nobody accepts now
        for each in opened:
            each.close()
    finally:
        await serving.cleanup()


def test_a_crowd_is_accepted_in_few_rounds_of_the_event_loop() -> None:
    """Who comes behind it would else wait for as many rounds as it is large."""
    with asyncio.Runner(loop_factory=new_event_loop) as loop:
        loop.run(_accept_a_crowd())


async def _accept_a_crowd() -> None:
    app = application(routes=[web.get("/", hello)], operations=(), access=Access())
    serving = runner(app)
    await serving.setup()
    try:
        await listener.listen(serving, ["127.0.0.1:0"], None)
        opened = [socket.create_connection(serving.addresses[0], timeout=0.9) for _ in range(400)]  # nobody accepts now
        rounds = 0
        while serving.server is not None and len(serving.server.connections) < len(opened):
            await asyncio.sleep(0)
            rounds += 1
        assert rounds < 100
        for each in opened:
            each.close()
    finally:
        await serving.cleanup()


def test_a_client_that_does_not_read_is_lent_little_of_the_systems_memory() -> None:
    """The system by itself takes megabytes for each, and the time that it takes to copy them."""
    with asyncio.Runner(loop_factory=new_event_loop) as loop:
        assert loop.run(_sent_unread()) < 1 << 20


async def _sent_unread() -> int:
    """How many bytes go off to a client that reads none."""
    sent = 0

    async def much(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(1000):
            await response.write(b"x" * 10_000)
            sent += 10_000
        return response

    serving = runner(application(routes=[web.get("/", much)], operations=(), access=Access()))
    await serving.setup()
    try:
        await listener.listen(serving, ["127.0.0.1:0"], None)
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)  # noqa: FBT003  # the name of the method says it
            await asyncio.get_running_loop().sock_connect(client, serving.addresses[0])
            client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            before = -1
            while sent != before or not sent:
                before = sent
                for _ in range(100):
                    await asyncio.sleep(0)
    finally:
        await serving.cleanup()
    return sent
