"""The start and the stop of a daemon, in this process."""

import asyncio
import gc
import logging
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from tests.builders import NOW_MS, ManualClock, deployment

from dora_exporter.app.daemon import Daemon
from dora_exporter.app.settings import Settings
from dora_exporter.config.errors import ConfigError
from dora_exporter.dora.event_log import EventLog
from dora_exporter.storage.file import SnapshotFile, encode, header_line

MOST_ROUNDS = 10_000
"""More rounds of the event loop than a start of an empty daemon takes."""


@pytest.fixture
async def settings(tmp_path: Path) -> AsyncIterator[Settings]:
    """A daemon with a source and a repository, neither of which answers."""
    handlers = logging.getLogger().handlers[:]
    yield Settings.model_validate(
        {
            "snapshot": {"path": tmp_path / "snapshot", "durability": "written"},
            "web": {"listen_addresses": ["127.0.0.1:0"]},
            "sources": {"on-call": {"kind": "pagerduty", "token": "t", "base_url": "http://127.0.0.1:1"}},
            "repositories": {"shop": {"url": f"file://{tmp_path}/nowhere"}},
        }
    )
    logging.getLogger().handlers[:] = handlers  # a reload sets the log up anew
    gc.unfreeze()


def others() -> set["asyncio.Task[object]"]:
    """The tasks beside the test itself."""
    return asyncio.all_tasks() - {asyncio.current_task()}


async def assert_nothing_is_left(settings: Settings) -> None:
    """No task, no thread of uploads, no lock on the file, and garbage is collected."""
    assert others() == set()
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("git-")] == []
    assert gc.isenabled()
    again = SnapshotFile(settings.snapshot.path, clock=ManualClock())
    again.open()
    await again.close()


async def test_the_lines_of_the_first_page_are_computed_without_anybody_asking(settings: Settings) -> None:
    daemon = Daemon(settings, lambda: settings, clock=ManualClock())
    await daemon.start()

    assert daemon.components.schedule.has("lines")

    await daemon.stop()


async def test_a_stopped_daemon_leaves_nothing_running(settings: Settings) -> None:
    daemon = Daemon(settings, lambda: settings, clock=ManualClock())
    await daemon.start()
    host, port = daemon.addresses[0]
    daemon.reload_soon()
    await daemon.components.commits.uploads.workers.files(gc.isenabled)  # any work of a request

    await daemon.stop()

    await assert_nothing_is_left(settings)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(host, port)


async def test_a_daemon_that_is_ready_works_at_intervals(settings: Settings) -> None:
    daemon = Daemon(settings, lambda: settings)
    schedule = daemon.components.schedule
    ran = asyncio.Event()

    async def note() -> None:
        ran.set()

    schedule.every(60, note, name="any", first_within=0)
    await daemon.start()
    await ran.wait()
    missing = [name for name in ("maintenance", "numbers", "web configuration") if not schedule.has(name)]
    await daemon.stop()

    assert missing == []


async def test_a_daemon_that_grows_searches_little_of_what_it_holds_for_garbage(settings: Settings) -> None:
    daemon = Daemon(settings, lambda: settings, clock=ManualClock())
    await daemon.start()
    for _ in range(MOST_ROUNDS):  # garbage is searched once all is rendered
        if gc.isenabled():
            break
        await asyncio.sleep(0)

    held: list[list[list[object]]] = [[[] for _ in range(2_000)] for _ in range(100)]
    searched = len(gc.get_objects())
    await daemon.stop()

    assert len(held) == 100
    assert searched < 80_000


@pytest.mark.parametrize("rounds", [0, 1, 2, 3, 5, 8, 13, 21, 34, 55])
async def test_a_start_that_is_interrupted_leaves_nothing_running(settings: Settings, rounds: int) -> None:
    daemon = Daemon(settings, lambda: settings, clock=ManualClock())
    starting = asyncio.create_task(daemon.start())
    for _ in range(rounds):
        await asyncio.sleep(0)

    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    await daemon.stop()

    await assert_nothing_is_left(settings)


async def test_each_part_stops_though_another_one_cannot(settings: Settings) -> None:
    async def fail() -> None:
        raise RuntimeError("cannot be stopped")

    daemon = Daemon(settings, lambda: settings, clock=ManualClock())
    daemon.components.sources.stop, stop = fail, daemon.components.sources.stop  # type: ignore[method-assign]  # a part with a defect
    await daemon.start()

    with pytest.raises(RuntimeError, match="cannot be stopped"):
        await daemon.stop()
    await stop()

    await assert_nothing_is_left(settings)


async def test_a_companion_writes_until_the_daemon_stops(settings: Settings) -> None:
    written = asyncio.Event()

    async def companion(log: EventLog, _page: str) -> None:
        await log.append([deployment(id="from the companion")])
        written.set()
        await asyncio.Future()

    daemon = Daemon(settings, lambda: settings, companion=companion, clock=ManualClock())
    await daemon.start()
    await written.wait()
    assert "from the companion" in daemon.components.store.deployments

    await daemon.stop()

    await assert_nothing_is_left(settings)


async def test_a_reload_waits_for_the_start(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="dora_exporter"):
        daemon = Daemon(settings, lambda: settings, clock=ManualClock())
        daemon.reload_soon()
        assert caplog.messages == ["reload ignored reason=the daemon is starting"]
        await daemon.start()
        daemon.reload_soon()
        for _ in range(MOST_ROUNDS):
            if "configuration reloaded" in caplog.messages:
                break
            await asyncio.sleep(0)
        else:
            pytest.fail("no reload")
    await daemon.stop()


async def test_what_is_kept_is_served_once_it_is_read(settings: Settings) -> None:
    kept = deployment(id="kept", finished_at=NOW_MS)
    settings.snapshot.path.write_bytes(header_line() + encode(kept))
    daemon = Daemon(settings, lambda: settings, clock=ManualClock())

    await daemon.start()

    host, port = daemon.addresses[0]
    async with (
        aiohttp.ClientSession(base_url=f"http://{host}:{port}") as session,
        session.get("/-/ready") as ready,
        session.get("/metrics") as metrics,
    ):
        assert ready.status == 200
        assert 'dora_deployments{environment="production",service="checkout",window="7d"} 1' in await metrics.text()
    assert daemon.components.startup.replay_seconds is not None
    await daemon.stop()


async def test_a_scrape_right_after_a_reload_tells_how_it_went(settings: Settings) -> None:
    def load() -> Settings:
        raise ConfigError(())

    daemon = Daemon(settings, load, clock=ManualClock())
    await daemon.start()
    host, port = daemon.addresses[0]
    async with aiohttp.ClientSession(f"http://{host}:{port}") as session:

        async def is_good() -> bool:
            async with session.get("/metrics") as answer:
                return "dora_exporter_config_last_reload_successful 1.0" in await answer.text()

        before = await is_good()
        daemon.reload_soon()
        await next(task for task in others() if task.get_name() == "reload")
        after = await is_good()
    await daemon.stop()

    assert (before, after) == (True, False)
