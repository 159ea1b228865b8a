"""How mirrors reach their remotes: proxies, authorities, credentials; with real servers."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from pydantic import SecretStr
from tests.commits.histories import build, linear
from tests.commits.servers import GitServer, listening
from tests.commits.worlds import NAME, Begin, World
from tests.web.security.certificates import issue

from dora_exporter.commits.git.command import Git, GitFailed
from dora_exporter.commits.git.fetch_health import FetchHealth
from dora_exporter.commits.git.remote import (
    AUTHORITY_VARIABLES,
    PROXY_VARIABLES,
    SSH_VARIABLES,
    TRUST_VARIABLES,
    remote_of,
)
from dora_exporter.commits.settings import RepositorySettings
from dora_exporter.config.client_tls import TlsConfig

VARIABLES = (
    *(each for name in PROXY_VARIABLES for each in (name, name.upper())),
    *TRUST_VARIABLES,
    *(each for others in AUTHORITY_VARIABLES.values() for each in others),
    *SSH_VARIABLES,
)


@pytest.fixture(autouse=True)
def _nothing_said_by_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for each in VARIABLES:
        monkeypatch.delenv(each, raising=False)


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    """An authority that nobody trusts; its certificate is in ``ca.pem``."""
    made = trustme.CA()
    made.cert_pem.write_to_path(tmp_path / "ca.pem")
    return made


@asynccontextmanager
async def serving_tls(tmp_path: Path, authority: trustme.CA, *, asks_for_one: bool = False) -> AsyncIterator[str]:
    """A server whose certificate the authority made; the URL of its repository."""
    build(tmp_path / "served" / "shop.git", linear(3))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issue(authority, tmp_path).configure_cert(context)
    if asks_for_one:
        authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    async with listening(GitServer(tmp_path / "served").application(), ssl_context=context) as port:
        yield f"https://localhost:{port}/shop.git"


async def fetched(begin: Begin, settings: RepositorySettings) -> FetchHealth:
    world: World = begin(configured={"shop": settings})
    await world.resolver.work()
    return next(iter(world.resolver.fetches.values()))


async def test_the_certificate_of_an_unknown_authority_is_refused(
    begin: Begin, tmp_path: Path, authority: trustme.CA
) -> None:
    async with serving_tls(tmp_path, authority) as url:
        assert (await fetched(begin, RepositorySettings(url=url))).errors == 1


@pytest.mark.parametrize("key", ["ca_file", "insecure_skip_verify"])
async def test_a_repository_may_trust_an_authority_of_its_own(
    begin: Begin, tmp_path: Path, authority: trustme.CA, key: str
) -> None:
    config = TlsConfig.model_validate({key: {"ca_file": tmp_path / "ca.pem"}.get(key, True)})
    async with serving_tls(tmp_path, authority) as url:
        assert (await fetched(begin, RepositorySettings(url=url, tls_config=config))).errors == 0


@pytest.mark.parametrize("name", ["GIT_SSL_CAINFO", "SSL_CERT_FILE", "CURL_CA_BUNDLE"])
async def test_the_environment_may_name_an_authority(
    begin: Begin, tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, str(tmp_path / "ca.pem"))
    async with serving_tls(tmp_path, authority) as url:
        assert (await fetched(begin, RepositorySettings(url=url))).errors == 0


def test_the_environment_may_name_a_folder_of_authorities(
    tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "authorities"
    folder.mkdir()
    authority.cert_pem.write_to_path(folder / "0.pem")
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    assert dict(remote_of(RepositorySettings(url="https://git.example/shop")).environment) == {
        "GIT_SSL_CAPATH": str(folder)
    }


async def test_a_repository_may_ask_for_a_certificate_of_ours(
    begin: Begin, tmp_path: Path, authority: trustme.CA
) -> None:
    issue(authority, tmp_path, name="client")
    config = TlsConfig(ca_file=tmp_path / "ca.pem", cert_file=tmp_path / "client.crt", key_file=tmp_path / "client.key")
    async with serving_tls(tmp_path, authority, asks_for_one=True) as url:
        assert (await fetched(begin, RepositorySettings(url=url, tls_config=config))).errors == 0
        without = TlsConfig(ca_file=tmp_path / "ca.pem")
        assert (await fetched(begin, RepositorySettings(url=f"{url}/", tls_config=without))).errors == 1


async def test_a_certificate_that_is_not_there_is_a_mistake_of_the_settings(begin: Begin, tmp_path: Path) -> None:
    settings = RepositorySettings(url="https://git.example/shop", tls_config=TlsConfig(ca_file=tmp_path / "no"))
    health = await fetched(begin, settings)
    assert (health.errors, health.is_misconfigured) == (1, True)


@asynccontextmanager
async def proxy(asked: list[str]) -> AsyncIterator[str]:
    """A proxy that notes what it is asked for, and gets nothing for anybody; its URL."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n")).decode())
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(
    ("name", "scheme"),
    [
        ("http_proxy", "http"),
        ("HTTP_PROXY", "http"),
        ("https_proxy", "https"),
        ("HTTPS_PROXY", "https"),
        ("all_proxy", "https"),
        ("ALL_PROXY", "http"),
    ],
)
async def test_the_environment_may_name_a_proxy(
    begin: Begin, monkeypatch: pytest.MonkeyPatch, name: str, scheme: str
) -> None:
    asked: list[str] = []
    async with proxy(asked) as url:
        monkeypatch.setenv(name, url)
        health = await fetched(begin, RepositorySettings(url=f"{scheme}://git.corp.invalid/acme/shop.git"))
    assert (health.errors, health.is_misconfigured) == (1, False)
    assert "git.corp.invalid" in asked[0]


@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
async def test_the_environment_may_name_hosts_that_are_reached_without_the_proxy(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    build(tmp_path / "served" / "shop.git", linear(3))
    asked: list[str] = []
    async with proxy(asked) as url, listening(GitServer(tmp_path / "served").application()) as port:
        monkeypatch.setenv("http_proxy", url)
        monkeypatch.setenv(name, "other.example,127.0.0.1")
        health = await fetched(begin, RepositorySettings(url=f"http://127.0.0.1:{port}/shop.git"))
    assert (health.errors, asked) == (0, [])


def test_the_password_of_a_proxy_is_repeated_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "ftp://me:hunter2@proxy.example:port")
    url = "http://git.example/shop"
    with pytest.raises(GitFailed) as failed:
        Git().run(tmp_path, "ls-remote", url, remote=remote_of(RepositorySettings(url=url)))
    assert "hunter2" not in str(failed.value)


def test_ssh_finds_the_agent_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSH_AUTH_SOCK", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "https_proxy", "DORA_API_KEYS"):
        monkeypatch.setenv(name, f"value of {name}")
    remote = dict(remote_of(RepositorySettings(url="git@git.example:shop.git")).environment)
    assert remote == {
        "SSH_AUTH_SOCK": "value of SSH_AUTH_SOCK",
        "GIT_SSH_COMMAND": "ssh -F /dev/null -o BatchMode=yes -o ConnectTimeout=60 -o ServerAliveInterval=30 "
        "-o ServerAliveCountMax=4",
    }


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", None])
async def test_a_token_file_that_cannot_be_used_is_a_mistake_of_the_settings(
    begin: Begin, tmp_path: Path, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    health = await fetched(begin, RepositorySettings(url="https://git.example/shop", token_file=file, aliases=(NAME,)))
    assert (health.errors, health.is_misconfigured) == (1, True)
    assert f"the secret file {file}" in caplog.text


async def test_a_token_that_is_refused_is_a_mistake_of_the_settings_until_it_is_not(
    begin: Begin, tmp_path: Path
) -> None:
    build(tmp_path / "served" / "shop.git", linear(3))
    server = GitServer(tmp_path / "served", "the right token")
    async with listening(server.application()) as port:
        settings = RepositorySettings(url=f"http://127.0.0.1:{port}/shop.git", token=SecretStr("wrong"))
        world = begin(configured={"shop": settings})
        await world.resolver.work()
        health = next(iter(world.resolver.fetches.values()))
        assert (health.errors, health.is_misconfigured) == (1, True)
        server.token = "wrong"
        world.clock.advance(settings.interval.ms)
        await world.resolver.work()
    assert (health.errors, health.is_misconfigured) == (1, False)
