"""A daemon with keys and users: what stands for a password, and where."""

import json
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import pytest
from aiohttp import encode_basic_auth
from tests.e2e.daemon import Daemon, RunningDaemon

pytestmark = pytest.mark.e2e

KEY = "a-key-of-the-pipeline"


@pytest.fixture
def protected(tmp_path: Path) -> Iterator[RunningDaemon]:
    """One whose every path asks for a password."""
    users = {"prometheus": bcrypt.hashpw(b"open sesame", bcrypt.gensalt(4)).decode()}
    (tmp_path / "web.yaml").write_text(json.dumps({"basic_auth_users": users}))
    settings = {"api_keys": [KEY], "web": {"config_file": "web.yaml"}}
    password = {"Authorization": encode_basic_auth("prometheus", "open sesame")}
    with Daemon(tmp_path, settings, credentials=password).running() as running:
        yield running


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/api/v1/series?api_key={KEY}&application_key=", 202),
        ("/api/v1/series?api_key=wrong", 403),
        ("/api/v1/series", 403),
        (f"/api/v1/events?api_key={KEY}", 403),
    ],
)
def test_a_key_in_the_query_stands_for_a_password_where_it_is_taken(
    protected: RunningDaemon, path: str, status: int
) -> None:
    assert protected.request("POST", path, b"{}").status == status
