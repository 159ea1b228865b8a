"""What the end-to-end tests are built from."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.e2e.daemon import Daemon, RunningDaemon
from tests.e2e.programs import IN_CI

# Where the ``e2e`` group is not installed, the rest can still be collected; in CI it must be installed.
collect_ignore = [] if IN_CI or find_spec("datadog_api_client") else ["test_datadog_api_client.py"]


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    """A daemon with an empty configuration that has not run yet."""
    return Daemon(tmp_path)


@pytest.fixture
def running(daemon: Daemon) -> Iterator[RunningDaemon]:
    """The same, running."""
    with daemon.running() as alive:
        yield alive
