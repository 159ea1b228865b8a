"""The command line in this process, where a process of its own would only take longer."""

import os
from pathlib import Path

import pytest
from tests.cli.calling import Called, Ended

from dora_exporter.cli import main


@pytest.fixture
def called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Called:
    """Runs a command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("dora_exporter.runtime.log_setup.set_up", lambda *_: None)  # the test run has a log of its own
    for name in [name for name in os.environ if name.startswith(("DORA_", "CREDENTIALS_"))]:
        monkeypatch.delenv(name)

    def call(*arguments: str) -> Ended:
        capsys.readouterr()
        code = main(arguments)
        return Ended(code, *capsys.readouterr())

    return call
