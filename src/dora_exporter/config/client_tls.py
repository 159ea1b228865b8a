"""TLS of outgoing requests: trusted certificates and our own, by the keys of Prometheus's ``tls_config``."""

import ssl

from pydantic import BaseModel, ConfigDict

from dora_exporter.config.validators import NamedFile


class TlsConfig(BaseModel):
    """Trusted authorities and a client certificate. Without ``ca_file`` the machine's authorities are trusted."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    ca_file: NamedFile | None = None
    cert_file: NamedFile | None = None
    key_file: NamedFile | None = None
    insecure_skip_verify: bool = False


def client_context(config: TlsConfig) -> ssl.SSLContext:
    """The TLS context of a configuration; reads its files. Raises ``OSError``, which includes ``ssl.SSLError``."""
    context = ssl.create_default_context(cafile=config.ca_file)
    if config.cert_file is not None:
        context.load_cert_chain(config.cert_file, config.key_file, password="")
    if config.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
