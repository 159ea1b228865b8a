"""What the tests of the shared log are built from: a cluster, databases in it, and what stands before them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.storage.postgresql.cluster import Cluster, Database, cluster
from tests.storage.postgresql.proxy import Proxy, proxy_to


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """A PostgreSQL for all tests; one that stops it starts it again."""
    with cluster() as started:
        yield started


@pytest.fixture
def database(postgresql: Cluster) -> Database:
    """An empty database for one test."""
    return postgresql.create_database()


@pytest.fixture
def proxy(postgresql: Cluster) -> Iterator[Proxy]:
    """A proxy in front of the cluster."""
    with proxy_to(postgresql.port) as started:
        yield started


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a replica keeps its configuration."""
    return tmp_path
