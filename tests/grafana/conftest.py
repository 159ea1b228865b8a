"""What the tests of dashboards and rules are built from."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.grafana.shop import Shop, open_shop

_NEEDS = {"test_expressions.py": "promql_parser", "test_rendering.py": "selenium"}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leaves out what needs the ``e2e`` dependency group; where ``-m e2e`` asks for it, it must be installed."""
    needed = _NEEDS.get(collection_path.name)
    return True if needed and config.getoption("markexpr") != "e2e" and not find_spec(needed) else None


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """An organisation with 120 days behind it, and the Prometheus that has scraped it."""
    with open_shop(tmp_path_factory.mktemp("shop")) as running:
        yield running
