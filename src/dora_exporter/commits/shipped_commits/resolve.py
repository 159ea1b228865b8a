"""Resolves the commits that deployments of one sequence shipped. Runs in a thread: immutable data in and out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dora_exporter.commits.pull_requests.enrich import outline
from dora_exporter.commits.shipped_commits.deployment_sequence import SequenceChange, after, names_of, origin, until
from dora_exporter.commits.shipped_commits.excluded_authors import NO_EXCLUSIONS, Authors
from dora_exporter.commits.shipped_commits.rule import PASSED_OVER, Archive, shipped_by, with_origin
from dora_exporter.dora.events import Deployment, Shipped
from dora_exporter.dora.failures.order import finish_order
from dora_exporter.dora.records import Resolution

_AT_ONCE = 100


@dataclass(frozen=True, eq=False)
class ResolutionRequest:
    """The due deployments of a sequence, and how the sequence changed.

    ``last_tries`` are the due deployments that are not tried again: they pass over unknown predecessors, as deployments
    that were resolved before do.
    """

    sequence: tuple[Deployment, ...]
    due: frozenset[str]
    changes: tuple[SequenceChange, ...] = ()
    patterns: tuple[str, ...] = ()
    last_tries: frozenset[str] = frozenset()
    authors: Authors = NO_EXCLUSIONS


@dataclass(frozen=True)
class ResolutionResult:
    """New resolutions; ids that wait for a commit (``waiting``); ids still due (``rest``); unknown SHAs."""

    resolutions: tuple[Resolution, ...]
    waiting: frozenset[str]
    rest: frozenset[str]
    unknown_shas: tuple[str, ...]


def resolve(request: ResolutionRequest, archive: Archive) -> ResolutionResult:
    """Resolves up to a hundred due deployments. Raises ``GitFailed``."""
    sequence = request.sequence
    due = set(request.due)
    its_origin = origin(names_of(sequence))
    together = frozenset(change.order for change in request.changes)
    for change in request.changes:
        due.update(_affected(sequence, change, archive, together))
    places = [place for place, each in enumerate(sequence) if each.id in due and each.commits is None]
    resolutions, waiting, passed, rest = [], set(), set[str](), {sequence[place].id for place in places[_AT_ONCE:]}
    for place in places[:_AT_ONCE]:
        deployment = sequence[place]
        due.discard(deployment.id)
        passes_over = deployment.id in request.last_tries or deployment.shipped is not None
        shipped = shipped_by(
            deployment, sequence[:place], archive, request.patterns, authors=request.authors, passes_over=passes_over
        )
        if shipped is None:
            waiting.add(deployment.id)
            continue
        shipped = with_origin(shipped, its_origin)
        # By what Git says: providers add the rest later, and with it every result would seem new.
        if outline(shipped) != outline(deployment.shipped):
            resolutions.append(Resolution(deployment.id, shipped))
            # What was passed over is still asked for: when it comes, the results that passed it over are found anew.
            passed.update(
                each.commit_sha or "" for each in sequence[place - shipped.left_out.get(PASSED_OVER, 0) : place]
            )
        for each in (
            (deployment,) if deployment.shipped is None else _became_known(sequence[:place], deployment, shipped)
        ):
            change = SequenceChange(finish_order(each), each.commit_sha or "")
            rest.update(_affected(sequence, change, archive, together))
    resolved = {sequence[place].id for place in places[:_AT_ONCE]}
    unknown = dict.fromkeys((*_unknown(sequence, waiting, archive), *passed))
    return ResolutionResult(tuple(resolutions), frozenset(waiting), frozenset(rest - resolved), tuple(unknown))


def _became_known(earlier: Sequence[Deployment], deployment: Deployment, shipped: Shipped) -> Sequence[Deployment]:
    """The deployments that were passed over before, and no more: one that is the first waits for nothing itself."""
    before = deployment.shipped.left_out.get(PASSED_OVER, 0) if deployment.shipped else 0
    return earlier[max(0, len(earlier) - before) : len(earlier) - shipped.left_out.get(PASSED_OVER, 0)]


def _affected(
    sequence: tuple[Deployment, ...],
    change: SequenceChange,
    archive: Archive,
    together: frozenset[tuple[int, int, str]],
) -> Iterator[str]:
    """The deployments whose commits may differ with or without a commit at a place in the sequence.

    They are the next one, and further ones while the commit reaches commits that neither the deployments before the
    place nor those in between reach. Unresolved deployments, and those that changed ``together`` with this one, are
    ignored: each would leave the deployments after both to the other.
    """
    is_unknown = not archive.knows(change.sha)
    is_concerned = True
    covered = {each.commit_sha or "" for each in until(sequence, change) if not _came_along(each, together)}
    for each in after(sequence, change):
        if _came_along(each, together):
            continue
        if each.shipped is not None and (is_concerned or each.shipped.partial):
            yield each.id
        covered.add(each.commit_sha or "")
        if not archive.knows(each.commit_sha or ""):
            continue  # later deployments may pass it over
        if is_unknown:
            is_concerned = False  # but later ones may count it as missing
            continue
        if not archive.difference(change.sha, covered).commits:
            return


def _came_along(deployment: Deployment, together: frozenset[tuple[int, int, str]]) -> bool:
    return not deployment.has_known_commits or finish_order(deployment) in together


def _unknown(sequence: Sequence[Deployment], waiting: set[str], archive: Archive) -> Iterator[str]:
    """The unknown SHAs that deployments wait for: their own, and their predecessors'."""
    for place, each in enumerate(sequence):
        if each.id in waiting:
            for other in sequence[max(0, place - 1) : place + 1]:
                sha = other.commit_sha or ""
                if not archive.knows(sha):
                    yield sha
