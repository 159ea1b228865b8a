"""Which commits give lead times."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dora_exporter.commits.shipped_commits.excluded_authors import NO_EXCLUSIONS, Authors


@dataclass(frozen=True)
class CommitFilter:
    """``patterns`` are the paths that count, by service; all do of a service without any. ``authors`` excludes some."""

    patterns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    authors: Authors = NO_EXCLUSIONS
