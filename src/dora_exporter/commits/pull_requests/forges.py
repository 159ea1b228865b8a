"""The configured providers of pull requests, and which of them knows a repository."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from dora_exporter.commits.git.repositories import Repositories
from dora_exporter.commits.providers import KINDS
from dora_exporter.commits.providers.contract import Lend, PullRequests, PullRequestSettings
from dora_exporter.commits.providers.http import Forge, ForgeMisconfigured
from dora_exporter.runtime.clock import Clock
from dora_exporter.runtime.secret_files import BadSecret, read_secret


@dataclass(frozen=True)
class _OfHost:
    kind: str
    forge: Forge


class Forges:
    """One forge for each host. ``by_name`` has them by their names in the settings."""

    def __init__(
        self, configured: Mapping[str, PullRequestSettings], repositories: Repositories, *, clock: Clock, lend: Lend
    ) -> None:
        """Connects to nothing yet. Of two forges for one host the first counts."""
        self._repositories = repositories
        self._by_host: dict[str, _OfHost] = {}
        self.by_name: dict[str, Forge] = {}
        for name, each in configured.items():
            host, found = _lent(each, each.source, lend, clock) if each.source else _own(each, clock)
            if host not in self._by_host:
                self._by_host[host] = found
                self.by_name[name] = found.forge

    def __bool__(self) -> bool:
        """Whether any is configured."""
        return bool(self.by_name)

    def provider(self, repository: str) -> PullRequests | None:
        """The pull requests of a repository; None where no forge of its host is configured."""
        for spelling in self._repositories.spellings(repository):
            host, _, path = spelling.partition("/")
            if host in self._by_host:
                found = self._by_host[host]
                return KINDS[found.kind].provider(found.forge, path)
        return None

    async def close(self) -> None:
        """Closes every connection."""
        for forge in self.by_name.values():
            await forge.close()


def _lent(settings: PullRequestSettings, source: str, lend: Lend, clock: Clock) -> tuple[str, _OfHost]:
    lent = lend(source)
    return settings.host or lent.host, _OfHost(lent.kind, Forge(lent.base_url, headers=lent.headers, clock=clock))


def _own(settings: PullRequestSettings, clock: Clock) -> tuple[str, _OfHost]:
    name = settings.kind or ""
    kind = KINDS[name]

    async def headers() -> Mapping[str, str]:
        try:
            token = await asyncio.to_thread(read_secret, settings.token, settings.token_file)
        except BadSecret as reason:
            raise ForgeMisconfigured(str(reason)) from None
        return kind.headers(token)

    forge = Forge(settings.base_url or kind.base_url, headers=headers, clock=clock, tls=settings.tls_config)
    return settings.host or kind.host, _OfHost(name, forge)
