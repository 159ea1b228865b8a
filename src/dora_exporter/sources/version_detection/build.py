"""What a version was built from, as far as the upstream knows: the commit, the repository and the team."""

import re
from typing import NamedTuple

from dora_exporter.dora import repository_names
from dora_exporter.dora.bounds import bounded_label

_SHA = re.compile(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}")


class Build(NamedTuple):
    """The commit and the repository of a version, and its team; a field is None where it is not known."""

    commit_sha: str | None = None
    repository: str | None = None
    team: str | None = None

    def completed(self, other: "Build") -> "Build":
        """This build with what only another one knows."""
        return Build(*(mine or others for mine, others in zip(self, other, strict=True)))


NO_BUILD = Build()


def build_of(commit: str, repository: str, team: str) -> Build:
    """The build that labels name. A commit that is not a full SHA, or a repository that is not a URL, is left out."""
    return Build(commit_of(commit), _repository(repository), bounded_label(team) if team else None)


def commit_of(text: str) -> str | None:
    """A full SHA in lower case; None for any other text."""
    return text.lower() if _SHA.fullmatch(text) else None


def _repository(url: str) -> str | None:
    """The repository; None for placeholders such as ``unknown``, which have no path, and for what is no URL."""
    try:
        name = repository_names.normalise(url) if url else ""
    except ValueError:
        return None
    return name if "/" in name and len(name.split()) == 1 else None
