"""A daemon that takes events, and where they are sent from."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.daemon import Daemon, RunningDaemon


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    """A daemon without keys, of which each test uses a service of its own."""
    with Daemon(tmp_path_factory.mktemp("daemon")).running() as running:
        yield running


@pytest.fixture
def service(request: pytest.FixtureRequest) -> str:
    """A service that only this test knows."""
    return f"{request.node.name}"[-150:]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the command runs: no checkout."""
    return tmp_path
