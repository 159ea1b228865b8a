"""The web configuration follows its files while the server listens."""

import logging
import os
import ssl
from pathlib import Path

import pytest
import trustme
from tests.web.security.certificates import BCRYPT, client, issue, write, write_tls
from tests.web.security.handshakes import greeting, shake_hands

from dora_exporter.config.errors import ConfigError
from dora_exporter.web.security import reloading
from dora_exporter.web.security.reloading import ActiveWebConfig
from dora_exporter.web.security.web_config import WebConfig


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Signs every certificate that is good."""
    return trustme.CA()


def users(*names: str) -> str:
    return "basic_auth_users: {" + ", ".join(f"{name}: {BCRYPT}" for name in names) + "}"


def later(path: Path) -> None:
    """As if the file had been written a second later."""
    at = path.stat().st_mtime_ns + 1_000_000_000
    os.utime(path, ns=(at, at))


def test_without_a_file_nothing_is_protected() -> None:
    protection = ActiveWebConfig(None)
    protection.reload()
    protection.refresh()

    assert protection.current == WebConfig()
    assert protection.ssl_context is None


def test_a_bad_file_cannot_be_started_with(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        ActiveWebConfig(write(tmp_path, "nonsense: 1"))


def test_a_file_without_tls_is_plain_http(tmp_path: Path) -> None:
    assert ActiveWebConfig(write(tmp_path, users("alice"))).ssl_context is None


def test_a_reload_takes_the_users_that_are_in_the_file_now(tmp_path: Path) -> None:
    path = write(tmp_path, users("alice"))
    protection = ActiveWebConfig(path)

    write(tmp_path, users("bob"))
    protection.reload()

    assert list(protection.current.users) == ["bob"]


def test_a_reload_of_a_bad_file_says_why_and_leaves_in_force_what_was(tmp_path: Path) -> None:
    path = write(tmp_path, users("alice"))
    protection = ActiveWebConfig(path)
    write(tmp_path, "nonsense: 1")

    with pytest.raises(ConfigError, match="nonsense: unknown key"):
        protection.reload()

    assert list(protection.current.users) == ["alice"]


def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path, users("alice"))
    protection = ActiveWebConfig(path)

    write(tmp_path, users("ecila"))  # as long as before
    later(path)
    protection.refresh()

    assert list(protection.current.users) == ["ecila"]


def test_a_file_that_is_put_in_the_place_of_another_is_noticed(tmp_path: Path) -> None:
    """Kubernetes and most editors do so."""
    path = write(tmp_path, users("alice"))
    at = path.stat()
    protection = ActiveWebConfig(path)

    other = write(tmp_path / "other", users("ecila"))
    os.utime(other, ns=(at.st_atime_ns, at.st_mtime_ns))
    other.rename(path)
    protection.refresh()

    assert list(protection.current.users) == ["ecila"]


def test_a_file_that_has_not_changed_is_not_read_again(tmp_path: Path) -> None:
    protection = ActiveWebConfig(write(tmp_path, users("alice")))
    before = protection.current

    protection.refresh()

    assert protection.current is before


def test_a_bad_file_is_complained_of_once_and_the_next_good_one_is_taken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path, users("alice"))
    protection = ActiveWebConfig(path)
    caplog.set_level(logging.INFO)

    write(tmp_path, "basic_auth_users: {alice: hunter2}")
    protection.refresh()
    protection.refresh()

    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "hunter2" not in caplog.text
    assert list(protection.current.users) == ["alice"]

    write(tmp_path, users("bob"))
    protection.refresh()

    assert list(protection.current.users) == ["bob"]


def test_a_file_that_is_no_yaml_for_a_moment_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path, users("alice"))
    protection = ActiveWebConfig(path)

    for text in ("[", users("bob")):
        write(tmp_path, text)
        protection.refresh()

    assert list(protection.current.users) == ["bob"]


def test_a_certificate_that_comes_late_is_noticed(tmp_path: Path, authority: trustme.CA) -> None:
    """The new file names one that is written a moment after it."""
    path = write_tls(tmp_path, authority)
    protection = ActiveWebConfig(path)
    before = protection.current

    write(tmp_path, "tls_server_config: {cert_file: late/server.crt, key_file: late/server.key}")
    protection.refresh()
    assert protection.current is before

    issue(authority, tmp_path / "late")
    protection.refresh()
    assert protection.current is not before


async def test_a_new_connection_gets_the_new_certificate(tmp_path: Path, authority: trustme.CA) -> None:
    protection = ActiveWebConfig(write_tls(tmp_path, authority))
    trusting = client(authority)
    async with greeting(protection.ssl_context) as port:
        before = await shake_hands(port, trusting)
        issue(authority, tmp_path)
        protection.refresh()
        after = await shake_hands(port, trusting)

    assert before is not None
    assert after is not None
    assert before.certificate != after.certificate


async def test_while_the_new_key_is_not_there_yet_the_old_pair_is_used(tmp_path: Path, authority: trustme.CA) -> None:
    protection = ActiveWebConfig(write_tls(tmp_path, authority))
    trusting = client(authority)
    new = authority.issue_cert("127.0.0.1")
    async with greeting(protection.ssl_context) as port:
        before = await shake_hands(port, trusting)
        new.cert_chain_pems[0].write_to_path(tmp_path / "server.crt")
        protection.refresh()
        between = await shake_hands(port, trusting)
        new.private_key_pem.write_to_path(tmp_path / "server.key")
        protection.refresh()
        after = await shake_hands(port, trusting)

    assert before is not None
    assert after is not None
    assert between == before
    assert before.certificate != after.certificate


async def test_another_authority_of_clients_takes_the_place_of_the_old_one(
    tmp_path: Path, authority: trustme.CA
) -> None:
    protection = ActiveWebConfig(
        write_tls(tmp_path, authority, "client_ca_file: ca.crt", "client_auth_type: RequireAndVerifyClientCert")
    )
    other = trustme.CA()
    old, new = client(authority, authority.issue_cert("client")), client(authority, other.issue_cert("client"))
    async with greeting(protection.ssl_context) as port:
        before = [await shake_hands(port, each) is not None for each in (old, new)]
        other.cert_pem.write_to_path(tmp_path / "ca.crt")
        protection.refresh()
        after = [await shake_hands(port, each) is not None for each in (old, new)]

    assert before == [True, False]
    assert after == [False, True]


async def test_a_reload_can_ask_for_client_certificates(tmp_path: Path, authority: trustme.CA) -> None:
    protection = ActiveWebConfig(write_tls(tmp_path, authority))
    async with greeting(protection.ssl_context) as port:
        before = await shake_hands(port, client(authority))
        write_tls(tmp_path, authority, "client_ca_file: ca.crt", "client_auth_type: RequireAndVerifyClientCert")
        protection.reload()
        after = await shake_hands(port, client(authority))

    assert before is not None
    assert after is None


@pytest.mark.parametrize("content", ["", "basic_auth_users: {}", "rate_limit: {interval: 1s, burst: 1}"])
def test_the_last_password_is_not_taken_away_by_a_reload(tmp_path: Path, content: str) -> None:
    protection = ActiveWebConfig(write(tmp_path, users("alice")))
    write(tmp_path, content)

    with pytest.raises(ConfigError, match="switching authentication off needs a restart"):
        protection.reload()

    assert list(protection.current.users) == ["alice"]


def test_client_certificates_are_not_made_needless_by_a_reload(tmp_path: Path, authority: trustme.CA) -> None:
    certificates = ("client_ca_file: ca.crt", "client_auth_type: RequireAndVerifyClientCert")
    protection = ActiveWebConfig(write_tls(tmp_path, authority, *certificates))
    before = protection.current
    write_tls(tmp_path, authority)

    with pytest.raises(ConfigError, match="switching authentication off needs a restart"):
        protection.reload()

    assert protection.current is before


@pytest.mark.parametrize("is_on", [True, False])
def test_tls_is_not_switched_on_or_off_while_the_server_listens(
    tmp_path: Path, authority: trustme.CA, *, is_on: bool
) -> None:
    with_tls = write_tls(tmp_path, authority).read_text()
    without = users("alice")
    path = write(tmp_path, with_tls if is_on else without)
    protection = ActiveWebConfig(path)
    before = protection.current
    path.write_text(without if is_on else with_tls)

    with pytest.raises(ConfigError, match="switching TLS on or off needs a restart"):
        protection.reload()

    assert protection.current is before


def test_handshakes_are_bounded_while_they_are_not_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reloading, "most_connections", lambda _limit: 4)
    context = ActiveWebConfig(write_tls(tmp_path, trustme.CA())).ssl_context
    assert context is not None
    begun = [context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=True) for _ in range(8)]
    with pytest.raises(ssl.SSLError):
        context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=True)
    begun.pop()
    assert context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=True)
