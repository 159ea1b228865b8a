"""Which commits give lead times, and in which series."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dora_exporter.commits.shipped_commits.excluded_authors import NO_EXCLUSIONS, Authors
from dora_exporter.dora.catalogue.catalogue import NO_CATALOGUE, Catalogue


@dataclass(frozen=True)
class CommitFilter:
    """``patterns`` are the paths that count, by service; all do of a service without any. ``authors`` excludes some.

    ``catalogue`` has the names of the series.
    """

    patterns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    authors: Authors = NO_EXCLUSIONS
    catalogue: Catalogue = NO_CATALOGUE
