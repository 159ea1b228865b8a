"""Works out what deployments of one line shipped, in a thread: immutable facts in, immutable results out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dora_exporter.commits.pull_requests.enrich import outline
from dora_exporter.commits.shipped_commits.deployment_sequence import Disturbance, after, until
from dora_exporter.commits.shipped_commits.excluded_authors import EVERYBODY, Authors
from dora_exporter.commits.shipped_commits.rule import PASSED_OVER, Archive, has_passed_over, shipped_by
from dora_exporter.dora.events import Deployment
from dora_exporter.dora.failures.order import finish_order
from dora_exporter.dora.records import Resolution

_AT_ONCE = 100


@dataclass(frozen=True, eq=False)
class Question:
    """Which deployments of a line have to be looked at, and what happened in the line.

    ``last_tries`` are those of the due whose wait is over: they pass over what is not known before them, for good.
    """

    line: tuple[Deployment, ...]
    due: frozenset[str]
    disturbances: tuple[Disturbance, ...] = ()
    patterns: tuple[str, ...] = ()
    last_tries: frozenset[str] = frozenset()
    authors: Authors = EVERYBODY


@dataclass(frozen=True)
class Answer:
    """New results; the ids of deployments that wait for a commit; the ids still to be looked at; unknown SHAs."""

    resolutions: tuple[Resolution, ...]
    waiting: frozenset[str]
    rest: frozenset[str]
    unknown_shas: tuple[str, ...]


def settle(question: Question, archive: Archive | None) -> Answer:
    """Looks at the first deployments that are due. Raises ``GitFailed``."""
    line = question.line
    due = set(question.due)
    for disturbance in question.disturbances:
        due.update(_affected(line, disturbance, archive))
    places = [place for place, each in enumerate(line) if each.id in due and each.commits is None]
    resolutions, waiting, passed, rest = [], set(), set[str](), {line[place].id for place in places[_AT_ONCE:]}
    for place in places[:_AT_ONCE]:
        deployment = line[place]
        due.discard(deployment.id)
        passes_over = deployment.id in question.last_tries or has_passed_over(deployment)
        shipped = shipped_by(
            deployment, line[:place], archive, question.patterns, authors=question.authors, passes_over=passes_over
        )
        if shipped is None:
            waiting.add(deployment.id)
            continue
        if outline(shipped) != outline(deployment.shipped):
            resolutions.append(Resolution(deployment.id, shipped))
            passed.update(each.commit_sha or "" for each in line[place - shipped.left_out.get(PASSED_OVER, 0) : place])
        if deployment.shipped is None:
            rest.update(_affected(line, Disturbance(finish_order(deployment), deployment.commit_sha or ""), archive))
    settled = {line[place].id for place in places[:_AT_ONCE]}
    unknown = dict.fromkeys((*_unknown(line, waiting, archive), *passed))
    return Answer(tuple(resolutions), frozenset(waiting), frozenset(rest - settled), tuple(unknown))


def _affected(line: tuple[Deployment, ...], disturbance: Disturbance, archive: Archive | None) -> Iterator[str]:
    """The deployments whose commits may differ with or without a commit at a place in the line.

    They are the one that follows, and further ones as long as the commit reaches something that neither those before
    the place nor those passed on the way reach. Those that were not looked at yet count for neither: they may have come
    together with this one, and each would leave to the other what follows both.
    """
    covered = {each.commit_sha or "" for each in until(line, disturbance) if not _is_new(each)}
    for each in after(line, disturbance):
        if _is_new(each):
            continue
        if each.shipped is not None:
            yield each.id
        covered.add(each.commit_sha or "")
        if archive is not None and not archive.knows(each.commit_sha or ""):
            continue  # those that follow it may pass it over
        if archive is None or not archive.knows(disturbance.sha):
            return
        if not archive.difference(disturbance.sha, covered).commits:
            return


def _is_new(deployment: Deployment) -> bool:
    return deployment.shipped is None and deployment.commits is None


def _unknown(line: Sequence[Deployment], waiting: set[str], archive: Archive | None) -> Iterator[str]:
    """The SHAs that those who wait may wait for: their own, and that of the one before them."""
    for place, each in enumerate(line):
        if each.id in waiting:
            for other in line[max(0, place - 1) : place + 1]:
                sha = other.commit_sha or ""
                if archive is None or not archive.knows(sha):
                    yield sha
