"""What the end-to-end tests are built from."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.daemon import Daemon, RunningDaemon

_NEEDS_THE_GROUP = ("test_datadog_api_client.py", "*_in_chromium.py", "test_pictures.py")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leaves out what needs the ``e2e`` dependency group, which takes long to load, unless ``-m e2e`` asks for it."""
    is_needing = any(map(collection_path.match, _NEEDS_THE_GROUP))
    return True if is_needing and config.getoption("markexpr") != "e2e" else None


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    """A daemon with an empty configuration that has not run yet."""
    return Daemon(tmp_path)


@pytest.fixture
def running(daemon: Daemon) -> Iterator[RunningDaemon]:
    """The same, running."""
    with daemon.running() as alive:
        yield alive
