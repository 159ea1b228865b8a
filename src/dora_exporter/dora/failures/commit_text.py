"""What a deployment's commits and pull requests say, in the words that rules look for."""

from collections.abc import Iterator
from typing import NamedTuple

from dora_exporter.dora.commit_messages import key_of, number_of, plain
from dora_exporter.dora.events import Commit, Deployment, PullRequest, Shipped
from dora_exporter.dora.repository_parts import parts_of

Mark = tuple[str, ...]
"""By what something shipped can be found: the kind of its name, and the name; a repository may be between them."""


class Mention(NamedTuple):
    """Something that is said, and the mark of what says it: that speaks once, where the series shipped it first."""

    text: str
    speaker: Mark | None


def commits_of(deployment: Deployment) -> tuple[Commit, ...]:
    """The commits that a deployment shipped: as its sender listed them, else as Git says."""
    if deployment.commits is not None:
        return deployment.commits
    shipped = deployment.shipped
    if shipped is None:
        return ()
    return (
        shipped.commits if not shipped.further else tuple(each for part in parts_of(shipped) for each in part.commits)
    )


def merges_of(deployment: Deployment) -> tuple[Commit, ...]:
    """The merges that Git says it shipped; among commits that are listed they are commits like others."""
    return tuple(each for part in _parts_of(deployment) for each in part.merges) if deployment.commits is None else ()


def pull_requests_of(deployment: Deployment) -> tuple[PullRequest, ...]:
    """The pull requests that brought in what it shipped."""
    return tuple(each for part in _parts_of(deployment) for each in part.pull_requests)


def titles(deployment: Deployment) -> Iterator[Mention]:
    """The titles of its pull requests, as a provider or the subject of a squash commit tells them."""
    for pull_request in pull_requests_of(deployment):
        if pull_request.title:
            yield Mention(pull_request.title, speaker_of(pull_request))
    for commit in commits_of(deployment):
        if commit.subject and number_of(commit.subject):
            yield Mention(plain(commit.subject), ("sha", commit.sha))


def subjects(deployment: Deployment) -> Iterator[Mention]:
    """The subjects of its commits, without a pull request's number."""
    for commit in commits_of(deployment):
        if commit.subject:
            yield Mention(plain(commit.subject), ("sha", commit.sha))


def branches(deployment: Deployment) -> Iterator[Mention]:
    """The branches of its pull requests."""
    for pull_request in pull_requests_of(deployment):
        if pull_request.branch:
            yield Mention(pull_request.branch, speaker_of(pull_request))


def labels(deployment: Deployment) -> Iterator[Mention]:
    """The labels of its pull requests."""
    for pull_request in pull_requests_of(deployment):
        for label in pull_request.labels:
            yield Mention(label, speaker_of(pull_request))


def versions(deployment: Deployment) -> Iterator[Mention]:
    """Its version, if it has one."""
    if deployment.version:
        yield Mention(deployment.version, ("version", deployment.version))


def tags(deployment: Deployment) -> Iterator[Mention]:
    """Its custom tags: the deployment itself says these."""
    for tag in deployment.tags:
        yield Mention(tag, None)


def speaker_of(pull_request: PullRequest) -> Mark | None:
    """The mark of a pull request: its number, else its title."""
    if pull_request.number is not None:
        return "number", str(pull_request.number)
    return ("subject", key_of(pull_request.title)) if pull_request.title else None


def marks_of(deployment: Deployment) -> Iterator[Mark]:
    """By what that which it shipped can be found, each mark once."""
    if deployment.commits is None and deployment.shipped is None:
        return
    marks: dict[Mark, None] = {}
    for mark, commit in marked_commits(deployment):
        marks[mark] = None
        if commit.via:
            marks["via", commit.via] = None
    for merge in merges_of(deployment):
        marks["merge", merge.sha] = None
    for words in _words(deployment):
        marks["subject", key_of(words)] = None
        number = number_of(words)
        if number:
            marks["number", number] = None
    for pull_request in pull_requests_of(deployment):
        if pull_request.number is not None:
            marks["number", str(pull_request.number)] = None
    yield from marks


def marked_commits(deployment: Deployment) -> Iterator[tuple[Mark, Commit]]:
    """The commits that it shipped, each with what makes it one with another: its SHA.

    Where two of its repositories have the same commit, it shipped both.
    """
    if deployment.shipped is None or not deployment.shipped.further or deployment.commits is not None:
        for commit in commits_of(deployment):
            yield ("sha", commit.sha), commit
        return
    elsewhere: set[str] = set()
    for part in parts_of(deployment.shipped):
        for commit in part.commits:
            yield ("sha", part.repository, commit.sha) if commit.sha in elsewhere else ("sha", commit.sha), commit
        elsewhere.update(commit.sha for commit in part.commits)


def _parts_of(deployment: Deployment) -> tuple[Shipped, ...]:
    """What Git says it shipped of each of its repositories."""
    shipped = deployment.shipped
    return (shipped,) if shipped and not shipped.further else parts_of(shipped)


def _words(deployment: Deployment) -> Iterator[str]:
    for commit in (*commits_of(deployment), *merges_of(deployment)):
        if commit.subject:
            yield commit.subject
    for pull_request in pull_requests_of(deployment):
        if pull_request.title:
            yield pull_request.title
