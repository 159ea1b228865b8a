"""The authorities whose certificates are trusted."""

from __future__ import annotations

import ssl

from dora_send.exits import USAGE, Failed


def context(ca_file: str | None) -> ssl.SSLContext:
    """The system's authorities and those of a file; raises ``Failed`` where it cannot be read."""
    trusted = ssl.create_default_context()
    if ca_file:
        try:
            trusted.load_verify_locations(ca_file)
        except ssl.SSLError:
            raise Failed(USAGE, f"--ca-file {ca_file}: holds no certificate in PEM") from None
        except OSError as error:
            raise Failed(USAGE, f"--ca-file {ca_file}: {error.strerror}") from None
    return trusted
