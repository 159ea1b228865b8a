"""Each mistake gets one clear line and the documented exit code, and no secret is ever repeated."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from tests.dora_send.faulty import front
from tests.dora_send.sending import listed, send
from tests.e2e.daemon import Daemon, RunningDaemon
from tests.e2e.tunnel import tunnel_to

USAGE, NOT_ALLOWED, WRONG_SERVER = 64, 77, 78
DEPLOYMENT = ("deployment", "--service=checkout")
KEY = "sesame-open-0123"
NOWHERE = "--url=http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ([], "arguments are required: deployment|incident"),
        (["deploy"], "invalid choice"),
        (["deployment", NOWHERE], "arguments are required: --service"),
        (["deployment", "--service="], "--service: must not be empty"),
        ([*DEPLOYMENT], "which server? Set DORA_SEND_URL or give --url"),
        ([*DEPLOYMENT, NOWHERE, "--soft", "--sofft"], "--sofft is not known here"),
        ([*DEPLOYMENT, NOWHERE, "./deploy.sh"], "what to run follows --"),
        ([*DEPLOYMENT, NOWHERE, "--"], "no command follows --"),
        ([*DEPLOYMENT, NOWHERE, "--timeout=0"], "--timeout: must be a number of seconds"),
        ([*DEPLOYMENT, NOWHERE, "--timeout=soon"], "--timeout: must be a number of seconds"),
        ([*DEPLOYMENT, NOWHERE, "--started-at=yesterday"], "--started-at: must be a Unix time or an RFC 3339"),
        ([*DEPLOYMENT, NOWHERE, "--started-at=2026-02-30T00:00:00Z"], "--started-at: "),
        ([*DEPLOYMENT, NOWHERE, "--started-at=123456789012345"], "is not a Unix time"),
        ([*DEPLOYMENT, NOWHERE, "--started-at=1577836800", "--", "true"], "--started-at is found out by running"),
        ([*DEPLOYMENT, NOWHERE, "--outcome=failed", "--", "true"], "--outcome is found out by running"),
        ([*DEPLOYMENT, NOWHERE, "--since=last"], "--since last needs --env"),
        ([*DEPLOYMENT, NOWHERE, "--commit=abc"], "--commit abc is neither a whole SHA nor known here"),
        ([*DEPLOYMENT, NOWHERE, "--ca-file=none.pem"], "--ca-file none.pem: No such file"),
        ([*DEPLOYMENT, NOWHERE, "--api-key-file=none"], "--api-key-file none: No such file"),
        ([*DEPLOYMENT, "--url=ftp://dora.example.com"], "must be like https://"),
        ([*DEPLOYMENT, "--url=https://"], "must be like https://"),
        ([*DEPLOYMENT, "--url=http://[::1"], "must be like https://"),
        ([*DEPLOYMENT, "--url=http://host:port"], "must be like https://"),
        ([*DEPLOYMENT, "--url=http://host/?a=b"], "must end with its path"),
        (["incident", "open", NOWHERE, "--service=checkout"], "arguments are required: --id"),
        (["incident", "open", NOWHERE, "--id=INC-1"], "needs --service or --team"),
        (["incident", "close", NOWHERE, "--id=INC-1", "--", "true"], "only a deployment runs a script"),
    ],
)
def test_a_wrong_option_is_an_error_before_anything_runs(folder: Path, typed: list[str], reason: str) -> None:
    ended = send(*typed, folder=folder)

    assert (ended.code, ended.output, ended.errors.count("\n")) == (USAGE, "", 1)
    assert reason in ended.errors


def test_a_wrong_option_is_an_error_with_soft_too(folder: Path) -> None:
    ended = send(*DEPLOYMENT, NOWHERE, "--soft", "--timeout=never", "--", "touch", "deployed", folder=folder)

    assert ended.code == USAGE
    assert not (folder / "deployed").exists()


@pytest.mark.parametrize(
    "typed",
    [
        ["--api-key", KEY],
        [f"--api-key={KEY}"],
        [KEY],
        [f"--key={KEY}"],
        [f"--url=http://user:{KEY}@127.0.0.1:1"],
        [f"--url=http://user:{KEY}@[::1"],
        [f"--url=http://127.0.0.1:1/?key={KEY}"],
    ],
)
def test_a_key_that_is_typed_is_refused_and_not_repeated(folder: Path, typed: list[str]) -> None:
    ended = send(*DEPLOYMENT, *typed, folder=folder)

    assert ended.code == USAGE
    assert KEY not in ended.errors + ended.output


@pytest.mark.parametrize("content", ["", "\n", f"{KEY}\nanother line", "pässword"])
def test_a_key_file_without_a_key_is_an_error(folder: Path, content: str) -> None:
    (folder / "key").write_text(content)

    ended = send(*DEPLOYMENT, NOWHERE, "--api-key-file=key", folder=folder)

    assert (ended.code, ended.errors.count("\n")) == (USAGE, 1)
    assert KEY not in ended.errors


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    """A daemon with a key."""
    with Daemon(tmp_path_factory.mktemp("guarded"), {"api_keys": [KEY]}).running() as running:
        yield running


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("", "no key was given: set DORA_SEND_API_KEY or give --api-key-file"),
        ("sesame-shut-0123", "the server does not allow it: 403"),
    ],
)
def test_no_key_and_a_wrong_key_are_told_apart_with_soft_too(
    guarded: RunningDaemon, folder: Path, service: str, key: str, reason: str
) -> None:
    variables = {"DORA_SEND_API_KEY": key, "DORA_SEND_URL": guarded.url}

    ended = send("deployment", f"--service={service}", "--soft", folder=folder, variables=variables)

    assert (ended.code, ended.errors.count("\n")) == (NOT_ALLOWED, 1)
    assert reason in ended.errors
    assert "sesame" not in ended.errors
    assert listed(guarded, service, key=KEY) == []


@pytest.mark.parametrize("way", ["variable", "file"])
def test_a_key_opens(guarded: RunningDaemon, folder: Path, service: str, way: str) -> None:
    (folder / "key").write_text(f"{KEY}\n")
    variables = {"DORA_SEND_API_KEY": KEY if way == "variable" else "shadowed", "DORA_SEND_URL": guarded.url}
    options = ("--api-key-file=key",) if way == "file" else ()

    ended = send("deployment", f"--service={service}", *options, folder=folder, variables=variables)

    assert ended.code == 0
    assert KEY not in ended.errors
    assert len(listed(guarded, service, key=KEY)) == 1


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        (["--env=_other"], 'attribute "env"'),
        (["--finished-at=4000000000"], "more than 10 minutes ahead of the clock"),
        (["--started-at=1577836800", "--finished-at=1577836799"], "must not be before started_at"),
        (["--tag=x"] * 101, "custom_tags"),
    ],
)
@pytest.mark.parametrize("soft", [(), ("--soft",)])
def test_the_reason_of_a_refusal_is_printed(
    daemon: RunningDaemon, folder: Path, typed: list[str], reason: str, soft: tuple[str, ...]
) -> None:
    ended = send(*DEPLOYMENT, f"--url={daemon.url}", *typed, *soft, folder=folder)

    assert (ended.code, ended.errors.count("\n")) == (USAGE, 1)
    assert ended.errors.startswith("dora-send: the server refuses it: 400 ")
    assert reason in ended.errors


def repeating(client: socket.socket, _port: int) -> None:
    """A server that does not know better than to repeat the key, with what a terminal acts on."""
    client.recv(65536)
    body = f'{{"errors": [{{"detail": "\\u001b[31mkey {KEY}\\nis bad"}}]}}'.encode()
    client.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


def test_a_key_that_the_server_repeats_is_not_printed(folder: Path) -> None:
    with front(1, [repeating]) as url:
        ended = send(*DEPLOYMENT, f"--url={url}", folder=folder, variables={"DORA_SEND_API_KEY": KEY})

    assert (ended.code, ended.errors) == (USAGE, "dora-send: the server refuses it: 400 ?[31mkey *** is bad\n")


def late(client: socket.socket, _port: int) -> None:
    """A server whose clock is right, while the sender's is not."""
    client.recv(65536)
    body = b'{"errors": [{"detail": "too new"}]}'
    head = b"HTTP/1.1 400 Bad Request\r\nDate: Wed, 01 Jan 2020 00:00:00 GMT\r\nContent-Length: %d\r\n\r\n"
    client.sendall(head % len(body) + body)


def test_a_clock_that_is_off_is_named(folder: Path) -> None:
    with front(1, [late]) as url:
        ended = send(*DEPLOYMENT, f"--url={url}", folder=folder)

    assert ended.code == USAGE
    assert ended.errors.endswith(" min ahead of the server's)\n")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"200 OK\r\nContent-Length: 6\r\n\r\n<html>", "what answers 200 there is not dora-exporter"),
        (b"404 Not Found\r\nContent-Length: 6\r\n\r\n<html>", "what answers 404 there is not dora-exporter"),
        (b"302 Found\r\nLocation: http://127.0.0.1:1/login\r\nContent-Length: 0\r\n\r\n", "redirects to http://127"),
    ],
)
def test_another_server_is_not_taken_for_the_daemon(folder: Path, answer: bytes, reason: str) -> None:
    def other(client: socket.socket, _port: int) -> None:
        client.recv(65536)
        client.sendall(b"HTTP/1.1 " + answer)

    with front(1, [other]) as url:
        ended = send(*DEPLOYMENT, f"--url={url}", folder=folder, variables={"DORA_SEND_API_KEY": KEY})

    assert (ended.code, ended.errors.count("\n")) == (WRONG_SERVER, 1)
    assert reason in ended.errors


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """One that this machine does not trust."""
    return trustme.CA()


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA) -> Iterator[RunningDaemon]:
    """A daemon behind TLS."""
    place = tmp_path_factory.mktemp("encrypted")
    authority.issue_cert("127.0.0.1", "dora.example.com").private_key_and_cert_chain_pem.write_to_path(
        place / "server.pem"
    )
    (place / "web.yaml").write_text("tls_server_config: {cert_file: server.pem, key_file: server.pem}\n")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    settings = {"web": {"allowed_hosts": ["dora.example.com"]}}
    with Daemon(place, settings, (f"--web.config.file={place / 'web.yaml'}",), context).running() as running:
        yield running


def test_an_authority_of_ones_own_is_named(
    encrypted: RunningDaemon, authority: trustme.CA, folder: Path, service: str
) -> None:
    authority.cert_pem.write_to_path(folder / "ca.pem")
    typed = ("deployment", f"--service={service}", f"--url={encrypted.url}")

    assert send(*typed, "--ca-file=ca.pem", folder=folder).code == 0
    assert send(*typed, folder=folder, variables={"SSL_CERT_FILE": "ca.pem"}).code == 0
    assert 1 <= len(listed(encrypted, service)) <= 2


def test_a_certificate_that_is_not_trusted_is_an_error_at_once(encrypted: RunningDaemon, folder: Path) -> None:
    trustme.CA().cert_pem.write_to_path(folder / "other.pem")

    ended = send(*DEPLOYMENT, f"--url={encrypted.url}", "--ca-file=other.pem", folder=folder)

    assert (ended.code, ended.errors.count("\n")) == (WRONG_SERVER, 1)
    assert f"{encrypted.url}: its certificate is not trusted: unable to get local issuer certificate" in ended.errors


def test_a_file_without_certificates_is_an_error(folder: Path) -> None:
    (folder / "ca.pem").write_text("nothing")

    ended = send(*DEPLOYMENT, NOWHERE, "--ca-file=ca.pem", "--", "touch", "deployed", folder=folder)

    assert (ended.code, ended.errors) == (USAGE, "dora-send: --ca-file ca.pem: holds no certificate in PEM\n")
    assert not (folder / "deployed").exists()


def test_a_proxy_of_the_environment_is_used(daemon: RunningDaemon, folder: Path, service: str) -> None:
    variables = {"http_proxy": daemon.url, "DORA_SEND_URL": "http://dora.example.invalid"}

    ended = send("deployment", f"--service={service}", folder=folder, variables=variables)

    assert ended.code == NOT_ALLOWED  # it was reached, and does not know that name
    assert "dora.example.invalid" in ended.errors
    assert "DORA_SEND_API_KEY" not in ended.errors


def test_a_proxy_leads_to_a_server_behind_tls(
    encrypted: RunningDaemon, authority: trustme.CA, folder: Path, service: str
) -> None:
    authority.cert_pem.write_to_path(folder / "ca.pem")
    typed = ("deployment", f"--service={service}", "--url=https://dora.example.com", "--ca-file=ca.pem")

    with tunnel_to(encrypted.port) as proxy:
        ended = send(*typed, folder=folder, variables={"HTTPS_PROXY": proxy})

    assert ended.code == 0
    assert len(listed(encrypted, service)) == 1


@pytest.mark.parametrize("proxy", [f"http:/user:{KEY}@proxy", f"http://user:{KEY}@{'x' * 70}.example"])
def test_a_proxy_that_cannot_be_used_is_said_without_its_password(folder: Path, proxy: str) -> None:
    variables = {"http_proxy": proxy, "DORA_SEND_URL": "http://dora.example.invalid"}

    ended = send(*DEPLOYMENT, "--timeout=1", folder=folder, variables=variables)

    assert ended.errors == "dora-send: the URL of the server or of the proxy cannot be used\n"
    assert ended.code == USAGE


def test_an_incident_that_was_never_opened_is_not_closed(daemon: RunningDaemon, folder: Path, service: str) -> None:
    typed = ("incident", "close", f"--id={service}", f"--url={daemon.url}")

    ended = send(*typed, folder=folder)

    assert (ended.code, ended.errors.count("\n")) == (USAGE, 1)
    assert "to close it anyway, tell --service and --started-at" in ended.errors
    assert send(*typed, f"--service={service}", "--started-at=1577880000", folder=folder).code == 0
    assert len(listed(daemon, service, "failure")) == 1
