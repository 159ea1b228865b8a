"""Which deployments took back what which had shipped: everything is looked through for every question.

All functions take the living deployments of one series that are seen at the moment.
"""

from collections.abc import Sequence

from tests.oracle.living import finish_order

from dora_exporter.dora.commit_messages import is_revert, key_of, named_reverts, number_of, quoted_by
from dora_exporter.dora.events import Commit, Deployment

Found = tuple[Deployment, list[Commit]]
"""What is taken back: the deployment that shipped it first, and its commits that are meant."""


def reverted_by(revert: Deployment, deployments: Sequence[Deployment]) -> list[Deployment]:
    """The earlier deployments that were the first to ship what this one takes back, and does not bring back itself."""
    in_order = sorted(deployments, key=finish_order)
    live = [each for each in _commits(revert) if _speaks(each, revert, in_order) and _takes_back(each)]
    return [
        shipper
        for commit in live
        if not _is_brought_back(commit, live, revert, in_order, ())
        for shipper, meant in _taken_back(commit, revert, in_order)
        if finish_order(shipper) < finish_order(revert) and not _was_revert(shipper, meant, in_order, ())
    ]


def _is_brought_back(
    commit: Commit, live: Sequence[Commit], revert: Deployment, in_order: Sequence[Deployment], path: tuple[str, ...]
) -> bool:
    """Whether another commit of the same deployment, itself not brought back, takes it back."""
    if commit.sha in path:
        return False
    return any(
        shipper is revert
        and any(each.sha == commit.sha for each in meant)
        and not _is_brought_back(other, live, revert, in_order, (*path, commit.sha))
        for other in live
        for shipper, meant in _taken_back(other, revert, in_order)
    )


def _was_revert(
    shipper: Deployment, meant: Sequence[Commit], in_order: Sequence[Deployment], path: tuple[str, ...]
) -> bool:
    """Whether what is taken back took something back itself; of a bare SHA all that was shipped with it has to have."""
    merges = {each.sha for each in _merges(shipper)}
    telling = [each for each in meant if each.sha not in merges or _takes_back(each)]
    if telling:
        return any(_reverts(each, shipper, in_order, path) for each in telling)
    whole = [each for each in _commits(shipper) if _speaks(each, shipper, in_order)]
    return bool(whole) and all(_reverts(each, shipper, in_order, path) for each in whole)


def _reverts(commit: Commit, shipper: Deployment, in_order: Sequence[Deployment], path: tuple[str, ...]) -> bool:
    if commit.sha in path or not _takes_back(commit):
        return False
    found = _taken_back(commit, shipper, in_order)
    if found:
        return any(not _was_revert(each, meant, in_order, (*path, commit.sha)) for each, meant in found)
    quoting = [text for text in (commit.subject or "", *named_reverts(commit)) if quoted_by(text) is not None]
    return any(map(is_revert, quoting)) if quoting else True


def _takes_back(commit: Commit) -> bool:
    return bool(named_reverts(commit)) or quoted_by(commit.subject or "") is not None


def _taken_back(commit: Commit, at: Deployment, in_order: Sequence[Deployment]) -> list[Found]:
    """What a commit takes back: SHAs if it names any, else requests, else what its subject or lines of it quote."""
    shas = [name for name in named_reverts(commit) if name.isalnum()]
    if shas:
        return [found for found in (_with_sha(sha, in_order) for sha in shas) if found]
    numbers = [name[1:] for name in named_reverts(commit) if name.startswith("#")]
    requests = [found for found in (_with_number(number, in_order) for number in numbers) if found]
    if requests:
        return requests
    quoted = [quoted_by(text) for text in (commit.subject or "", *named_reverts(commit))]
    return [found for found in (_with_subject(text, at, in_order) for text in quoted if text) if found]


def _with_sha(sha: str, in_order: Sequence[Deployment]) -> Found | None:
    full = {
        known for each in in_order for known in _shas(each) if known == sha or (len(sha) < 40 and known.startswith(sha))
    }
    if len(full) != 1:
        return None
    (known,) = full
    first = next(each for each in in_order if known in _shas(each))
    return first, [each for each in (*_commits(first), *_merges(first)) if known in (each.sha, each.via)]


def _with_number(number: str, in_order: Sequence[Deployment]) -> Found | None:
    for each in in_order:
        meant = [commit for commit in (*_commits(each), *_merges(each)) if number_of(commit.subject or "") == number]
        if meant:
            return each, meant
    return None


def _with_subject(subject: str, at: Deployment, in_order: Sequence[Deployment]) -> Found | None:
    number = number_of(subject)
    numbered = _with_number(number, in_order) if number else None
    if numbered:
        return numbered
    for each in reversed(in_order):
        meant = [
            commit
            for commit in (*_commits(each), *_merges(each))
            if commit.subject and key_of(commit.subject) == key_of(subject) and _speaks(commit, each, in_order)
        ]
        if meant and finish_order(each) <= finish_order(at):
            return each, meant
    return None


def _speaks(commit: Commit, shipper: Deployment, in_order: Sequence[Deployment]) -> bool:
    """Whether a deployment was the first to ship a commit, or to be of that commit itself."""
    return next(each for each in in_order if commit.sha in _shas(each)) is shipper


def _shas(deployment: Deployment) -> set[str]:
    shipped = (*_commits(deployment), *_merges(deployment))
    named = {name for each in shipped for name in (each.sha, each.via) if name}
    return named | ({deployment.commit_sha} if deployment.commit_sha else set())


def _commits(deployment: Deployment) -> Sequence[Commit]:
    if deployment.commits is not None:
        return deployment.commits
    return deployment.shipped.commits if deployment.shipped else ()


def _merges(deployment: Deployment) -> Sequence[Commit]:
    return deployment.shipped.merges if deployment.shipped and deployment.commits is None else ()
