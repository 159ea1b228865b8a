"""Whose certificates are let in, of those that the authority has signed."""

import ssl
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from tests.web.guarded import PATHS, guarded
from tests.web.security.certificates import client as trusting
from tests.web.security.certificates import write_tls

from dora_exporter.web.security.client_certificates import client_certificates
from dora_exporter.web.security.reloading import ActiveWebConfig

REQUIRED = ("client_ca_file: ca.crt", "client_auth_type: RequireAndVerifyClientCert")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Signs every certificate."""
    return trustme.CA()


def with_address_of_three_bytes(authority: trustme.CA) -> trustme.LeafCert:
    """A certificate that a careless authority would sign."""
    key = ec.generate_private_key(ec.SECP256R1())
    signing = load_pem_private_key(authority.private_key_pem.bytes(), None)
    assert isinstance(signing, ec.EllipticCurvePrivateKey)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.load_pem_x509_certificate(authority.cert_pem.bytes()).subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
        .add_extension(
            x509.UnrecognizedExtension(x509.SubjectAlternativeName.oid, b"\x30\x05\x87\x03\x01\x02\x03"), critical=True
        )
        .sign(signing, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return trustme.LeafCert(private, certificate.public_bytes(Encoding.PEM), [])


async def statuses(protection: ActiveWebConfig, context: ssl.SSLContext, *paths: str) -> list[int]:
    found = []
    guard = client_certificates(lambda: protection.current.client_allowed_sans)
    async with guarded(guard, ssl_context=protection.ssl_context) as client:
        for path in paths:
            async with client.get(path, ssl=context) as response:
                found.append(response.status)
    return found


async def is_let_in(folder: Path, authority: trustme.CA, identity: str, allowed: Collection[str] | None) -> bool:
    lines = () if allowed is None else (f"client_allowed_sans: {list(allowed)}",)
    protection = ActiveWebConfig(write_tls(folder, authority, *REQUIRED, *lines))
    (status,) = await statuses(protection, trusting(authority, authority.issue_cert(identity)), PATHS[0])
    assert status in {200, 403}
    return status == 200


@pytest.mark.parametrize(
    ("identity", "allowed", "let_in"),
    [
        ("prometheus.example.org", None, True),
        ("prometheus.example.org", ["prometheus.example.org"], True),
        ("prometheus.example.org", ["grafana.example.org", "prometheus.example.org"], True),
        ("prometheus.example.org", ["grafana.example.org"], False),
        ("prometheus.example.org", ["example.org"], False),
        ("prometheus.example.org", ["*.example.org"], False),
        ("*.example.org", ["prometheus.example.org"], False),
        ("prometheus.example.org", [], False),
        ("10.1.2.3", ["10.1.2.3"], True),
        ("10.1.2.3", ["10.1.2.4"], False),
        ("2001:db8::1", ["2001:db8::1"], True),
        ("ops@example.org", ["ops@example.org"], True),
        ("ops@example.org", ["example.org"], False),
    ],
)
async def test_whose_certificate_is_let_in(
    tmp_path: Path, authority: trustme.CA, identity: str, allowed: Collection[str] | None, *, let_in: bool
) -> None:
    assert await is_let_in(tmp_path, authority, identity, allowed) is let_in


async def test_a_malformed_address_is_the_name_of_nobody(tmp_path: Path, authority: trustme.CA) -> None:
    protection = ActiveWebConfig(write_tls(tmp_path, authority, *REQUIRED, "client_allowed_sans: ['1.2.3']"))
    context = trusting(authority, with_address_of_three_bytes(authority))

    assert await statuses(protection, context, PATHS[0]) == [403]


async def test_a_refusal_looks_like_that_of_a_key_on_every_path(tmp_path: Path, authority: trustme.CA) -> None:
    protection = ActiveWebConfig(write_tls(tmp_path, authority, *REQUIRED, "client_allowed_sans: [somebody]"))
    stranger = trusting(authority, authority.issue_cert("nobody"))

    assert await statuses(protection, stranger, *PATHS, "/no/such/path") == [403] * 4


async def test_a_changed_list_counts_for_open_connections_too(tmp_path: Path, authority: trustme.CA) -> None:
    protection = ActiveWebConfig(write_tls(tmp_path, authority, *REQUIRED, "client_allowed_sans: [somebody]"))
    context = trusting(authority, authority.issue_cert("nobody"))
    guard = client_certificates(lambda: protection.current.client_allowed_sans)
    found = []
    async with guarded(guard, ssl_context=protection.ssl_context) as client:
        for allowed in ("somebody", "nobody", "somebody"):
            write_tls(tmp_path, authority, *REQUIRED, f"client_allowed_sans: [{allowed}]")
            protection.reload()
            async with client.get(PATHS[0], ssl=context) as response:
                found.append(response.status)

    assert found == [403, 200, 403]
