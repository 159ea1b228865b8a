"""Who may send what over HTTP: keys, the web configuration file, and the rules for senders."""

import asyncio
import ssl
from collections.abc import Iterator

from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from dora_exporter.app.derived_settings import rules_for_senders
from dora_exporter.app.settings import Settings, check_doors
from dora_exporter.config import public_url
from dora_exporter.runtime.clock import stopwatch
from dora_exporter.runtime.hosts import host_of, one_spelling
from dora_exporter.web.api import git_metadata, numbers
from dora_exporter.web.security.api_keys import Access, Right
from dora_exporter.web.security.basic_auth import basic_auth, user_of
from dora_exporter.web.security.browsers import Doors, refuse_pages
from dora_exporter.web.security.client_certificates import client_certificates
from dora_exporter.web.security.rate_limit import rate_limit
from dora_exporter.web.security.reloading import ActiveWebConfig
from dora_exporter.web.server.headers import OnPrepare, adding
from dora_exporter.web.server.limits import CurrentRules
from dora_exporter.web.webhooks.addresses import proves_itself


class HttpAccess:
    """Applies the settings about who may send requests. ``use`` puts others into effect at once."""

    def __init__(self, settings: Settings) -> None:
        """Raises ``ConfigError`` for a bad web configuration file."""
        self.access = Access()
        self._open_addresses = settings.web.listen_addresses
        self.rules = CurrentRules()
        """The rules for senders now in effect."""
        self._doors = Doors()
        self._is_protected = settings.web.config_file is not None
        self._protection = ActiveWebConfig(settings.web.config_file)
        self._apply(settings)

    @property
    def ssl_context(self) -> ssl.SSLContext | None:
        """The TLS context of connections; None for plain HTTP."""
        return self._protection.ssl_context

    def middlewares(self) -> Iterator[Middleware]:
        """The checks of every request; those of the web configuration file are left out without one."""
        yield refuse_pages(self._doors, self.access.holds_key)
        if self._is_protected:
            yield client_certificates(lambda: self._protection.current.client_allowed_sans)
            yield rate_limit(lambda: self._protection.current.rate_limit, stopwatch=stopwatch)
            yield basic_auth(lambda: self._protection.current.users, has_key=self._stands_for_a_password)

    def on_prepare(self) -> Iterator[OnPrepare]:
        """The headers that the web configuration file adds to each response."""
        if self._is_protected:
            yield adding(lambda: self._protection.current.headers)

    def may_write(self, request: web.Request) -> bool:
        """Whether a webhook may write: it needs a key, or a password where users are configured."""
        if user_of(request) is not None:
            return True
        if self._protection.current.users and not self.access.is_closed:
            return False
        return self.access.allows(request, Right.WRITE)

    async def use(self, settings: Settings) -> None:
        """Puts reloaded settings into effect; raises ``ConfigError``, and those before stay in effect."""
        check_doors(settings, self._open_addresses, has_keys=self.access.is_closed)
        await asyncio.to_thread(self._protection.reload)
        self._apply(settings)

    async def refresh(self) -> None:
        """Reads the web configuration file again if it, or a file that it names, has changed."""
        await asyncio.to_thread(self._protection.refresh)
        self._watch_doors()

    def _apply(self, settings: Settings) -> None:
        self.rules.now = rules_for_senders(settings)
        listening = [host_of(address) for address in settings.web.listen_addresses]
        external = one_spelling(public_url.host_of(settings.web.external_url or "") or "")
        self._doors.allowed_hosts = frozenset(
            each for each in (*listening, external, *settings.web.allowed_hosts) if each
        )
        self.cors_origins = frozenset(settings.web.cors_origins)
        self.access.replace(
            api_keys=[key.get_secret_value() for key in settings.api_keys],
            read_keys=[key.get_secret_value() for key in settings.read_keys],
        )
        self._watch_doors()

    def _watch_doors(self) -> None:
        self._doors.is_open = not (self.access.is_closed or self._protection.current.users)

    def _stands_for_a_password(self, request: web.Request) -> bool:
        """Whether a request needs no password: it has a key, or perhaps a signature, which its handler verifies."""
        if request.method == hdrs.METH_OPTIONS and request.path == numbers.NUMBERS.path:
            return True  # a browser asks without password or key whether it may send one
        in_query = request.path.rstrip("/") == git_metadata.SERIES.path
        return proves_itself(request) or self.access.holds_key(request, key_in_query=in_query)
