"""Whom to trust when something is asked by HTTPS, and who we are: the keys that Prometheus calls ``tls_config``."""

import ssl

from pydantic import BaseModel, ConfigDict

from dora_exporter.config.validators import NamedFile


class TlsConfig(BaseModel):
    """Whom to trust, and who we are. Without ``ca_file`` whom this machine trusts."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    ca_file: NamedFile | None = None
    cert_file: NamedFile | None = None
    key_file: NamedFile | None = None
    insecure_skip_verify: bool = False


def client_context(config: TlsConfig) -> ssl.SSLContext:
    """What the configuration describes; reads its files. Raises ``OSError`` (of which ``ssl.SSLError`` is one)."""
    context = ssl.create_default_context(cafile=config.ca_file)
    if config.cert_file is not None:
        context.load_cert_chain(config.cert_file, config.key_file, password="")
    if config.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
