"""Certificates on disk, and web configuration files that name them."""

import ssl
from pathlib import Path
from textwrap import dedent

import trustme

BCRYPT = "$2b$04$nRgDh7NgBsWFDQsKC9vFQOdvgEsGpBGQwIBwJ1xInWHaRwzGoZMly"
"""A password's hash."""


def issue(authority: trustme.CA, folder: Path, *, name: str = "server") -> trustme.LeafCert:
    """A certificate for 127.0.0.1, which is also in ``<name>.crt`` with its key in ``<name>.key``."""
    issued = authority.issue_cert("127.0.0.1", "localhost")
    folder.mkdir(exist_ok=True)
    issued.cert_chain_pems[0].write_to_path(folder / f"{name}.crt")
    issued.private_key_pem.write_to_path(folder / f"{name}.key")
    return issued


def write(folder: Path, text: str) -> Path:
    """A web configuration file."""
    folder.mkdir(exist_ok=True)
    path = folder / "web.yml"
    path.write_text(dedent(text), encoding="utf-8")
    return path


def write_tls(folder: Path, authority: trustme.CA, *lines: str) -> Path:
    """A web configuration file that has a certificate, and these lines below ``tls_server_config``."""
    issue(authority, folder)
    authority.cert_pem.write_to_path(folder / "ca.crt")
    settings = ("tls_server_config:", "cert_file: server.crt", "key_file: server.key", *lines)
    return write(folder, "\n  ".join(settings))


def client(authority: trustme.CA, certificate: trustme.LeafCert | None = None) -> ssl.SSLContext:
    """The context of a client that trusts the authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    if certificate is not None:
        certificate.configure_cert(context)
    return context
