"""What a daemon shows about its data and itself, by value: events go in through its API, samples come out."""

import gc
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.builders import HOUR_MS, MINUTE_MS, NOW_MS, ManualClock

from dora_exporter.app.daemon import Daemon
from dora_exporter.app.settings import Settings
from dora_exporter.dora.events import DAY_MS

SHAS = tuple(digit * 40 for digit in "abc")
FINISHED_MS = NOW_MS - HOUR_MS
BEFORE_MS = FINISHED_MS - 10 * MINUTE_MS


class Site:
    """A running daemon and a client of it."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def send(self, path: str, **attributes: object) -> str:
        """The id of an event that is taken."""
        body = {"data": {"attributes": attributes}}
        async with self._session.post(f"/api/v2/dora/{path}", json=body) as answer:
            assert answer.status == 200, await answer.text()
            event_id: str = (await answer.json())["data"]["id"]
            return event_id

    async def delete(self, path: str) -> None:
        async with self._session.delete(f"/api/v2/dora/{path}") as answer:
            assert answer.status == 202

    async def values(self, name: str) -> dict[tuple[str, ...], float]:
        """The samples of a family, by the values of their labels in the order of the labels' names."""
        async with self._session.get("/metrics") as answer:
            text = await answer.text()
        return {
            tuple(value for _, value in sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name
        }


def deployment(**attributes: object) -> Mapping[str, Any]:
    return {
        "service": "checkout",
        "env": "prod",
        "started_at": BEFORE_MS,
        "finished_at": FINISHED_MS,
        "version": "1",
        **attributes,
    }


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """One with two labels of its own for series, and as many for teams."""
    settings = Settings.model_validate(
        {
            "snapshot": {"path": tmp_path / "snapshot", "durability": "written"},
            "web": {"listen_addresses": ["127.0.0.1:0"]},
            "windows": ["7d"],
            "limits": {"series": 2},
        }
    )
    daemon = Daemon(settings, lambda: settings, clock=ManualClock())
    await daemon.start()
    host, port = daemon.addresses[0]
    async with aiohttp.ClientSession(base_url=f"http://{host}:{port}") as session:
        yield Site(session)
    await daemon.stop()
    gc.unfreeze()


async def test_commits_too_far_ahead_are_counted_while_their_deployment_is_held(site: Site) -> None:
    limit_ms = FINISHED_MS + 5 * MINUTE_MS
    commits = [
        {"sha": sha, "timestamp": limit_ms + ahead_ms} for sha, ahead_ms in zip(SHAS, (0, 1, DAY_MS), strict=True)
    ]
    assert await site.values("dora_exporter_lead_time_commits_dropped") == {("negative",): 0}

    event_id = await site.send("deployment", **deployment(commits=commits))

    assert await site.values("dora_exporter_lead_time_commits_dropped") == {("negative",): 2}
    assert await site.values("dora_lead_time_commits") == {("prod", "checkout", "7d"): 1}
    assert (await site.values("dora_change_lead_time_seconds"))["prod", "checkout", "median", "7d"] == 0

    await site.delete(f"deployment/{event_id}")

    assert await site.values("dora_exporter_lead_time_commits_dropped") == {("negative",): 0}


async def test_first_and_last_moments_are_those_of_the_events(site: Site) -> None:
    await site.send("deployment", **deployment())
    await site.send("deployment", **deployment(finished_at=FINISHED_MS + 1500))
    ended = {"finished_at": NOW_MS - 250, "services": ["checkout"], "env": "prod"}
    await site.send("failure", started_at=FINISHED_MS - 250, **ended)

    series = ("prod", "checkout")
    assert await site.values("dora_first_event_timestamp_seconds") == {series: (FINISHED_MS - 250) / 1000}
    assert await site.values("dora_last_deployment_timestamp_seconds") == {series: (FINISHED_MS + 1500) / 1000}
    assert await site.values("dora_last_event_timestamp_seconds") == {(*series, "api"): (NOW_MS - 250) / 1000}


async def test_deployments_without_version_and_commit_are_unidentified(site: Site) -> None:
    await site.send("deployment", **deployment(version=None))
    await site.send("deployment", **deployment(version="", finished_at=NOW_MS))
    await site.send("deployment", **deployment())

    assert await site.values("dora_unidentified_deployments") == {("prod", "checkout", "7d"): 2}


async def test_levels_stand_beside_their_limits(site: Site) -> None:
    await site.send("deployment", **deployment(commits=[{"sha": SHAS[0], "timestamp": FINISHED_MS - 10 * DAY_MS}]))
    await site.send("deployment", **deployment(finished_at=NOW_MS, version="2"))
    await site.send("failure", started_at=NOW_MS, services=["checkout"], env="prod")

    assert await site.values("dora_performance_level") == {
        ("prod", "change_failure_rate", "checkout", "7d"): 1,
        ("prod", "change_lead_time", "checkout", "7d"): 2,
        ("prod", "deployment_frequency", "checkout", "7d"): 3,
    }
    limits = await site.values("dora_performance_level_threshold")
    assert len(limits) == 16
    assert limits["2024", "medium", "change_lead_time"] == 30 * DAY_MS / 1000
    assert limits["2024", "high", "deployment_frequency"] == 1 / 7


async def test_the_tier_of_each_environment_with_a_name_of_its_own_is_told(site: Site) -> None:
    """The third series is folded, and what is in _other is in no tier."""
    for environment in ("EU-Live", "pre-prod", "blue"):
        await site.send("deployment", **deployment(env=environment))

    assert await site.values("dora_environment_info") == {("EU-Live", "production"): 1, ("pre-prod", "staging"): 1}


async def test_series_and_teams_are_counted_and_the_last_to_appear_are_folded(site: Site) -> None:
    for number, name in enumerate("edcba"):
        event_id = await site.send("deployment", **deployment(service=name, team=f"team-{name}", version=str(number)))

    counts = {"series": 5, "series_folded": 3, "teams": 5, "teams_folded": 3, "series_limit": 2}
    for name, count in counts.items():
        assert await site.values(f"dora_exporter_{name}") == {(): count}
    assert await site.values("dora_team_deployments") == {
        ("prod", "team-e", "7d"): 1,
        ("prod", "team-d", "7d"): 1,
        ("_other", "_other", "7d"): 3,
    }

    await site.delete(f"deployment/{event_id}")

    assert await site.values("dora_exporter_teams_folded") == {(): 2}
    assert (await site.values("dora_team_deployments"))["_other", "_other", "7d"] == 2


async def test_what_an_event_changes_is_in_the_next_scrape(site: Site) -> None:
    """Families are kept between scrapes, and those that an event cannot change are not collected after it."""
    git = {"commit_sha": SHAS[0], "repository_url": "https://git.example/shop"}
    [size] = (await site.values("dora_exporter_snapshot_size_bytes")).values()
    await site.send("deployment", **deployment(env="blue", git=git, typo=True))

    assert (await site.values("dora_exporter_events_total"))["deployment", "created", "api"] == 1
    assert await site.values("dora_exporter_events_held") == {("deployment",): 1, ("incident",): 0}
    assert await site.values("dora_exporter_unknown_attributes_total") == {("typo",): 1}
    assert await site.values("dora_exporter_series") == {(): 1}
    assert (await site.values("dora_exporter_deployments_without_commits"))["no_repository",] == 1
    assert await site.values("dora_environment_info") == {("blue", "other"): 1}
    [later_size] = (await site.values("dora_exporter_snapshot_size_bytes")).values()
    assert later_size > size

    await site.send("deployment", **deployment(env="blue", git=git, typo=True))
    assert (await site.values("dora_exporter_events_total"))["deployment", "unchanged", "api"] == 1
    assert await site.values("dora_exporter_unknown_attributes_total") == {("typo",): 2}


async def test_an_event_that_moves_back_takes_the_tier_of_its_environment_along(site: Site) -> None:
    for environment in ("blue", "green", "blue"):
        await site.send("deployment", **deployment(id="moves-to-and-fro-1", env=environment))
        assert await site.values("dora_environment_info") == {(environment, "other"): 1}
