"""A running daemon reads its configuration again: new settings take effect, and bad ones leave the old in use."""

import json
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tests.e2e.daemon import REQUEST_SECONDS, Answer, Daemon, RunningDaemon, event_body

from dora_exporter.runtime.clock import stopwatch, system_clock

DEPLOYMENT = "/api/v2/dora/deployment"
RELOADED = "dora_exporter_config_last_reload_successful"


SETTINGS = {"api_keys": ["old"], "windows": ["7d"], "default_environment": "before"}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningDaemon]:
    """One with a key and a window, that also takes a reload over HTTP."""
    with Daemon(tmp_path, SETTINGS, flags=("--web.enable-lifecycle",)).running() as alive:
        yield alive


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, RunningDaemon]]:
    """The same for tests that change nothing in the running daemon, and its configuration."""
    folder = tmp_path_factory.mktemp("locked")
    with Daemon(folder, SETTINGS).running() as alive:
        yield folder / "config.yaml", alive


def write(folder: Path, settings: Mapping[str, object]) -> None:
    (folder / "config.yaml").write_text(json.dumps(settings))


def hang_up(running: RunningDaemon, said: str) -> None:
    running.process.signal(signal.SIGHUP)
    running.process.wait_for_log(said)


def deploy(running: RunningDaemon, **headers: str) -> Answer:
    now = system_clock() // 1000
    body = event_body(service="shop", started_at=now - 60, finished_at=now - 30)
    return running.request("POST", DEPLOYMENT, body, headers)


def was_reloaded(running: RunningDaemon, wanted: int) -> bool:
    """What the daemon says of itself is collected once a second."""
    end = stopwatch() + REQUEST_SECONDS
    while running.sample(RELOADED) != wanted and stopwatch() < end:
        pass
    return running.sample(RELOADED) == wanted


def test_new_settings_take_effect_at_a_hang_up(tmp_path: Path, running: RunningDaemon) -> None:
    assert deploy(running, **{"DD-API-KEY": "old"}).status == 200
    assert running.sample("dora_deployments", service="shop", environment="before", window="1d") is None

    (tmp_path / "reader").write_text("\ufeffreader\n", encoding="utf-8")
    write(
        tmp_path,
        {
            "api_keys": ["new"],
            "read_keys_file": "reader",
            "windows": ["1d", "30d"],
            "default_environment": "after",
            "services": {"shop": {"team": "web"}},
            "levels": {"edition": "2021"},
            "sources": {"alerts": {"kind": "alertmanager"}},
            "log": {"format": "json"},
        },
    )
    hang_up(running, "configuration reloaded")

    assert deploy(running, **{"DD-API-KEY": "old"}).status == 403
    assert deploy(running, **{"DD-API-KEY": "reader"}).status == 403
    assert deploy(running, **{"DD-API-KEY": "new"}).status == 200
    assert running.get("/api/v1/validate", **{"DD-API-KEY": "reader"}).status == 200
    assert running.sample("dora_deployments", service="shop", environment="before", window="7d") is None
    assert running.sample("dora_deployments", service="shop", environment="before", window="1d") == 1
    assert running.sample("dora_deployments", service="shop", environment="after", window="30d") == 1
    assert running.sample("dora_team_deployments", team="web", environment="after", window="1d") == 1
    assert running.sample("dora_exporter_source_up", source="alerts") is None
    assert b"alerts" in running.get("/sources").body
    assert was_reloaded(running, 1)
    said = next(line for line in running.process.log if "configuration reloaded" in line)
    assert json.loads(said)["msg"] == "configuration reloaded"


def test_new_settings_take_effect_at_a_request(tmp_path: Path, running: RunningDaemon) -> None:
    write(tmp_path, {"api_keys": ["new"], "retention": "40d", "windows": ["30d"]})

    assert running.request("POST", "/-/reload").status == 200

    now = system_clock() // 1000
    body = event_body(service="shop", started_at=now - 50 * 86_400, finished_at=now - 45 * 86_400)
    answer = running.request("POST", DEPLOYMENT, body, {"DD-API-KEY": "new"})
    assert (answer.status, "older than the retention" in answer.body.decode()) == (400, True)


def test_bad_settings_are_named_and_leave_the_old_in_use(tmp_path: Path, running: RunningDaemon) -> None:
    write(tmp_path, {"api_keys": ["new"], "windows": ["7 days"], "retentoin": "1d"})
    hang_up(running, r"configuration reload failed.*windows\[0\].*retentoin.*did you mean retention")

    answer = running.request("POST", "/-/reload")
    assert (answer.status, "retentoin: unknown key" in answer.body.decode()) == (500, True)
    assert was_reloaded(running, 0)
    assert deploy(running, **{"DD-API-KEY": "new"}).status == 403
    assert deploy(running, **{"DD-API-KEY": "old"}).status == 200
    assert running.sample("dora_deployments", service="shop", environment="before", window="7d") == 1

    write(tmp_path, {"api_keys": ["new"]})
    hang_up(running, "configuration reloaded")
    assert was_reloaded(running, 1)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty, but contained settings at startup"),
        (" \n# all gone\n", "is empty, but contained settings at startup"),
        ("windows: [7d]\n", "a reload does not remove the last key"),
        ("api_keys: []\nread_keys: []\n", "a reload does not remove the last key"),
        ('api_keys: [""]\n', "api_keys.0.: must not be empty"),
        ('{"api_keys": ["old"], "win', "is not YAML"),
        (None, "no such file"),
    ],
    ids=["empty", "comments", "without keys", "with empty lists", "an empty key", "cut off", "gone"],
)
def test_no_reload_takes_the_last_key_away(locked: tuple[Path, RunningDaemon], content: str | None, said: str) -> None:
    configuration, running = locked
    if content is None:
        configuration.unlink()
    else:
        configuration.write_text(content)

    hang_up(running, f"configuration reload failed.*{said}")

    assert deploy(running).status == 403
    assert deploy(running, **{"DD-API-KEY": "old"}).status == 200


def test_everybody_is_let_in_by_a_reload_that_says_so(tmp_path: Path, running: RunningDaemon) -> None:
    write(tmp_path, {"allow_anonymous": True})
    hang_up(running, "configuration reloaded")
    assert deploy(running).status == 200
