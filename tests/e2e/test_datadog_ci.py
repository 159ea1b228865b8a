"""Datadog's own command line, through TLS, as pipelines run it."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.command_line import KEY, SECONDS, CommandLine, command_line, daemon_behind_tls
from tests.e2e.daemon import RunningDaemon
from tests.e2e.programs import program

from dora_exporter.runtime.clock import stopwatch, system_clock

pytestmark = pytest.mark.e2e

SERIES = {"service": "checkout", "environment": "production"}


def git(folder: Path, *arguments: str) -> None:
    names = [f"GIT_{who}_{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")]
    environment = {**os.environ, **dict.fromkeys(names, "someone@example.test")}
    subprocess.run([program("git"), *arguments], cwd=folder, env=environment, check=True, timeout=SECONDS)


def wait_for(daemon: RunningDaemon, name: str, labels: dict[str, str]) -> float:
    """A sample's value as soon as there is one: Git is asked after the deployment is acknowledged."""
    deadline = stopwatch() + SECONDS
    while (value := daemon.sample(name, **labels)) is None:
        assert stopwatch() < deadline, daemon.process.text
    return value


@pytest.fixture
def datadog_ci(tmp_path: Path) -> Iterator[CommandLine]:
    """The command line, a daemon behind TLS, and a proxy that leads one to the other."""
    with command_line(daemon_behind_tls(tmp_path)) as running:
        yield running


def test_a_pipeline_reports_a_deployment(datadog_ci: CommandLine) -> None:
    finished_at = system_clock() // 1000 - 3600
    done = datadog_ci.run(
        *("dora", "deployment", "--service", "checkout", "--env", "production", "--version", "v1"),
        *("--team", "crew", "--custom-tags", "department:engineering"),
        *("--started-at", str(finished_at - 300), "--finished-at", str(finished_at)),
        *("--git-repository-url", "https://user:hunter2@git.example/shop/checkout.git"),
        *("--git-commit-sha", "a" * 40),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    described = {**SERIES, "team": "crew", "repository": "git.example/shop/checkout"}
    assert datadog_ci.daemon.sample("dora_last_deployment_timestamp_seconds", **SERIES) == finished_at
    assert datadog_ci.daemon.sample("dora_service_info", **described) == 1
    assert "hunter2" not in datadog_ci.daemon.process.text


def test_a_pipeline_uploads_its_git_metadata_and_gets_lead_times(datadog_ci: CommandLine) -> None:
    now = system_clock() // 1000
    git(datadog_ci.folder, "init", "--quiet", "--initial-branch=main")
    git(datadog_ci.folder, "remote", "add", "origin", "https://user:hunter2@git.example/shop/checkout.git")
    for authored_at, finished_at in ((now - 50_000, now - 40_000), (now - 30_000, now - 20_000)):
        (datadog_ci.folder / "code.py").write_text(f"print({authored_at})\n")
        git(datadog_ci.folder, "add", "code.py")
        git(datadog_ci.folder, "commit", "--quiet", "--message", "Change", f"--date={authored_at} +0000")
        upload = datadog_ci.run("git-metadata", "upload")
        assert upload.returncode == 0, upload.stdout + upload.stderr
        deployment = datadog_ci.run(
            *("dora", "deployment", "--service", "checkout", "--env", "production"),
            *("--started-at", str(finished_at - 60), "--finished-at", str(finished_at)),
        )
        assert deployment.returncode == 0, deployment.stdout + deployment.stderr
    lead_time = {**SERIES, "window": "30d", "statistic": "mean"}
    assert wait_for(datadog_ci.daemon, "dora_change_lead_time_seconds", lead_time) == 10_000
    assert "hunter2" not in datadog_ci.daemon.process.text


def test_a_pipeline_without_git_or_tags_reports_a_deployment(datadog_ci: CommandLine) -> None:
    started_at = system_clock() // 1000 - 60
    done = datadog_ci.run(
        *("dora", "deployment", "--service", "cart", "--started-at", str(started_at)),
        *("--skip-git", "--custom-tags", ""),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert datadog_ci.daemon.sample("dora_open_incidents", service="cart", environment="none") == 0


@pytest.mark.parametrize(
    ("facts", "key", "reason"),
    [
        (["--started-at", "1000000000", "--finished-at", "1000000001"], KEY, "finished_at"),
        (["--started-at", "1700000000", "--finished-at", "1700000001"], "wrong", "403"),
    ],
)
def test_a_pipeline_that_reports_nonsense_fails_at_once(
    datadog_ci: CommandLine, facts: list[str], key: str, reason: str
) -> None:
    done = datadog_ci.run("dora", "deployment", "--service", "cart", "--skip-git", *facts, key=key)
    assert done.returncode == 1
    assert reason in done.stdout + done.stderr
