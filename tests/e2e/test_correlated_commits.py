"""From a notification of Argo CD to a lead time: the real command line tells which commit an image was built from."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.commits.histories import Made, build
from tests.commits.servers import GitServer, listening
from tests.e2e.command_line import KEY, SECONDS, CommandLine, command_line, daemon_behind_tls
from tests.e2e.daemon import Daemon
from tests.sources.argocd_daemon import application
from tests.sources.argocd_notifications import notifications

from dora_exporter.runtime.clock import stopwatch, system_clock
from dora_exporter.runtime.timestamps import iso

pytestmark = pytest.mark.e2e

SOURCE = "https://user:hunter2@git.example/acme/shop.git"
CONFIGURATION = "https://git.example/acme/configuration.git"
NAME = "registry.example:5000/shop/checkout"
DIGEST = "sha256:" + "0a" * 32
ANNOTATIONS = {"dd_env": "production", "dd_service": "checkout"}
LEAD_TIME = {"service": "checkout", "environment": "production", "window": "30d", "statistic": "mean"}


@dataclass(frozen=True)
class Shop:
    """A service that Argo CD deploys, and its commits, each written an hour before it is deployed."""

    shas: list[str]
    begun_s: int

    def finished_s(self, number: int) -> int:
        return self.begun_s + number * 7200 + 3600

    def deploy(self, cli: CommandLine, number: int, image: str) -> None:
        """Argo CD notifies of a sync."""
        ended = iso(self.finished_s(number) * 1000)
        app = application(number, images=[image], annotations=ANNOTATIONS, startedAt=ended, finishedAt=ended)
        for each in notifications(app, key=KEY):
            assert cli.daemon.request("POST", each.path, each.body, each.headers).status == 202


def correlate_image(cli: CommandLine, image: str, sha: str) -> None:
    done = cli.run(
        *("deployment", "correlate-image", "--image", image, "--repository-url", SOURCE, "--commit-sha", sha),
        DD_APP_KEY=KEY,
        DD_BETA_COMMANDS_ENABLED="1",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ERROR" not in done.stderr


def correlate(cli: CommandLine, configuration_sha: str, sha: str) -> None:
    done = cli.run(
        *("deployment", "correlate", "--provider", "argocd"),
        *("--config-repo", CONFIGURATION, "--config-shas", configuration_sha),
        DD_BETA_COMMANDS_ENABLED="1",
        GITLAB_CI="true",
        CI_REPOSITORY_URL=SOURCE,
        CI_COMMIT_SHA=sha,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ERROR" not in done.stderr


def wait_for_lead_time(cli: CommandLine, mean: float) -> None:
    deadline = stopwatch() + SECONDS
    while cli.daemon.sample("dora_change_lead_time_seconds", **LEAD_TIME) != mean:
        assert stopwatch() < deadline, cli.daemon.process.text


def wait_for_uncorrelated(cli: CommandLine, wanted: int) -> None:
    """The daemon's own families are collected once a second at most."""
    deadline = stopwatch() + SECONDS
    while cli.daemon.sample("dora_exporter_deployments_without_commits", cause="uncorrelated") != wanted:
        assert stopwatch() < deadline, cli.daemon.process.text


async def test_commits_of_images_and_configurations_give_lead_times(tmp_path: Path) -> None:
    begun_s = system_clock() // 1000 - 86_400
    made = [Made(parents=(place - 1,) if place else (), authored_at=begun_s + place * 7200) for place in range(4)]
    shop = Shop(build(tmp_path / "served" / "shop.git", made), begun_s)
    async with listening(GitServer(tmp_path / "served").application()) as port:
        url = f"http://127.0.0.1:{port}/shop.git"
        daemon = daemon_behind_tls(tmp_path, {"repositories": {"shop": {"url": url, "aliases": [SOURCE]}}})
        await asyncio.to_thread(_play, daemon, shop)


def _play(daemon: Daemon, shop: Shop) -> None:
    with command_line(daemon) as cli:
        correlate_image(cli, f"{NAME}:v0", shop.shas[0])
        shop.deploy(cli, 0, f"{NAME}:v0")
        shop.deploy(cli, 1, f"{NAME}:v1@{DIGEST}")
        wait_for_uncorrelated(cli, 1)
        explained = cli.daemon.get(
            "/api/v1/explain?service=checkout&environment=production&metric=dora_change_lead_time_seconds&window=30d",
            **{"DD-API-KEY": KEY},
        )
        assert f"the image {NAME}:v1@{DIGEST} stands for no commit that was told" in explained.body.decode()

        correlate_image(cli, f"{NAME}@{DIGEST}", shop.shas[1])
        wait_for_lead_time(cli, 3600)
        wait_for_uncorrelated(cli, 0)
        correlate_image(cli, f"{NAME}:v2", shop.shas[2])
    with command_line(daemon) as cli:
        wait_for_lead_time(cli, 3600)
        shop.deploy(cli, 2, f"{NAME}:v2")
        shop.deploy(cli, 3, f"{NAME}:v3")
        correlate(cli, "3".rjust(40, "c"), shop.shas[3])
        wait_for_lead_time(cli, 3600)
        deadline = stopwatch() + SECONDS
        while cli.daemon.sample("dora_exporter_commits_held") != 3:
            assert stopwatch() < deadline, cli.daemon.process.text
        assert "hunter2" not in cli.daemon.process.text
