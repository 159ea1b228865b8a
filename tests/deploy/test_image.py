"""The container image: built in two stages, not root, checked for health, at home on a read-only root."""

import json
import re
import sys
import tomllib

import pytest
from tests.deploy.manifests import DEPLOY, ROOT, check, run
from tests.e2e.daemon import RunningDaemon

FILE = DEPLOY / "Dockerfile"
TEXT = FILE.read_text(encoding="utf-8").replace("\\\n", " ")
LOCK = (DEPLOY / "requirements.lock").read_text(encoding="utf-8")
NOBODY = "65534:65534"


def instructions(name: str) -> list[str]:
    return re.findall(rf"^ *{name} +(.+)$", TEXT, re.MULTILINE)


def test_the_image_has_only_what_the_last_of_two_stages_needs() -> None:
    assert len(instructions("FROM")) == 2
    assert "--from=build /opt/dora-exporter /opt/dora-exporter" in instructions("COPY")


def test_the_image_can_be_a_replica_on_postgresql() -> None:
    assert "--require-hashes --requirement=deploy/requirements.lock" in instructions("RUN")[0]
    assert re.search(r"^asyncpg==", LOCK, re.MULTILINE)


def test_every_package_in_the_image_is_locked_with_hashes() -> None:
    pins = re.findall(r"^([\w.-]+(?:\[[\w,]+\])?)==\S+.*\\\n    --hash=sha256:", LOCK, re.MULTILINE)
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*declared["dependencies"], *declared["optional-dependencies"]["postgresql"]]
    assert {re.split(r"[^\w.-]", each)[0] for each in wanted} <= {re.split(r"\[", each)[0] for each in pins}
    assert len(pins) == len(re.findall(r"^[a-z]\S*==", LOCK, re.MULTILINE))


def test_the_daemon_is_not_root_and_writes_to_its_volume() -> None:
    assert instructions("USER") == [NOBODY]
    assert instructions("VOLUME") == ["/data"]
    assert "DORA_SNAPSHOT__PATH=/data/" in instructions("ENV")[0]


def test_what_is_copied_exists_and_is_not_ignored() -> None:
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    for source in [each for copy in instructions("COPY")[:3] for each in copy.split()[:-1]]:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in ignored


@pytest.mark.e2e
def test_hadolint_finds_no_fault() -> None:
    assert check("hadolint", FILE) == ""


@pytest.mark.e2e
def test_the_health_check_knows_a_living_daemon_from_a_dead_one(running: RunningDaemon) -> None:
    assert healthy(running.port)
    running.process.stop()
    assert not healthy(running.port)


def healthy(port: int) -> bool:
    """Runs the image's health check on a port."""
    _, _, command = TEXT.partition("HEALTHCHECK")[2].partition("CMD ")
    python, *arguments = json.loads(command.splitlines()[0])
    assert python == "python"
    return run([sys.executable, *(each.replace("3672", str(port)) for each in arguments)]).returncode == 0
