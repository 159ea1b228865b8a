"""Which commits a deployment shipped, and the table of the providers that know pull requests."""

from collections.abc import Callable
from dataclasses import dataclass

from dora_exporter.commits.providers import github, gitlab
from dora_exporter.commits.providers.contract import Provider


@dataclass(frozen=True)
class Kind:
    """A product: its default address, and the client of its API."""

    host: str
    base_url: str
    headers: Callable[[str | None], dict[str, str]]
    provider: Provider


KINDS = {
    "github": Kind(github.HOST, github.BASE_URL, github.headers, github.GitHub),
    "gitlab": Kind(gitlab.HOST, gitlab.BASE_URL, gitlab.headers, gitlab.GitLab),
}
"""The providers by the name they have in the configuration."""
