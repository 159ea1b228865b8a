"""Who may send what, by the settings and the web configuration file as they are now."""

from pathlib import Path

import bcrypt
import pytest
from aiohttp import ClientSession, encode_basic_auth
from tests.web.guarded import guarded
from tests.web.security.certificates import write
from tests.web.security.test_reloading import later

from dora_exporter.app.http_access import HttpAccess
from dora_exporter.app.settings import Settings
from dora_exporter.config.errors import ConfigError

EVIL = "evil.example:3672"


async def status(client: ClientSession, **headers: str) -> int:
    async with client.get("/metrics", headers={"Host": EVIL, **headers}) as response:
        return response.status


def settings(path: Path, *api_keys: str) -> Settings:
    return Settings.model_validate({"web": {"config_file": path}, "api_keys": api_keys})


async def test_the_host_is_checked_until_the_file_asks_for_a_password(tmp_path: Path) -> None:
    path = write(tmp_path, "http_server_config: {headers: {X-Frame-Options: deny}}")
    access = HttpAccess(settings(path))
    async with guarded(*access.middlewares(), access=access.access) as client:
        assert await status(client) == 403
        hashed = bcrypt.hashpw(b"open sesame", bcrypt.gensalt(4)).decode()
        write(tmp_path, f"basic_auth_users: {{alice: {hashed}}}")
        later(path)
        await access.refresh()
        assert await status(client) == 401
        assert await status(client, Authorization=encode_basic_auth("alice", "open sesame")) == 200


async def test_the_host_is_checked_until_a_reload_brings_a_key(tmp_path: Path) -> None:
    path = write(tmp_path, "http_server_config: {headers: {X-Frame-Options: deny}}")
    access = HttpAccess(settings(path))
    async with guarded(*access.middlewares(), access=access.access) as client:
        assert await status(client) == 403
        await access.use(settings(path, "a-key"))
        assert await status(client) == 200


async def test_a_reload_reads_the_file_again_and_a_bad_one_changes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, "http_server_config: {headers: {X-Frame-Options: deny}}")
    access = HttpAccess(settings(path, "a-key"))
    async with guarded(*access.middlewares(), access=access.access) as client:
        assert await status(client) == 200
        write(tmp_path, "basic_auth_users: {alice: hunter2}")
        with pytest.raises(ConfigError):
            await access.use(settings(path, "another-key"))
        assert await status(client) == 200
        hashed = bcrypt.hashpw(b"open sesame", bcrypt.gensalt(4)).decode()
        write(tmp_path, f"basic_auth_users: {{alice: {hashed}}}")
        await access.use(settings(path, "a-key"))
        assert await status(client) == 401
        assert await status(client, Authorization=encode_basic_auth("alice", "open sesame")) == 200
