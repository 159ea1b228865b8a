"""What the end-to-end tests are built from."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.e2e.daemon import Daemon, RunningDaemon

_NEEDS = {
    "test_datadog_api_client.py": "datadog_api_client",
    "*_in_chromium.py": "selenium",
    "test_pictures.py": "selenium",
}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leaves out what needs the ``e2e`` dependency group; where ``-m e2e`` asks for it, it must be installed."""
    needed = next((_NEEDS[name] for name in _NEEDS if collection_path.match(name)), None)
    return True if needed and config.getoption("markexpr") != "e2e" and not find_spec(needed) else None


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    """A daemon with an empty configuration that has not run yet."""
    return Daemon(tmp_path)


@pytest.fixture
def running(daemon: Daemon) -> Iterator[RunningDaemon]:
    """The same, running."""
    with daemon.running() as alive:
        yield alive
