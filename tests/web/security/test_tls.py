"""What a ``tls_server_config`` makes of real handshakes."""

import errno
import os
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from tests.web.security.certificates import client, issue, write, write_tls
from tests.web.security.handshakes import greeting, shake_hands

from dora_exporter.config.errors import ConfigError
from dora_exporter.web.security import tls, web_config

VERIFY = ("client_ca_file: ca.crt", "client_auth_type: RequireAndVerifyClientCert")


ENCRYPTED_KEY = """\
-----BEGIN ENCRYPTED PRIVATE KEY-----
MIH0MF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBDfZJOh8pHIOuiPQLRJ
yr87AgIIADAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQTrGPcOusRYPnj9/U
+sWfDASBkAMk+q9lE1L7T4Xztuub/Rt/j4yrT0kAVToYRW0/MtKWQdyzYqDddDQN
KMwVjM0Woy+PCU0+722QNxmkzgJR4odead/55jpQHKkKHhmC3oQiJvX2/YOIGdgj
ZsT6eAaXU/0Wcxe6Hc0VuqYd4nOwNR7Hj/936ON9AGTw1ng6kxUPAHwGY0dJ/hCy
FLsMB1rkhw==
-----END ENCRYPTED PRIVATE KEY-----
"""


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Signs every certificate that is good."""
    return trustme.CA()


def mistakes(path: Path) -> str:
    with pytest.raises(ConfigError) as raised:
        web_config.load(path)
    return str(raised.value)


def read_only(**_: object) -> NoReturn:
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))


def weak() -> tuple[bytes, bytes]:
    """An RSA key of 1024 bits, and a certificate of it."""
    key = rsa.generate_private_key(65537, 1024)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private, certificate.public_bytes(Encoding.PEM)


async def versions(path: Path, authority: trustme.CA) -> list[str]:
    """The versions of TLS that the server speaks, of those that are not broken."""
    spoken = []
    async with greeting(web_config.load(path).tls) as port:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = client(authority)
            context.minimum_version = context.maximum_version = version
            agreed = await shake_hands(port, context)
            spoken += [str(agreed.version)] if agreed else []
    return spoken


async def is_let_in(path: Path, context: ssl.SSLContext) -> bool:
    async with greeting(web_config.load(path).tls) as port:
        return await shake_hands(port, context) is not None


@pytest.mark.parametrize(
    ("lines", "spoken"),
    [
        ((), ["TLSv1.2", "TLSv1.3"]),
        (("min_version: TLS12",), ["TLSv1.2", "TLSv1.3"]),
        (("min_version: TLS13",), ["TLSv1.3"]),
        (("max_version: TLS12",), ["TLSv1.2"]),
        (("min_version: TLS12", "max_version: TLS13"), ["TLSv1.2", "TLSv1.3"]),
    ],
)
async def test_the_versions_that_are_spoken(
    tmp_path: Path, authority: trustme.CA, lines: tuple[str, ...], spoken: list[str]
) -> None:
    assert await versions(write_tls(tmp_path, authority, *lines), authority) == spoken


async def test_a_version_below_1_2_is_never_spoken(tmp_path: Path, authority: trustme.CA) -> None:
    context = web_config.load(write_tls(tmp_path, authority)).tls

    assert context is not None
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


async def test_the_first_configured_cipher_suite_that_the_client_has_is_taken(
    tmp_path: Path, authority: trustme.CA
) -> None:
    path = write_tls(
        tmp_path,
        authority,
        "max_version: TLS12",
        "cipher_suites: [TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]",
    )
    context = client(authority)
    context.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305")

    async with greeting(web_config.load(path).tls) as port:
        agreed = await shake_hands(port, context)

    assert agreed is not None
    assert agreed.cipher == "ECDHE-ECDSA-CHACHA20-POLY1305"


async def test_the_client_chooses_the_cipher_suite_if_the_server_has_no_preference(
    tmp_path: Path, authority: trustme.CA
) -> None:
    path = write_tls(
        tmp_path,
        authority,
        "max_version: TLS12",
        "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]",
        "prefer_server_cipher_suites: false",
    )
    context = client(authority)
    context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384")

    async with greeting(web_config.load(path).tls) as port:
        agreed = await shake_hands(port, context)

    assert agreed is not None
    assert agreed.cipher == "ECDHE-ECDSA-AES128-GCM-SHA256"


async def test_suites_of_tls_1_3_alone_leave_nothing_for_tls_1_2(tmp_path: Path, authority: trustme.CA) -> None:
    path = write_tls(tmp_path, authority, "cipher_suites: [TLS_AES_128_GCM_SHA256]")

    assert await versions(path, authority) == ["TLSv1.3"]


@pytest.mark.parametrize(
    ("curve", "theirs", "agrees"),
    [
        ("CurveP256", "prime256v1", True),
        ("CurveP384", "secp384r1", True),
        ("CurveP384", "prime256v1", False),
        ("CurveP521", "secp521r1", True),
        ("X25519", "X25519", True),
        ("X25519", "prime256v1", False),
    ],
)
async def test_the_curve_that_is_preferred_is_the_only_one(
    tmp_path: Path, authority: trustme.CA, curve: str, theirs: str, *, agrees: bool
) -> None:
    path = write_tls(tmp_path, authority, f"curve_preferences: [{curve}]")
    context = client(authority)
    context.set_ecdh_curve(theirs)

    assert await is_let_in(path, context) is agrees


async def test_nobody_needs_a_certificate_unless_the_file_says_so(tmp_path: Path, authority: trustme.CA) -> None:
    assert await is_let_in(write_tls(tmp_path, authority), client(authority))


@pytest.mark.parametrize(
    ("kind", "without", "with_ours", "with_anothers"),
    [("RequireAndVerifyClientCert", False, True, False), ("VerifyClientCertIfGiven", True, True, False)],
)
async def test_whose_client_certificate_is_taken(
    tmp_path: Path, authority: trustme.CA, kind: str, *, without: bool, with_ours: bool, with_anothers: bool
) -> None:
    path = write_tls(tmp_path, authority, "client_ca_file: ca.crt", f"client_auth_type: {kind}")
    ours, anothers = authority.issue_cert("client"), trustme.CA().issue_cert("client")

    authenticate = [await is_let_in(path, client(authority, each)) for each in (None, ours, anothers)]

    assert authenticate == [without, with_ours, with_anothers]


async def test_an_expired_client_certificate_is_refused(tmp_path: Path, authority: trustme.CA) -> None:
    expired = authority.issue_cert("client", not_after=datetime(2020, 1, 1, tzinfo=UTC))

    assert not await is_let_in(write_tls(tmp_path, authority, *VERIFY), client(authority, expired))


async def test_an_intermediate_authority_can_be_the_one_that_is_trusted(tmp_path: Path, authority: trustme.CA) -> None:
    path = write_tls(tmp_path, authority, *VERIFY)
    ours, anothers = authority.create_child_ca(), authority.create_child_ca()
    ours.cert_pem.write_to_path(tmp_path / "ca.crt")

    assert await is_let_in(path, client(authority, ours.issue_cert("client")))
    assert not await is_let_in(path, client(authority, anothers.issue_cert("client")))


async def test_certificates_and_keys_can_be_written_into_the_file(tmp_path: Path, authority: trustme.CA) -> None:
    issued = authority.issue_cert("127.0.0.1")
    pems = {"cert": issued.cert_chain_pems[0], "key": issued.private_key_pem, "client_ca": authority.cert_pem}
    blocks = (
        f"  {key}: |\n" + "".join(f"    {line}\n" for line in pem.bytes().decode().splitlines())
        for key, pem in pems.items()
    )
    text = "tls_server_config:\n  client_auth_type: RequireAndVerifyClientCert\n" + "".join(blocks)
    path = write(tmp_path, text)

    assert await is_let_in(path, client(authority, authority.issue_cert("client")))
    assert not await is_let_in(path, client(authority))


async def test_a_chain_is_sent_whole(tmp_path: Path, authority: trustme.CA) -> None:
    path = write_tls(tmp_path, authority)
    issued = authority.create_child_ca().issue_cert("127.0.0.1")
    chain = b"".join(pem.bytes() for pem in issued.cert_chain_pems)
    (tmp_path / "server.crt").write_bytes(chain)
    issued.private_key_pem.write_to_path(tmp_path / "server.key")

    assert await is_let_in(path, client(authority))


def test_paths_are_taken_from_the_folder_of_the_file(tmp_path: Path, authority: trustme.CA) -> None:
    issue(authority, tmp_path / "certs", name="server")
    path = write(tmp_path, "tls_server_config: {cert_file: certs/server.crt, key_file: certs/server.key}")

    assert web_config.load(path).tls is not None


def test_absolute_paths_are_taken_as_they_are(tmp_path: Path, authority: trustme.CA) -> None:
    certs = tmp_path / "certs"
    issue(authority, certs)
    path = write(
        tmp_path / "elsewhere", f"tls_server_config: {{cert_file: {certs}/server.crt, key_file: {certs}/server.key}}"
    )

    assert web_config.load(path).tls is not None


def test_a_key_that_belongs_to_another_certificate_is_named(tmp_path: Path, authority: trustme.CA) -> None:
    path = write_tls(tmp_path, authority)
    authority.issue_cert("other").private_key_pem.write_to_path(tmp_path / "server.key")

    assert mistakes(path) == f"{path}:3: tls_server_config.key_file: does not belong to the certificate"


@pytest.mark.parametrize("name", ["server.crt", "server.key", "ca.crt"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, authority: trustme.CA, name: str) -> None:
    path = write_tls(tmp_path, authority, *VERIFY)
    (tmp_path / name).unlink()
    line, key = {"server.crt": (2, "cert_file"), "server.key": (3, "key_file"), "ca.crt": (4, "client_ca_file")}[name]

    reason = f"cannot be read: {tmp_path / name}: No such file or directory"
    assert mistakes(path) == f"{path}:{line}: tls_server_config.{key}: {reason}"


def test_every_file_that_is_not_there_is_named_at_once(tmp_path: Path, authority: trustme.CA) -> None:
    path = write_tls(tmp_path, authority, *VERIFY)
    for name in ("server.crt", "server.key", "ca.crt"):
        (tmp_path / name).unlink()

    assert [line.split(": ")[1] for line in mistakes(path).splitlines()] == [
        f"tls_server_config.{key}_file" for key in ("cert", "key", "client_ca")
    ]


@pytest.mark.parametrize(
    "content", ["", "rubbish\n", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "é"]
)
@pytest.mark.parametrize(("name", "key"), [("server.crt", "cert_file"), ("ca.crt", "client_ca_file")])
def test_a_file_without_a_certificate_is_named(
    tmp_path: Path, authority: trustme.CA, name: str, key: str, content: str
) -> None:
    path = write_tls(tmp_path, authority, *VERIFY)
    (tmp_path / name).write_text(content)

    assert mistakes(path).split(": ")[1:] == [f"tls_server_config.{key}", "holds no certificate in PEM"]


@pytest.mark.parametrize("content", ["", "rubbish\n", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_file_without_a_key_is_named(tmp_path: Path, authority: trustme.CA, content: str) -> None:
    path = write_tls(tmp_path, authority)
    (tmp_path / "server.key").write_text(content)

    assert mistakes(path) == f"{path}:3: tls_server_config.key_file: holds no unencrypted key in PEM"


def test_a_key_with_a_password_is_refused_and_nobody_is_asked_for_it(tmp_path: Path, authority: trustme.CA) -> None:
    path = write_tls(tmp_path, authority)
    (tmp_path / "server.key").write_text(ENCRYPTED_KEY)

    assert mistakes(path) == f"{path}:3: tls_server_config.key_file: holds no unencrypted key in PEM"


def test_a_key_that_is_too_short_for_openssl_is_named(tmp_path: Path, authority: trustme.CA) -> None:
    path = write_tls(tmp_path, authority)
    key, certificate = weak()
    (tmp_path / "server.key").write_bytes(key)
    (tmp_path / "server.crt").write_bytes(certificate)

    assert (
        mistakes(path)
        == f"{path}:2: tls_server_config.cert_file: has a key that is too short for this machine's OpenSSL"
    )


def test_without_a_place_for_a_temporary_file_a_key_must_be_in_a_file(
    tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue(authority, tmp_path)
    path = write(tmp_path, "tls_server_config:\n  cert_file: server.crt\n  key: any\n")
    monkeypatch.setattr(tls, "TemporaryDirectory", read_only)

    reason = "needs a temporary folder because it is given inline: Read-only file system"
    assert mistakes(path) == f"{path}:3: tls_server_config.key: {reason}"


def test_a_client_authority_that_is_written_into_the_file_and_is_none(tmp_path: Path, authority: trustme.CA) -> None:
    path = write_tls(tmp_path, authority, "client_auth_type: RequireAndVerifyClientCert", "client_ca: é")

    assert mistakes(path) == f"{path}:5: tls_server_config.client_ca: holds no certificate in PEM"
