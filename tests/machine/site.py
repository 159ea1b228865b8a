"""One daemon after another on one snapshot file, with the upstreams that it asks, over real sockets."""

import asyncio
import gc
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.test_utils import TestServer
from tests.builders import ManualClock
from tests.machine import saying
from tests.machine.facts import Suffered, Terms
from tests.machine.faults import Faults
from tests.machine.forge import MachineForge
from tests.machine.gauges import Sample
from tests.machine.graph import Shipment
from tests.machine.upstream_git import UpstreamGit
from tests.sources.fake_datadog import FakeDatadog
from tests.sources.fake_pagerduty import FakePagerDuty

from dora_exporter.app.daemon import Daemon
from dora_exporter.app.settings import Settings
from dora_exporter.dora.repository_parts import parts_of
from dora_exporter.runtime.clock import stopwatch

QUICK_SECONDS = 0.4
"""Within this a scrape shows the numbers of its moment; the daemon gives up after half a second."""
SOURCES = ("apm", "builds")
ALERTS = "alerts"
GROUPS = "groups"
TOOL = "tool"
ARGO = "argo"
FLUX = "flux"
TOLD = {
    "id": "id",
    "started_at": "began",
    "finished_at": "ended",
    "changed_at": "changed",
    "services": "services",
    "environment": "environment",
    "team": "team",
    "delete": "deleted",
}
"""Where the fields of an incident are in what the tool posts."""
PAGED: Mapping[str, tuple[str, str, str | None]] = {
    "PCART": ("cart", "production", None),
    "PSTAGE": ("cart", "staging", "guild"),
    "PSEARCH": ("search", "production", "squad"),
}
"""What PagerDuty's services are here: service, environment and team."""
OF_THE_DAEMON = (
    "dora_exporter_",
    "dora_environment_info",
    "dora_performance_level_threshold",
    "dora_team_performance_level_threshold",
)
OF_THE_EVENTS = (
    "dora_exporter_broken_series",
    "dora_exporter_commits_held",
    "dora_exporter_commits_left_out",
    "dora_exporter_events_held",
    "dora_exporter_lead_time_commits_dropped",
    "dora_exporter_series",
    "dora_exporter_series_folded",
    "dora_exporter_teams",
    "dora_exporter_teams_folded",
)
"""What the daemon tells of itself and what follows from the events alone."""


@dataclass(frozen=True)
class Reply:
    """The answer to a request."""

    status: int
    body: Any

    @property
    def is_taken(self) -> bool:
        """Whether the request had its effect."""
        return self.status in {HTTPStatus.OK, HTTPStatus.ACCEPTED}


class Site:
    """The daemon is built as ``serve`` builds it; only the clock is ours."""

    def __init__(self, folder: Path, terms: Terms, *, with_git: bool) -> None:
        """Starts nothing."""
        self.clock = ManualClock()
        self.steady_ms = 0
        self.faults = Faults()
        self.terms = terms
        self._written = terms
        self.upstreams = {name: FakeDatadog() for name in SOURCES}
        self.forge = MachineForge()
        self._forge_server = TestServer(self.forge.application())
        self.pagerduty = FakePagerDuty(self.clock, is_still=True)
        self.latest_page_ms = 0
        self.latest_alert_ms = 0
        self.watched: dict[str, tuple[int, int]] = {}
        self.latest_group_ms = 0
        self.latest_post_ms = 0
        self.latest_sync_ms = 0
        self.syncs: dict[str, list[Any]] = {}
        self.posted: dict[int, Suffered] = {}
        self.posts: dict[int, list[dict[str, object]]] = {}
        self.alerts_fired = 0
        self.firing: dict[str, dict[str, tuple[int, dict[str, str]]]] = {}
        self._folder = folder
        self._lives = 0
        self._with_git = with_git
        self.git = UpstreamGit(folder)
        self._servers: dict[str, TestServer] = {}

    async def open(self) -> None:
        """Starts the upstreams and a daemon on an empty folder."""
        applications = {name: each.application() for name, each in self.upstreams.items()}
        for name, application in {**applications, "pd": self.pagerduty.application()}.items():
            self._servers[name] = TestServer(application)
            await self._servers[name].start_server()
        await self._forge_server.start_server()
        if self._with_git:
            self.git.open()
        await self._start()

    async def close(self) -> None:
        """Ends all of it."""
        await self._stop()
        for server in (*self._servers.values(), self._forge_server):
            await server.close()

    async def restart(self) -> None:
        """The daemon ends as it is told to, and another one begins."""
        await self._stop()
        await self._start()

    async def crash(self, torn: bytes = b"") -> None:
        """The daemon is gone from one moment to the next, perhaps within a write, and another one begins."""
        before = self._state
        self._lives += 1
        shutil.copytree(before, self._state)
        with (self._state / "snapshot").open("ab") as file:
            file.write(torn)
        self._lives -= 1
        await self._stop()
        self._lives += 1
        await self._start()

    async def compact(self) -> None:
        """Has what is too old dropped and the file rewritten, as maintenance does once a day."""
        self._daemon.components.storage.log._last_try_ms = 0  # type: ignore[attr-defined]
        await self._daemon.regular_work.maintain()

    async def checkpoint(self) -> None:
        """Has the next start prepared, as maintenance does from time to time."""
        storage = self._daemon.components.storage
        await storage._checkpoints.make(storage.log.statistics())  # type: ignore[attr-defined]

    async def reload(self, terms: Terms) -> None:
        """Puts other settings into effect in the running daemon, but for those that wait for the next start."""
        self._written = terms
        now = self.terms
        self.terms = replace(terms, excluded_authors=now.excluded_authors, resolve_for_ms=now.resolve_for_ms)
        reply = await self.ask("POST", "/-/reload")
        assert reply.status == HTTPStatus.OK, reply

    def pass_time(self, ms: int) -> None:
        """Time passes, by every clock."""
        self.clock.advance(ms)
        self.steady_ms += ms

    async def poll(self, source: str) -> None:
        """Has a source asked."""
        job = self._daemon.components.schedule._scheduler.get_job(f"source {source}")
        await job.args[1]()

    def withdraw(self, id_: str) -> None:
        """An upstream lists a deployment no longer."""
        source, _, number = id_.partition(":")
        if source in self.upstreams:
            self.upstreams[source].rows.pop(number, None)
        elif source == "pd":
            self.pagerduty.rows.pop(number, None)
        elif source == TOOL:
            self.posted.pop(int(number), None)
            self.posts.pop(int(number), None)

    async def settle(self) -> None:
        """Waits until it is known what can be known of commits, and what met a fault has read the store again."""
        met = self.faults.met
        await self._settle()
        if self.faults.met > met:  # by what was found out of commits
            await self._settle()

    async def _settle(self) -> None:
        await self._daemon.components.store.observers.renew()
        correlator = self._daemon.components.commits._correlator
        if correlator is not None:
            await correlator.work()
        resolver = self._daemon.components.commits._resolver
        if self._with_git and resolver is not None:
            await resolver.work()
            await self._daemon.components.commits._pull_request_resolver.work()  # type: ignore[union-attr]

    async def ask(self, method: str, path: str, body: object = None, **query: str) -> Reply:
        """One request. The daemon may refuse it, but never fail."""
        async with self._session.request(method, path, json=body, params=query) as answer:
            text = await answer.text()
            assert answer.status < HTTPStatus.INTERNAL_SERVER_ERROR, (method, path, answer.status, text)
            is_json = answer.content_type.endswith("json")
            return Reply(answer.status, await answer.json() if is_json else text)

    async def bulk(self, lines: list[dict[str, object]]) -> Reply:
        """Many events at once."""
        body = "".join(f"{json.dumps(each)}\n" for each in lines)
        async with self._session.post("/api/v1/events", data=body) as answer:
            return Reply(answer.status, await answer.json())

    async def post(self, path: str, form: aiohttp.FormData) -> None:
        """A form that is taken."""
        async with self._session.post(path, data=form) as answer:
            assert answer.status == HTTPStatus.OK, (path, answer.status, await answer.text())

    def shipment_of(self, id_: str, repository: str) -> Shipment | None:
        """What was found out of a deployment, if that is so yet."""
        for each in parts_of(self._daemon.components.store.deployments[id_].shipped):
            if each.repository == repository:
                commits, merges = (
                    frozenset(one.via or one.sha for one in some) for some in (each.commits, each.merges)
                )
                return Shipment(commits, merges, *(each.left_out.get(cause, 0) for cause in ("path", "partial", "cap")))
        return None

    async def scrape(self) -> dict[Sample, float]:
        """What ``/metrics`` shows of deployments and incidents.

        A scrape that takes long, as on a busy machine, may show what was whole before: it is asked for again.
        """
        while True:
            begun = stopwatch()
            reply = await self.ask("GET", "/metrics")
            assert reply.status == HTTPStatus.OK
            if stopwatch() - begun < QUICK_SECONDS:
                return dict(read(reply.body))

    async def _start(self) -> None:
        self._state.mkdir(exist_ok=True)
        self.terms = self._written
        self._daemon = Daemon(self._settings(), self._settings, clock=self.clock)
        self._daemon.components.storage._horizon._elapsed = lambda: self.steady_ms / 1000  # type: ignore[attr-defined]
        self._daemon.components.metrics._own.refresh_seconds = 0
        scheduler = self._daemon.components.schedule._scheduler
        scheduler.start = partial(scheduler.start, paused=True)  # only we say what happens when
        await self._daemon.start()
        self._have_requests_found_alone()
        host, port = self._daemon.addresses[0]
        self._session = aiohttp.ClientSession(base_url=f"http://{host}:{port}")

    def _have_requests_found_alone(self) -> None:
        """Whoever looks for pull requests waits for whoever does so already: only then all are known."""
        resolver = self._daemon.components.commits._pull_request_resolver
        if resolver is not None:
            work, turn = resolver.work, asyncio.Lock()

            async def alone() -> None:
                async with turn:
                    await work()

            resolver.work = alone  # type: ignore[method-assign]

    async def _stop(self) -> None:
        await self._session.close()
        await self._daemon.stop()
        gc.unfreeze()

    @property
    def _state(self) -> Path:
        return self._folder / f"life-{self._lives}"

    def _datadog(self, name: str) -> dict[str, object]:
        upstream = self.upstreams[name]
        return {"kind": "datadog_apm", "api_key": upstream.api_key, "app_key": upstream.app_key}

    def _forge(self) -> dict[str, object]:
        base_url = str(self._forge_server.make_url("")).rstrip("/")
        return {"kind": "github", "host": "git.example", "base_url": base_url, "token": self.forge.token}

    def _pagerduty(self) -> dict[str, object]:
        services = {
            id_: {"service": service, "environment": environment} | ({"team": team} if team else {})
            for id_, (service, environment, team) in PAGED.items()
        }
        return {"kind": "pagerduty", "token": self.pagerduty.token, "services": services}

    def _settings(self) -> Settings:
        sources = {
            name: {
                "base_url": str(server.make_url("")).rstrip("/"),
                "interval": "1d",
                "overlap": "500d",
                "backfill": "500d",
                **(self._pagerduty() if name == "pd" else self._datadog(name)),
            }
            for name, server in self._servers.items()
        }
        return Settings.model_validate(
            {
                "snapshot": {"path": self._state / "snapshot", "durability": "written"},
                "web": {"listen_addresses": ["127.0.0.1:0"], "enable_lifecycle": True},
                "sources": {
                    **sources,
                    ALERTS: {"kind": "alertmanager"} | saying.silence(self._written),
                    GROUPS: {"kind": "alertmanager", "group": True} | saying.silence(self._written),
                    TOOL: {"kind": "webhook", "incidents": TOLD},
                    ARGO: {"kind": "argocd"},
                    FLUX: {"kind": "flux"},
                },
                "repositories": self.git.settings() if self._with_git else {},
                "pull_requests": {"forge": self._forge()} if self._with_git else {},
                **saying.settings(self._written),
            }
        )


def read(text: str) -> Iterator[tuple[Sample, float]]:
    """The samples of an exposition whose label values need no escapes."""
    for line in text.splitlines():
        head, _, value = line.rpartition(" ")
        name, _, labels = head.partition("{")
        if name in OF_THE_EVENTS or (name.startswith("dora_") and not name.startswith(OF_THE_DAEMON)):
            pairs = (pair.partition('="') for pair in labels[:-2].split('",') if pair)
            yield (name, frozenset((key, text) for key, _, text in pairs)), float(value)


def brief(samples: Mapping[Sample, object]) -> str:
    """Samples in lines that a person can read."""
    return "\n".join(
        f"  {name}{dict(sorted(labels))}: {value}" for (name, labels), value in sorted(samples.items(), key=str)
    )
