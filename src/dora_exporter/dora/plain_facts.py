"""The facts of many deployments that did nothing but finish, kept as lists of moments."""

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple, Self

from dora_exporter.dora.events import Deployment


class PlainFacts(NamedTuple):
    """The finish times of many deployments of a series whose facts are no more than ``DeploymentFacts.of``."""

    finished: Sequence[int]
    unidentified: Sequence[int]
    by_source: Mapping[str, Sequence[int]]

    @classmethod
    def of(cls, deployments: Sequence[Deployment]) -> Self:
        """The facts of these deployments, all at once."""
        finished = list(map(attrgetter("finished_at"), deployments))
        # Not by ``is_identified``: a start asks a million, and a call for each takes longer than all the rest here.
        unidentified = [each.finished_at for each in deployments if not (each.version or each.commit_sha)]
        sources = set(map(attrgetter("source"), deployments))
        if len(sources) == 1:
            return cls(finished, unidentified, {sources.pop(): finished})
        by_source = {name: [each.finished_at for each in deployments if each.source == name] for name in sources}
        return cls(finished, unidentified, by_source)
