"""The configured providers of pull requests, and which of them knows a repository."""

import asyncio
from collections.abc import Mapping

from dora_exporter.commits.git.repositories import Repositories
from dora_exporter.commits.providers import KINDS
from dora_exporter.commits.providers.contract import PullRequests, PullRequestSettings
from dora_exporter.commits.providers.http import Forge, ForgeMisconfigured
from dora_exporter.runtime.clock import Clock
from dora_exporter.runtime.secret_files import BadSecret, read_secret


class Forges:
    """One forge for each host. ``by_name`` has them by their names in the settings."""

    def __init__(
        self, configured: Mapping[str, PullRequestSettings], repositories: Repositories, *, clock: Clock
    ) -> None:
        """Connects to nothing yet. Of two forges for one host the first counts."""
        self._repositories = repositories
        self._by_host: dict[str, tuple[PullRequestSettings, Forge]] = {}
        self.by_name: dict[str, Forge] = {}
        for name, each in configured.items():
            host = each.host or KINDS[each.kind].host
            if host not in self._by_host:
                self.by_name[name] = _forge(each, clock)
                self._by_host[host] = each, self.by_name[name]

    def __bool__(self) -> bool:
        """Whether any is configured."""
        return bool(self.by_name)

    def provider(self, repository: str) -> PullRequests | None:
        """The pull requests of a repository; None where no forge of its host is configured."""
        for spelling in self._repositories.spellings(repository):
            host, _, path = spelling.partition("/")
            if host in self._by_host:
                settings, forge = self._by_host[host]
                return KINDS[settings.kind].provider(forge, path)
        return None

    async def close(self) -> None:
        """Closes every connection."""
        for forge in self.by_name.values():
            await forge.close()


def _forge(settings: PullRequestSettings, clock: Clock) -> Forge:
    kind = KINDS[settings.kind]

    async def headers() -> Mapping[str, str]:
        try:
            token = await asyncio.to_thread(read_secret, settings.token, settings.token_file)
        except BadSecret as reason:
            raise ForgeMisconfigured(str(reason)) from None
        return kind.headers(token)

    return Forge(settings.base_url or kind.base_url, headers=headers, clock=clock, tls=settings.tls_config)
