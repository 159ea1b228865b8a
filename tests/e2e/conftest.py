"""What the end-to-end tests are built from."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.e2e.daemon import Daemon, RunningDaemon


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leaves out what needs the ``e2e`` dependency group; where ``-m e2e`` asks for it, it must be installed."""
    if config.getoption("markexpr") == "e2e" or find_spec("datadog_api_client"):
        return None
    return True if collection_path.name == "test_datadog_api_client.py" else None


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    """A daemon with an empty configuration that has not run yet."""
    return Daemon(tmp_path)


@pytest.fixture
def running(daemon: Daemon) -> Iterator[RunningDaemon]:
    """The same, running."""
    with daemon.running() as alive:
        yield alive
