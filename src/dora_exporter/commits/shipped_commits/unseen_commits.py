"""Finds the results that may change because the commit of an earlier deployment, which needed none, has come."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dora_exporter.commits.git.repository import Repository
from dora_exporter.commits.shipped_commits.deployment_sequence import SequenceChange, SequenceKey
from dora_exporter.commits.shipped_commits.rule import CAUSES, has_seen
from dora_exporter.dora.events import Deployment, Shipped
from dora_exporter.dora.failures.order import finish_order


@dataclass(frozen=True, eq=False)
class Unseen:
    """The SHAs of a sequence that were not seen, by deployment.

    ``is_first_look`` is set where the repository was not looked into before: what it knows now it may have known when
    the results were found.
    """

    key: SequenceKey
    sequence: tuple[Deployment, ...]
    shas: Mapping[str, str]
    is_first_look: bool


@dataclass(frozen=True)
class Arrival:
    """The deployments whose SHAs are ``seen`` now, the ``changes`` that this makes, and ``outdated`` results."""

    key: SequenceKey
    seen: Collection[str]
    changes: tuple[SequenceChange, ...] = ()
    outdated: tuple[str, ...] = ()


def arrivals(unseen: Sequence[Unseen], repository: Repository) -> list[Arrival]:
    """What became known of some sequences. Runs in a thread."""
    return [_arrival(each, repository) for each in unseen]


def _arrival(unseen: Unseen, repository: Repository) -> Arrival:
    seen = frozenset(each for each, sha in unseen.shas.items() if repository.knows(sha))
    hidden = _hidden(unseen.sequence, seen) if seen else []
    if unseen.is_first_look:
        return Arrival(unseen.key, seen, outdated=tuple(_outdated(unseen.sequence, hidden, repository)))
    found = [unseen.sequence[place] for place in hidden]
    return Arrival(
        unseen.key,
        seen,
        changes=tuple(SequenceChange(finish_order(each), each.commit_sha or "") for each in found),
        outdated=tuple(each.id for each in found),  # other changes leave out what changes together with them
    )


def _hidden(sequence: Sequence[Deployment], seen: Collection[str]) -> list[int]:
    """The places of those whose SHA was unknown when the next one was resolved, as far as a later one was."""
    last = max((place for place, each in enumerate(sequence) if each.shipped is not None), default=0)
    return [
        place
        for place, each in enumerate(sequence[:last])
        if each.id in seen and not has_seen(sequence[place + 1], each)
    ]


def _outdated(sequence: Sequence[Deployment], hidden: Sequence[int], repository: Repository) -> Iterator[str]:
    """The deployments whose results hold or count commits that a hidden one before them may reach."""
    if not hidden:
        return
    results = {
        place: _shas(each.shipped)
        for place, each in enumerate(sequence[hidden[0] :], hidden[0])
        if each.commits is None and each.shipped is not None
    }
    heads = [sequence[place].commit_sha or "" for place in hidden]
    first = repository.first_to_reach(heads, {sha for shas in results.values() for sha in shas})
    for place, shas in results.items():
        is_uncertain = hidden[0] < place and _counts_nameless(sequence[place].shipped)
        if is_uncertain or any(hidden[first[sha]] < place for sha in shas if sha in first):
            yield sequence[place].id


def _counts_nameless(shipped: Shipped | None) -> bool:
    """Whether a result only counts some commits, so that nobody can say which these are."""
    return shipped is not None and sum(shipped.left_out.get(cause, 0) for cause in CAUSES) > len(shipped.merges)


def _shas(shipped: Shipped) -> set[str]:
    """The commits of a result, as Git has them."""
    return {*(each.via or each.sha for each in shipped.commits), *(each.sha for each in shipped.merges)}
