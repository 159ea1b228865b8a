"""What is told of images reaches whoever leads, and by it the deployments at every replica."""

import json
from pathlib import Path

import pytest
from tests.e2e.daemon import RunningDaemon
from tests.sources.argocd_daemon import application
from tests.storage.postgresql.cluster import Database
from tests.storage.postgresql.replicas import replicas
from tests.storage.postgresql.waiting import until

from dora_exporter.runtime.clock import system_clock
from dora_exporter.runtime.timestamps import iso

pytestmark = pytest.mark.e2e

NAME = "registry.example:5000/shop/checkout"


def deploy(daemon: RunningDaemon, number: int) -> None:
    ended = iso(system_clock() // 1000 * 1000 - (10 - number) * 3_600_000)
    app = application(number, images=[f"{NAME}:v{number}"], startedAt=ended, finishedAt=ended)
    headers = {"DD-CD-PROVIDER-ARGOCD": "true"}
    answer = daemon.request("POST", "/api/v2/webhook", json.dumps({"app": app}).encode(), headers)
    assert answer.status == 202, answer


def tell(daemon: RunningDaemon, number: int) -> None:
    attributes = {
        "image": f"{NAME}:v{number}",
        "commit_sha": str(number) * 40,
        "repository_url": "https://git.example/shop.git",
    }
    body = json.dumps({"data": {"attributes": attributes}}).encode()
    answer = daemon.request("POST", "/api/v2/ci/deployments/correlate-image", body)
    assert answer.status == 200, answer


def shas(daemon: RunningDaemon) -> list[str | None]:
    """The commits of all deployments, the oldest first."""
    body = json.dumps({"data": {"type": "dora_deployments_list_request", "attributes": {"sort": "started_at"}}})
    listed = daemon.request("POST", "/api/v2/dora/deployments", body.encode()).json()["data"]
    return [each["attributes"].get("git", {}).get("commit_sha") for each in listed]


def test_a_commit_that_a_follower_is_told_is_on_the_deployments_everywhere(database: Database, tmp_path: Path) -> None:
    with replicas(tmp_path, database, [database.url()] * 2) as both:
        follower, leader = both.followers()[0], both.leader()
        tell(follower.running, 1)
        deploy(leader.running, 1)
        deploy(follower.running, 2)
        tell(follower.running, 2)
        until(lambda: all(shas(each.running) == ["1" * 40, "2" * 40] for each in both))

        tell(follower.running, 3)
        leader.kill()
        deploy(follower.running, 3)
        until(lambda: shas(follower.running) == [str(number) * 40 for number in (1, 2, 3)])
