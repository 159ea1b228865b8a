"""Uploaded Git history reaches every replica, and whoever leads finds out what was shipped."""

import asyncio
import io
import json
import logging
from pathlib import Path

import aiohttp
import pytest
from tests.commits.histories import build, linear, pack_of
from tests.e2e.daemon import RunningDaemon
from tests.storage.postgresql.cluster import Database
from tests.storage.postgresql.logs import link, opened
from tests.storage.postgresql.proxy import Proxy
from tests.storage.postgresql.replicas import Replica, replicas
from tests.storage.postgresql.waiting import until

from dora_exporter.dora.event_log import Unavailable
from dora_exporter.runtime.clock import system_clock
from dora_exporter.storage.postgresql.pack_exchange import PIECE_BYTES, PackExchange

pytestmark = pytest.mark.e2e

URL = "https://git.example/shop/checkout.git"


async def upload(daemon: RunningDaemon, pack: bytes, head: str) -> int:
    form = aiohttp.FormData()
    said = {"data": {"id": head, "type": "commit"}, "meta": {"repository_url": URL}}
    form.add_field("pushedSha", json.dumps(said), content_type="application/json")
    form.add_field("packfile", io.BytesIO(pack), content_type="application/octet-stream", filename="x.pack")
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{daemon.url}/api/v2/git/repository/packfile", data=form) as answer,
    ):
        return answer.status


def known(daemon: RunningDaemon, *shas: str) -> list[str]:
    data = [{"id": sha, "type": "commit"} for sha in shas]
    body = json.dumps({"meta": {"repository_url": URL}, "data": data}).encode()
    answer = daemon.request("POST", "/api/v2/git/repository/search_commits", body)
    return [each["id"] for each in answer.json()["data"]]


def deploy(daemon: RunningDaemon, sha: str, hours_ago: int) -> str:
    at = system_clock() // 1000 - hours_ago * 3600
    git = {"commit_sha": sha, "repository_url": URL}
    return daemon.send("deployment", service="checkout", env="production", started_at=at, finished_at=at, git=git)


async def test_history_uploaded_to_a_follower_gives_lead_times_everywhere(database: Database, tmp_path: Path) -> None:
    shas = build(tmp_path / "shop", linear(4))
    with replicas(tmp_path, database, [database.url()] * 2) as both:
        follower, leader = both.followers()[0].running, both.leader()
        deploy(leader.running, shas[0], 20)
        deploy(follower, shas[3], 10)
        assert await upload(follower, pack_of(tmp_path / "shop", [shas[3]]), shas[3]) == 200

        until(lambda: all(known(each.running, *shas) == shas for each in both))
        until(lambda: all(_lead_time_commits(each) == 3 for each in both))

        leader.kill()
        newcomer = leader.start()
        until(lambda: known(newcomer, *shas) == shas)


def _lead_time_commits(replica: Replica) -> float | None:
    return replica.number("dora_lead_time_commits", service="checkout", environment="production", window="7d")


async def test_packs_come_whole_in_their_order_and_once(database: Database, tmp_path: Path) -> None:
    async with opened(database):
        pass
    packs = {f"pack-{name}": bytes([place]) * (PIECE_BYTES * place + 7) for place, name in enumerate("abc")}
    for name, content in packs.items():
        (tmp_path / f"{name}.pack").write_bytes(content)
    taken: list[tuple[str, bytes]] = []

    async def take(repository: str, _head: str, file: Path) -> bool:
        taken.append((repository, await asyncio.to_thread(file.read_bytes)))
        return len(taken) > 1  # at first the disk was full: it is offered again

    giver = PackExchange(link(database), link(database), folder=tmp_path / "giver")
    await asyncio.gather(*(giver.share("host/a", "f" * 40, tmp_path / f"{name}.pack") for name in packs))
    await giver.share("host/a", "f" * 40, tmp_path / "pack-a.pack")
    taker = PackExchange(link(database), link(database), folder=tmp_path / "taker")
    taker.start(take)
    marker = tmp_path / "taker" / "packs-taken"
    await asyncio.to_thread(until, lambda: marker.exists() and marker.read_text() == "3\n")
    await taker.close()

    assert taken[1:] == [("host/a", content) for content in packs.values()]
    assert list(marker.parent.iterdir()) == [marker]
    await giver.close()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError("the disk is full"), "shared pack not imported yet reason=the disk is full"),
        (RuntimeError("a defect"), "pack exchange failed"),
        (Unavailable("it went away"), "pack lookup failed reason=it went away"),
    ],
)
async def test_why_a_pack_is_not_imported_is_told_and_a_restart_tries_again(
    database: Database, tmp_path: Path, error: Exception, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="dora_exporter.storage.postgresql.pack_exchange")
    async with opened(database):
        pass
    (tmp_path / "pack-a.pack").write_bytes(b"x")
    giver = PackExchange(link(database), link(database), folder=tmp_path / "giver")
    await giver.share("host/a", "f" * 40, tmp_path / "pack-a.pack")
    await giver.close()
    tries = asyncio.Queue[tuple[str, str]]()

    async def fail(repository: str, head: str, _file: Path) -> bool:
        tries.put_nowait((repository, head))
        raise error

    for _ in range(2):
        taker = PackExchange(link(database), link(database), folder=tmp_path / "taker")
        taker.start(fail)
        assert await asyncio.wait_for(tries.get(), 15) == ("host/a", "f" * 40)
        await asyncio.to_thread(until, lambda: caplog.messages)
        await taker.close()
        assert caplog.messages == [said]
        assert not list((tmp_path / "taker").iterdir())
        caplog.clear()


async def test_an_upload_that_cannot_be_shared_is_refused_and_not_known(
    database: Database, proxy: Proxy, tmp_path: Path
) -> None:
    """The client is told to come again, and the commits that it has are not taken for known."""
    shas = build(tmp_path / "shop", linear(2))
    with replicas(tmp_path, database, [database.url(port=proxy.port)]) as (only,):
        proxy.refuse()
        proxy.cut()
        assert await upload(only.running, pack_of(tmp_path / "shop", shas[1:]), shas[1]) == 503
        assert known(only.running, *shas) == []
        proxy.accept()
        until(lambda: only.number("dora_exporter_log_up") == 1)
        assert await upload(only.running, pack_of(tmp_path / "shop", shas[1:]), shas[1]) == 200
        assert known(only.running, *shas) == shas


async def test_a_pack_is_refused_while_the_database_is_away(database: Database, proxy: Proxy, tmp_path: Path) -> None:
    async with opened(database):
        pass
    (tmp_path / "pack-a.pack").write_bytes(b"x")
    proxy.refuse()
    exchange = PackExchange(link(database, port=proxy.port), link(database), folder=tmp_path)
    with pytest.raises(Unavailable):
        await exchange.share("host/a", "f" * 40, tmp_path / "pack-a.pack")
    await exchange.close()
