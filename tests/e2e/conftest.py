"""What the end-to-end tests are built from."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.e2e.daemon import Daemon, RunningDaemon

if TYPE_CHECKING:
    from tests.e2e.chromium import Browser

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


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Browser"]:
    """A Chromium for all tests of a module."""
    from tests.e2e.chromium import browsing  # noqa: PLC0415  # other tests need no selenium

    with browsing(tmp_path_factory.mktemp("profile")) as browser:
        yield browser
