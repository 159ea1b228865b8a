"""A daemon whose catalogue comes and goes with reloads: numbers follow, events stay as they were sent."""

import gc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from tests.builders import HOUR_MS, NOW_MS, ManualClock

from dora_exporter.app.daemon import Daemon
from dora_exporter.app.load_settings import load
from dora_exporter.app.settings import Settings

NAMES = {
    "services": {
        "checkout": {
            "aliases": ["till"],
            "team": "payments",
            "title": "The checkout",
            "links": {"runbook": "https://wiki.example/checkout"},
        },
        "scratch": {"aliases": ["tmp-*"], "ignore": True},
    },
    "environments": {"production": {"aliases": ["prod", "PROD"]}},
}


class Site:
    """A daemon, a client, and what the daemon reads at a reload."""

    def __init__(self, folder: Path) -> None:
        """Nothing is configured but where it listens."""
        self._folder = folder
        self.names: dict[str, object] = {}

    def settings(self) -> Settings:
        """The configuration as it is now."""
        said = {
            "snapshot": {"path": str(self._folder / "snapshot")},
            "web": {"listen_addresses": ["127.0.0.1:0"], "enable_lifecycle": True},
            **self.names,
        }
        file = self._folder / "config.yaml"
        file.write_text(yaml.safe_dump(said))
        return load(file=file, flags=[], variables={}, secrets_folder=None)

    async def start(self) -> None:
        """Starts the daemon."""
        self._daemon = Daemon(self.settings(), self.settings, clock=ManualClock())
        await self._daemon.start()
        host, port = self._daemon.addresses[0]
        self._session = aiohttp.ClientSession(base_url=f"http://{host}:{port}")

    async def stop(self) -> None:
        """Stops it."""
        await self._session.close()
        await self._daemon.stop()
        gc.unfreeze()

    async def reload(self, names: dict[str, Any]) -> None:
        """Has it read another catalogue."""
        self.names = names
        assert (await self.ask("POST", "/-/reload"))[0] == 200

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, str]:
        """A request."""
        async with self._session.request(method, path, json=body) as answer:
            return answer.status, await answer.text()

    async def json(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401  # what JSON holds
        """A request that succeeds."""
        async with self._session.request(method, path, json=body) as answer:
            assert answer.status in {200, 202}, await answer.text()
            return await answer.json()

    async def gauges(self) -> list[str]:
        """The lines of deployments and incidents."""
        _, text = await self.ask("GET", "/metrics")
        lines = [line for line in text.splitlines() if line.startswith("dora_")]
        return [line for line in lines if not line.startswith(("dora_exporter_", "dora_environment_info"))]

    async def found(self, query: str) -> list[tuple[str, str]]:
        """The deployments that a query finds, as they are shown."""
        asked = {"data": {"type": "dora_deployments_list_request", "attributes": {"query": query}}}
        answer = await self.json("POST", "/api/v2/dora/deployments", asked)
        return sorted((each["attributes"]["service"], each["attributes"]["env"]) for each in answer["data"])


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """Three deployments of one service under two names, one that is nobody's, and an incident."""
    site = Site(tmp_path)
    await site.start()
    try:
        await send(site)
        yield site
    finally:
        await site.stop()


async def send(site: Site) -> None:
    names = [("till", "prod"), ("checkout", "PROD"), ("till", "production"), ("tmp-1", "prod")]
    for hour, (service, environment) in enumerate(names):
        moment = NOW_MS - (10 - hour) * HOUR_MS
        said = {"id": f"deployment-{hour:05}", "service": service, "env": environment, "version": f"v{hour}"}
        times = {"started_at": moment, "finished_at": moment}
        await site.json("POST", "/api/v2/dora/deployment", {"data": {"attributes": said | times}})
    trouble = {
        "id": "incident-of-till",
        "services": ["till", "checkout"],
        "env": "prod",
        "started_at": NOW_MS - HOUR_MS,
    }
    await site.json("POST", "/api/v2/dora/failure", {"data": {"attributes": trouble}})


async def test_numbers_follow_a_reload_and_are_as_they_were_once_it_is_taken_back(site: Site) -> None:
    before = await site.gauges()
    assert any('service="till"' in line for line in before)

    await site.reload(NAMES)
    named = await site.gauges()
    labels = 'environment="production",service="checkout"'
    assert f'dora_deployments{{{labels},window="30d"}} 3.0' in named
    assert f"dora_open_incidents{{{labels}}} 1.0" in named
    assert 'dora_team_open_incidents{environment="production",team="payments"} 1.0' in named
    assert not any("till" in line or 'prod"' in line or "tmp-1" in line for line in named)

    await site.stop()
    await site.start()
    assert await site.gauges() == named

    await site.reload({})
    assert await site.gauges() == before


async def test_events_are_shown_as_they_were_sent_and_found_by_either_name(site: Site) -> None:
    await site.reload(NAMES)

    three = [("checkout", "PROD"), ("till", "prod"), ("till", "production")]
    assert await site.found("service:checkout") == three
    assert await site.found("service:till") == [("till", "prod"), ("till", "production")]
    assert await site.found("service:checkout env:production") == three
    assert await site.found("env:PROD") == [("checkout", "PROD")]
    assert await site.found("service:scratch") == [("tmp-1", "prod")]
    shown = (await site.json("GET", "/api/v2/dora/deployments/deployment-00000"))["data"]["attributes"]
    assert (shown["service"], shown["env"]) == ("till", "prod")


@pytest.mark.parametrize("service", ["till", "checkout"])
@pytest.mark.parametrize("environment", ["prod", "production"])
async def test_a_number_is_explained_by_either_name_and_says_the_other_ones(
    site: Site, service: str, environment: str
) -> None:
    await site.reload(NAMES)

    asked = f"service={service}&environment={environment}&metric=dora_deployments&window=30d"
    answer = await site.json("GET", f"/api/v1/explain?{asked}")
    assert (answer["service"], answer["environment"]) == ("checkout", "production")
    assert answer["known_as"] == [
        {"service": "till", "environment": "prod", "rules": ["services.checkout", "environments.production"]},
        {"service": "checkout", "environment": "PROD", "rules": ["environments.production"]},
        {"service": "till", "environment": "production", "rules": ["services.checkout"]},
        {"service": "checkout", "environment": "prod", "rules": ["environments.production"]},
    ]
    assert [each["service"] for each in answer["deployments"]] == ["till", "checkout", "till"]
    for path in ("/explain", "/series"):
        status, page = await site.ask("GET", f"{path}?service={service}&environment={environment}")
        assert status == 200
        assert "Known as <bdi>till</bdi> in <bdi>prod</bdi> (by services.checkout, environments.production)" in page
    assert '<a href="https://wiki.example/checkout" rel="noreferrer">Runbook</a>' in page
    assert "The checkout" in page


async def test_what_is_ignored_says_by_which_rule(site: Site) -> None:
    await site.reload(NAMES)

    asked = "service=tmp-1&environment=prod"
    status, answer = await site.ask("GET", f"/api/v1/explain?{asked}&metric=dora_deployments")
    assert status == 404
    assert "are ignored by services.scratch of the configuration" in answer
    for path in ("/explain", "/series"):
        status, page = await site.ask("GET", f"{path}?{asked}")
        assert (status, "These events are ignored by services.scratch" in page) == (404, True)


async def test_a_verdict_finds_the_version_of_a_service_by_either_name(site: Site) -> None:
    await site.reload(NAMES)

    for number, (service, environment) in enumerate([("checkout", "production"), ("till", "prod")]):
        said = {"service": service, "env": environment, "version": "v0", "change_failure": number == 0}
        body = {"data": {"type": "dora_deployment_patch_request", "attributes": said}}
        await site.json("PATCH", "/api/v2/dora/deployments", body)
        assert "dora_failed_deployments" in "".join(await site.gauges())


async def test_a_catalogue_that_contradicts_itself_leaves_the_one_in_force(site: Site) -> None:
    await site.reload(NAMES)
    named = await site.gauges()
    site.names = {"services": {"a": {"aliases": ["b"]}, "b": {"aliases": ["a"]}}}

    status, mistakes = await site.ask("POST", "/-/reload")
    assert (status, "is a cycle of names: a -> b -> a" in mistakes) == (500, True)
    assert await site.gauges() == named
