"""The web configuration in force, read again when its files change."""

import logging
import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dora_exporter.config_errors import ConfigError, Mistake
from dora_exporter.web_config import WebConfig, files_of, load

logger = logging.getLogger(__name__)


class WebProtection:
    """Holds the web configuration. The file is read when this is made, and by ``refresh`` and ``reload``.

    These two read files: call them in a thread. TLS can be changed while the daemon listens, not switched on or off.
    """

    def __init__(self, path: Path | None) -> None:
        """Raises ``ConfigError``. Without a path nothing is protected."""
        self._path = path
        self._stamps = _stamps(path)
        self._failed = False
        self.current = load(path) if path else WebConfig()
        self.ssl_context = _CurrentContext(self) if self.current.tls else None

    def reload(self) -> None:
        """Takes the file as it is now; raises ``ConfigError`` and keeps what is in force."""
        if self._path is None:
            return
        stamps = _stamps(self._path)
        read = load(self._path)
        if (read.tls is None) != (self.current.tls is None):
            mistake = Mistake(f"{self._path}:1", "tls_server_config: TLS is switched on or off by a restart only")
            raise ConfigError([mistake])
        self._stamps, self.current = stamps, read

    def refresh(self) -> None:
        """Takes the file as it is now if it, or a certificate, has changed; logs what is wrong with it."""
        if self._path is None or (stamps := _stamps(self._path)) == self._stamps:
            return
        try:
            self.reload()
        except ConfigError as mistakes:
            self._stamps = stamps
            logger.error("web configuration not reloaded, the one before stays in use mistakes=%s", mistakes)
        else:
            logger.info("web configuration reloaded path=%s", self._path)


class _CurrentContext(ssl.SSLContext):
    """A context in whose place, for every new connection, the one in force is used."""

    _protection: WebProtection

    def __new__(cls, protection: WebProtection) -> "_CurrentContext":
        context = super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)
        context._protection = protection
        return context

    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:
        context = self._protection.current.tls
        return (context or super()).wrap_bio(*arguments, **options)
