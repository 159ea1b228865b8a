"""The web configuration in force, which follows its files."""

import logging
import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Self
from weakref import WeakSet

from typing_extensions import override

from dora_exporter.config.errors import ConfigError, Mistake
from dora_exporter.runtime.file_limit import file_limit, most_connections
from dora_exporter.web.security.web_config import WebConfig, files_of, load

logger = logging.getLogger(__name__)


class ActiveWebConfig:
    """Holds the web configuration. ``reload`` and ``refresh`` read files: call them in a thread.

    Whatever changes counts from the next request or connection on, but TLS is not switched on or off while listening.
    """

    def __init__(self, path: Path | None) -> None:
        """Reads the file; raises ``ConfigError``. Without a path nothing is protected."""
        self._path = path
        self._stamps = _stamps(files_of(path)) if path else {}
        self.current = load(path) if path else WebConfig()
        self.ssl_context = _CurrentContext(self) if self.current.tls else None

    def reload(self) -> None:
        """Loads the file; on an error raises ``ConfigError`` and keeps the previous configuration."""
        if self._path is None:
            return
        stamps = _stamps(files_of(self._path))
        read = load(self._path)
        if (read.tls is None) != (self.current.tls is None):
            raise ConfigError(
                [Mistake(f"{self._path}:1", "tls_server_config: switching TLS on or off needs a restart")]
            )
        if self.current.is_guarded and not read.is_guarded:
            raise ConfigError([Mistake(f"{self._path}:1", "switching authentication off needs a restart")])
        self._stamps, self.current = stamps, read

    def refresh(self) -> None:
        """Loads the file if it, or a file that it names, has changed; logs its mistakes."""
        if self._path is None or _stamps(self._stamps) == self._stamps:
            return
        if mistakes := self._attempt():
            self._stamps = _stamps(files_of(self._path))  # the next complaint comes after the next change
            logger.error("web configuration reload failed, the previous one stays in use mistakes=%s", mistakes)
        else:
            logger.info("web configuration reloaded path=%s", self._path)

    def _attempt(self) -> ConfigError | None:
        try:
            self.reload()
        except ConfigError as mistakes:
            return mistakes
        return None


class _CurrentContext(ssl.SSLContext):
    """Serves each new connection with the current context, even one newer than the listening socket."""

    _active: ActiveWebConfig
    _open: WeakSet[ssl.SSLObject]

    def __new__(cls, active: ActiveWebConfig) -> Self:
        context = super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)
        context._active = active
        context._open = WeakSet()
        return context

    @override
    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        if len(self._open) >= _most_handshakes_and_connections():
            raise ssl.SSLError("too many unfinished TLS handshakes")
        context = self._active.current.tls
        if context is None:  # not while it listens, for only a restart switches TLS off
            return super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)
        made = context.wrap_bio(incoming, outgoing, server_side, server_hostname, session)
        self._open.add(made)
        return made


def _most_handshakes_and_connections() -> int:
    """A connection is counted as one only when its handshake is finished, so there is room for some that are not."""
    most = most_connections(file_limit())
    return most + max(4, most // 4)


def _stamps(files: Iterable[Path]) -> Mapping[Path, tuple[int, ...]]:
    """Identifies the content of files by inode, size and time; empty for a missing file."""
    return {file: _stamp(file) for file in files}


def _stamp(file: Path) -> tuple[int, ...]:
    try:
        found = file.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns
