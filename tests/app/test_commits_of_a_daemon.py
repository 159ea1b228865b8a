"""What a daemon counts of the commits of a mirrored repository, from one life to the next."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from tests.app.telemetry.test_values_of_a_daemon import Site
from tests.builders import DAY_MS, HOUR_MS, NOW_MS, ManualClock
from tests.commits.histories import Made, build, git, linear

from dora_exporter.app.daemon import Daemon
from dora_exporter.app.settings import Settings

NAME = "git.example/shop/checkout"


@dataclass
class Home:
    """What is left of a daemon that ended, and the repository that it mirrors."""

    folder: Path

    @asynccontextmanager
    async def living(self) -> AsyncIterator["LookingSite"]:
        """A daemon."""
        settings = Settings.model_validate(
            {
                "snapshot": {"path": self.folder / "snapshot", "durability": "written"},
                "web": {"listen_addresses": ["127.0.0.1:0"]},
                "repositories": {"shop": {"url": f"file://{self.folder}/upstream", "aliases": [f"https://{NAME}"]}},
                "services": {"checkout": {"source_patterns": ["none"]}},
            }
        )
        daemon = Daemon(settings, lambda: settings, clock=ManualClock())
        await daemon.start()
        host, port = daemon.addresses[0]
        try:
            async with aiohttp.ClientSession(base_url=f"http://{host}:{port}") as session:
                yield LookingSite(session, daemon)
        finally:
            await daemon.stop()
            gc.unfreeze()


class LookingSite(Site):
    """A running daemon, which finds out about commits when it is told to."""

    def __init__(self, session: aiohttp.ClientSession, daemon: Daemon) -> None:
        super().__init__(session)
        self._daemon = daemon

    async def find_commits(self) -> None:
        """All that can be known."""
        resolver = self._daemon.components.commits._resolver
        assert resolver is not None
        await resolver.work()


async def test_commits_of_other_folders_are_counted_once_though_an_earlier_deployment_of_them_is_seen_late(
    tmp_path: Path,
) -> None:
    shas = build(tmp_path / "local", [*linear(5), Made(parents=(3,))])
    build(tmp_path / "upstream", linear(5))
    home = Home(tmp_path)
    listed = [{"sha": "f" * 40, "timestamp": NOW_MS - 9 * DAY_MS}]
    async with home.living() as site:
        for hour, place, commits in ((4, 0, None), (3, 5, listed), (2, 1, listed), (1, 4, None)):
            finished_at = NOW_MS - hour * HOUR_MS
            await site.send(
                "deployment",
                service="checkout",
                env="prod",
                started_at=finished_at - 1,
                finished_at=finished_at,
                git={"commit_sha": shas[place], "repository_url": f"https://{NAME}"},
                **({"commits": commits} if commits else {}),
            )
        await site.find_commits()
        assert (await site.values("dora_exporter_commits_left_out"))["path",] == 3

    git(tmp_path / "upstream", "fetch", "--quiet", str(tmp_path / "local"), f"{shas[5]}:refs/heads/late")

    async with home.living() as site:
        await site.find_commits()
        assert (await site.values("dora_exporter_commits_left_out"))["path",] == 1
