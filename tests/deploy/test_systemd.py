"""The systemd unit: understood, hardened, and with a command that the daemon takes."""

import re
import shlex
import sys
from pathlib import Path

import pytest
from tests.deploy.manifests import DEPLOY, check, run

FILE = DEPLOY / "systemd" / "dora-exporter.service"
PROGRAM = "/usr/local/bin/dora-exporter"
MOST_EXPOSED = "20"
"""Tenths, as systemd-analyze counts: 100 is a service without any hardening."""


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that exists on this machine."""
    copy = tmp_path / FILE.name
    copy.write_text(FILE.read_text(encoding="utf-8").replace(PROGRAM, "/bin/true"))
    return copy


def test_the_daemon_takes_the_flags_of_the_unit() -> None:
    unit = FILE.read_text(encoding="utf-8").replace("\\\n", " ")
    (line,) = re.findall(r"^ExecStart=(.+)$", unit, re.MULTILINE)
    name, *flags = shlex.split(line)
    assert name == PROGRAM
    kept = [flag for flag in flags if not flag.startswith("--config.file=")]
    assert len(kept) < len(flags)
    checked = run([sys.executable, "-m", "dora_exporter", *kept, "--config.check"])
    assert checked.returncode == 0, checked.stdout


def test_what_the_unit_writes_is_in_its_state_folder() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert "StateDirectory=dora-exporter\n" in text
    assert "--snapshot.path=/var/lib/dora-exporter/" in text


def test_the_page_about_running_explains_every_limit_of_the_unit() -> None:
    limits = dict(
        re.findall(r"^(LimitNOFILE|MemoryMax|TasksMax)=(.+)$", FILE.read_text(encoding="utf-8"), re.MULTILINE)
    )
    page = (DEPLOY.parent / "docs/operations/running.md").read_text(encoding="utf-8")
    assert len(limits) == 3
    assert [name for name, value in limits.items() if f"| `{name}={value}` |" not in page] == []


@pytest.mark.e2e
def test_systemd_understands_every_line(unit: Path) -> None:
    """It says what it does not know, and ends with 0 all the same."""
    assert check("systemd-analyze", "verify", "--man=no", unit) == ""


@pytest.mark.e2e
def test_systemd_finds_the_service_hardly_exposed(unit: Path) -> None:
    check("systemd-analyze", "security", "--no-pager", "--offline=true", f"--threshold={MOST_EXPOSED}", unit)
