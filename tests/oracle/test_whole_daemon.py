"""The whole daemon, over HTTP and on its file, agrees with the oracle: whatever is sent, whenever it is stopped."""

import asyncio
import gc
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import aiohttp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families
from tests.builders import ManualClock
from tests.oracle.comparing import differences
from tests.oracle.daemons import NOT_IN_THE_ORACLE
from tests.oracle.gauges import TEAM_MARK, Sample, expected
from tests.strategies import HISTORIES, RETENTION_MS, TEAM_OF, WINDOWS, Action, ClockStep, actions, trees

from dora_exporter.app.daemon import Daemon
from dora_exporter.app.settings import Settings
from dora_exporter.dora.events import Deployment, Incident, Verdict
from dora_exporter.dora.groups import Groups
from dora_exporter.dora.records import Deletion

DIMENSIONS = ("customer", "tier")
VALUES_LIMIT = 2
TAKEN = {HTTPStatus.OK, HTTPStatus.ACCEPTED}
OF_THE_DAEMON = ("dora_exporter_", "dora_performance_level", "dora_team_performance_level", "process_", "python_")


@dataclass(frozen=True)
class Restart:
    """The daemon ends, and another one begins on its file."""


@dataclass
class Model:
    """What was acknowledged, kept in the plainest way."""

    deployments: dict[str, Deployment] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)
    series: dict[tuple[str, str], None] = field(default_factory=dict)

    def take(self, action: Action) -> None:
        """An action was answered with success."""
        match action:
            case Deployment():
                held = self.deployments.get(action.id)
                self.deployments[action.id] = replace(action, verdict=held.verdict) if held else action
                self.series.setdefault((action.service, action.environment))
                self._note_team(action)
            case Incident():
                self.incidents[action.id] = action
                self.series.update(dict.fromkeys((service, action.environment) for service in action.services))
                self._note_team(action)
            case Deletion():
                del (self.deployments if action.kind == "deployment" else self.incidents)[action.id]
            case ClockStep():
                pass
            case judgement:
                held = self.deployments[judgement.id]
                self.deployments[judgement.id] = replace(held, verdict=judgement.verdict)

    def _note_team(self, event: Deployment | Incident) -> None:
        if event.team is not None:
            self.series.setdefault((TEAM_MARK + event.team, event.environment))


class Site:
    """One daemon after another on one file, and a client."""

    def __init__(self, folder: Path, *, series_limit: int, teams: Mapping[str, str], groups: Groups) -> None:
        self.clock = ManualClock()
        self.model = Model()
        self.series_limit = series_limit
        self.teams = teams
        self.groups = groups
        self._settings = Settings.model_validate(
            {
                "snapshot": {"path": folder / "snapshot", "durability": "written"},
                "web": {"listen_addresses": ["127.0.0.1:0"]},
                "windows": [text for text, _ in WINDOWS],
                "retention": f"{RETENTION_MS // 86_400_000}d",
                "limits": {"series": series_limit, "values": VALUES_LIMIT},
                "failures": {"rules": []},
                "services": {service: {"team": team} for service, team in teams.items()},
                "groups": _settings_of(groups),
                "dimensions": DIMENSIONS,
            }
        )

    async def start(self) -> None:
        self._daemon = Daemon(self._settings, lambda: self._settings, clock=self.clock)
        await self._daemon.start()
        host, port = self._daemon.addresses[0]
        self._session = aiohttp.ClientSession(base_url=f"http://{host}:{port}")

    async def stop(self) -> None:
        await self._session.close()
        await self._daemon.stop()
        gc.unfreeze()

    async def perform(self, action: Action | Restart) -> None:
        if isinstance(action, Restart):
            await self.stop()
            await self.start()
        elif isinstance(action, ClockStep):
            self.clock.advance(action.ms)
        elif await self._send(action):
            self.model.take(action)

    async def samples(self) -> dict[Sample, float]:
        """A scrape."""
        async with self._session.get("/metrics") as answer:
            text = await answer.text()
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if not sample.name.startswith(OF_THE_DAEMON) and not sample.name.endswith(NOT_IN_THE_ORACLE)
        }

    def expected(self) -> dict[Sample, float]:
        """What it should show."""
        return expected(
            self.model.deployments.values(),
            self.model.incidents.values(),
            now_ms=self.clock(),
            windows=WINDOWS,
            retention_ms=RETENTION_MS,
            team_of=self.teams,
            groups=self.groups,
            dimensions=DIMENSIONS,
            values_limit=VALUES_LIMIT,
            series_limit=self.series_limit,
            series_order=self.model.series,
            rollback_rule=True,
            revert_rule=True,
        )

    async def _send(self, action: Action) -> bool:
        """Whether it was taken. What is refused must be too old, too far ahead, or not there."""
        method, path, attributes = _request(action)
        body = None if attributes is None else {"data": attributes}
        async with self._session.request(method, path, json=body) as answer:
            if answer.status not in TAKEN:
                assert answer.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND}, await answer.text()
            return answer.status in TAKEN


def _settings_of(groups: Groups) -> dict[str, object]:
    return {
        name: {
            "parent": parent,
            "services": [each for each, its in groups.of_services.items() if its == name],
            "teams": [each for each, its in groups.of_teams.items() if its == name],
        }
        for name, parent in groups.above.items()
    }


def _request(action: Action) -> tuple[str, str, dict[str, object] | None]:
    match action:
        case Deployment():
            return "POST", "/api/v2/dora/deployment", {"attributes": _deployment(action)}
        case Incident():
            return "POST", "/api/v2/dora/failure", {"attributes": _incident(action)}
        case Deletion(kind="deployment"):
            return "DELETE", f"/api/v2/dora/deployment/{action.id}", None
        case Deletion():
            return "DELETE", f"/api/v2/dora/failure/{action.id}", None
        case ClockStep():
            raise TypeError
        case judgement:
            said: dict[str, object] = {
                "id": judgement.id,
                "type": "dora_deployment_patch_request",
                "attributes": _verdict(judgement.verdict),
            }
            return "PATCH", f"/api/v2/dora/deployments/{judgement.id}", said


def _deployment(each: Deployment) -> dict[str, object]:
    said: dict[str, object] = {
        "id": each.id,
        "service": each.service,
        "env": each.environment,
        "started_at": each.started_at,
        "finished_at": each.finished_at,
        "version": each.version,
        "team": each.team,
        "custom_tags": list(each.tags) or None,
        "commits": [{"sha": commit.sha, "timestamp": commit.authored_at} for commit in each.commits or ()] or None,
    }
    if each.commit_sha and each.repository:
        said["git"] = {"commit_sha": each.commit_sha, "repository_url": f"https://{each.repository}"}
    return {name: value for name, value in said.items() if value is not None}


def _incident(each: Incident) -> dict[str, object]:
    said: dict[str, object] = {
        "id": each.id,
        "services": list(each.services) or None,
        "env": each.environment,
        "started_at": each.started_at,
        "finished_at": each.finished_at,
        "version": each.version,
        "team": each.team,
        "custom_tags": list(each.tags) or None,
    }
    return {name: value for name, value in said.items() if value is not None}


def _verdict(verdict: Verdict | None) -> dict[str, object]:
    if verdict is None:
        return {"change_failure": None}
    remedy = verdict.remediation
    said = remedy and {"type": remedy.type, "id": remedy.id, "version": remedy.version}
    kept = {name: value for name, value in said.items() if value is not None} if said else None
    return {"change_failure": verdict.change_failure, **({"remediation": kept} if kept else {})}


def _sendable(action: Action) -> Action:
    """An action without what only a source or the store knows, and with what can be sent."""
    match action:
        case Deployment():
            has_git = action.commit_sha is not None and action.repository is not None
            commits = tuple(replace(each, reverts=None) for each in action.commits or ()) or None
            git = {} if has_git else {"commit_sha": None, "repository": None}
            return replace(action, commits=commits, verdict=None, **git)
        case Incident():
            return replace(action, merged_into=None, commit_sha=None)
        case _:
            return action


@settings(max_examples=HISTORIES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    todo=st.lists(actions().map(_sendable) | st.builds(Restart), min_size=1, max_size=20),
    series_limit=st.sampled_from([1, 10]),
    teams=st.sampled_from([{}, TEAM_OF]),
    groups=trees,
)
def test_scrapes_agree_with_the_oracle_after_every_action(
    todo: list[Action | Restart], series_limit: int, teams: dict[str, str], groups: Groups
) -> None:
    async def live(folder: Path) -> None:
        site = Site(folder, series_limit=series_limit, teams=teams, groups=groups)
        await site.start()
        try:
            for action in todo:
                await site.perform(action)
                assert differences(await site.samples(), site.expected()) == {}
        finally:
            await site.stop()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(live(Path(folder)))
