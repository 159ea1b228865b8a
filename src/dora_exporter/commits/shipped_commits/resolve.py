"""Works out what deployments of one sequence shipped, in a thread: immutable facts in, immutable results out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dora_exporter.commits.pull_requests.enrich import outline
from dora_exporter.commits.shipped_commits.deployment_sequence import SequenceChange, after, until
from dora_exporter.commits.shipped_commits.excluded_authors import EVERYBODY, Authors
from dora_exporter.commits.shipped_commits.rule import PASSED_OVER, Archive, shipped_by
from dora_exporter.dora.events import Deployment
from dora_exporter.dora.failures.order import finish_order
from dora_exporter.dora.records import Resolution

_AT_ONCE = 100


@dataclass(frozen=True, eq=False)
class Question:
    """Which deployments of a sequence are due, and how the sequence changed.

    ``last_tries`` are the due deployments that are given up afterwards: they pass over what is unknown before them. So
    do those that were resolved before, of which nothing else is unknown.
    """

    sequence: tuple[Deployment, ...]
    due: frozenset[str]
    changes: tuple[SequenceChange, ...] = ()
    patterns: tuple[str, ...] = ()
    last_tries: frozenset[str] = frozenset()
    authors: Authors = EVERYBODY


@dataclass(frozen=True)
class Answer:
    """New results; the ids of deployments that wait for a commit; the ids still to be resolved; unknown SHAs."""

    resolutions: tuple[Resolution, ...]
    waiting: frozenset[str]
    rest: frozenset[str]
    unknown_shas: tuple[str, ...]


def settle(question: Question, archive: Archive | None) -> Answer:
    """Resolves the first deployments that are due. Raises ``GitFailed``."""
    sequence = question.sequence
    due = set(question.due)
    for change in question.changes:
        due.update(_affected(sequence, change, archive))
    places = [place for place, each in enumerate(sequence) if each.id in due and each.commits is None]
    resolutions, waiting, passed, rest = [], set(), set[str](), {sequence[place].id for place in places[_AT_ONCE:]}
    for place in places[:_AT_ONCE]:
        deployment = sequence[place]
        due.discard(deployment.id)
        passes_over = deployment.id in question.last_tries or deployment.shipped is not None
        shipped = shipped_by(
            deployment, sequence[:place], archive, question.patterns, authors=question.authors, passes_over=passes_over
        )
        if shipped is None:
            waiting.add(deployment.id)
            continue
        if outline(shipped) != outline(deployment.shipped):
            resolutions.append(Resolution(deployment.id, shipped))
            passed.update(
                each.commit_sha or "" for each in sequence[place - shipped.left_out.get(PASSED_OVER, 0) : place]
            )
        if deployment.shipped is None:
            rest.update(
                _affected(sequence, SequenceChange(finish_order(deployment), deployment.commit_sha or ""), archive)
            )
    settled = {sequence[place].id for place in places[:_AT_ONCE]}
    unknown = dict.fromkeys((*_unknown(sequence, waiting, archive), *passed))
    return Answer(tuple(resolutions), frozenset(waiting), frozenset(rest - settled), tuple(unknown))


def _affected(sequence: tuple[Deployment, ...], change: SequenceChange, archive: Archive | None) -> Iterator[str]:
    """The deployments whose commits may differ with or without a commit at a place in the sequence.

    They are the one that follows, and further ones as long as the commit reaches something that neither those before
    the place nor those passed on the way reach. Those that were not resolved yet count for neither: they may have come
    together with this one, and each would leave to the other what follows both.
    """
    covered = {each.commit_sha or "" for each in until(sequence, change) if not _is_new(each)}
    for each in after(sequence, change):
        if _is_new(each):
            continue
        if each.shipped is not None:
            yield each.id
        covered.add(each.commit_sha or "")
        if archive is not None and not archive.knows(each.commit_sha or ""):
            continue  # those that follow it may pass it over
        if archive is None or not archive.knows(change.sha):
            return
        if not archive.difference(change.sha, covered).commits:
            return


def _is_new(deployment: Deployment) -> bool:
    return deployment.shipped is None and deployment.commits is None


def _unknown(sequence: Sequence[Deployment], waiting: set[str], archive: Archive | None) -> Iterator[str]:
    """The SHAs that the waiting deployments may wait for: their own, and that of the one before."""
    for place, each in enumerate(sequence):
        if each.id in waiting:
            for other in sequence[max(0, place - 1) : place + 1]:
                sha = other.commit_sha or ""
                if archive is None or not archive.knows(sha):
                    yield sha
