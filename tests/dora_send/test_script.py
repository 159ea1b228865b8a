"""A script runs as it would without us, and what becomes of it is reported."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.dora_send import faulty
from tests.dora_send.faulty import front
from tests.dora_send.sending import SECONDS, environment, last, send
from tests.e2e.daemon import RunningDaemon


@pytest.fixture
def interruptible() -> Iterator[None]:
    """What runs in the background ignores SIGINT, and below nohup SIGHUP; so would its children."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler), signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGINT, former[0])
    signal.signal(signal.SIGHUP, former[1])


def started(folder: Path, url: str, service: str, script: str) -> subprocess.Popen[str]:
    """The running command, when its script has said so."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "dora_send",
            "deployment",
            f"--service={service}",
            f"--url={url}",
            "--",
            "sh",
            "-c",
            script,
        ],
        cwd=folder,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "running\n"
    return process


@pytest.mark.parametrize(
    ("script", "code"),
    [("exit 0", 0), ("exit 3", 3), ("exit 75", 75), ("kill -KILL $$", 137), ("kill -TERM $$", 143)],
)
def test_the_exit_code_is_passed_through(
    daemon: RunningDaemon, folder: Path, service: str, script: str, code: int
) -> None:
    typed = ("deployment", f"--service={service}", f"--url={daemon.url}", "--", "sh", "-c", script)

    ended = send(*typed, folder=folder)

    *before, recorded = ended.errors.splitlines()
    assert ended.code == code
    assert before == ([f"dora-send: sh was killed by SIG{script.split()[1][1:]}"] if code > 128 else [])
    assert recorded.startswith(f"dora-send: recorded the deployment of {service}, id ")
    assert last(daemon, service)["service"] == service


def test_input_and_output_belong_to_the_script(daemon: RunningDaemon, folder: Path, service: str) -> None:
    process = started(folder, daemon.url, service, 'echo running; read line; echo "$line" "$0" "$@"; echo bad >&2')

    output, errors = process.communicate("typed\n", timeout=SECONDS)

    assert output == "typed sh\n"
    assert errors.startswith("bad\ndora-send: recorded ")


def test_it_began_when_the_script_began(daemon: RunningDaemon, folder: Path, service: str) -> None:
    send("deployment", f"--service={service}", f"--url={daemon.url}", "--", "sleep", "0.2", folder=folder)

    assert 0.2 <= last(daemon, service)["duration"] < SECONDS


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_script_is_told_to_end_when_the_pipeline_is(
    daemon: RunningDaemon, folder: Path, service: str, number: signal.Signals
) -> None:
    script = "trap 'echo told; exit 9' TERM INT HUP; echo running; while :; do sleep 0.05; done"
    process = started(folder, daemon.url, service, script)

    process.send_signal(number)
    output, errors = process.communicate(timeout=SECONDS)

    assert (process.returncode, output) == (9, "told\n")
    assert "recorded the deployment" in errors


class Heard:
    """A server that takes down what it is told."""

    def __init__(self) -> None:
        """Nothing was told yet."""
        self.attributes: dict[str, object] = {}

    def take(self, client: socket.socket, _port: int) -> None:
        """Answers one request as the daemon does."""
        self.attributes = json.loads(faulty.request(client).partition(b"\r\n\r\n")[2])["data"]["attributes"]
        client.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n{"data": {"id": "x"}}')


@pytest.mark.parametrize(
    ("script", "outcome"), [("exit 0", "succeeded"), ("exit 3", "failed"), ("kill -KILL $$", "failed")]
)
def test_the_outcome_is_reported(folder: Path, script: str, outcome: str) -> None:
    heard = Heard()
    with front(1, [heard.take]) as url:
        send("deployment", "--service=x", f"--url={url}", "--", "sh", "-c", script, folder=folder)

    assert heard.attributes["outcome"] == outcome


@pytest.mark.parametrize(("ending", "outcome"), [("exec false", "canceled"), ("exit 0", "succeeded")])
def test_a_pipeline_that_is_cancelled_cancels_the_deployment(folder: Path, ending: str, outcome: str) -> None:
    heard = Heard()
    with front(1, [heard.take]) as url:
        script = f"trap '{ending}' TERM; echo running; while :; do sleep 0.05; done"
        process = started(folder, url, "x", script)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=SECONDS)

    assert heard.attributes["outcome"] == outcome


def test_a_script_that_fails_is_an_attempt_and_no_deployment(daemon: RunningDaemon, folder: Path, service: str) -> None:
    typed = ("deployment", f"--service={service}", "--env=production", f"--url={daemon.url}", "--", "sh", "-c")
    for script in ("exit 1", "exit 0", "exit 2"):
        send(*typed, script, folder=folder)

    labels = {"service": service, "environment": "production", "window": "7d"}
    assert daemon.sample("dora_deployment_attempts", outcome="failed", **labels) == 2
    assert daemon.sample("dora_deployments", **labels) == 1


def test_an_outcome_can_be_told(folder: Path) -> None:
    heard = Heard()
    with front(1, [heard.take]) as url:
        send("deployment", "--service=x", f"--url={url}", "--outcome=failed", folder=folder)

    assert heard.attributes["outcome"] == "failed"


@pytest.mark.parametrize(("script", "code"), [("./none.sh", 127), (".", 126)])
def test_a_script_that_cannot_be_run_is_no_deployment(folder: Path, script: str, code: int) -> None:
    ended = send("deployment", "--service=x", "--url=http://127.0.0.1:1", "--", script, folder=folder)

    assert (ended.code, ended.errors.count("\n")) == (code, 1)
    assert f"cannot run {script}: " in ended.errors


def test_what_follows_the_two_dashes_is_the_scripts_own(daemon: RunningDaemon, folder: Path, service: str) -> None:
    typed = ("deployment", f"--service={service}", f"--url={daemon.url}", "--", "echo", "--soft", "--", "--service=y")

    assert send(*typed, folder=folder).output == "--soft -- --service=y\n"
