"""What a deployment's commits and pull requests say, in the words that rules look for."""

import re
from collections.abc import Iterator

from dora_exporter.events import Commit, Deployment, PullRequest
from dora_exporter.repository_parts import parts_of

_NUMBERED = re.compile(r" \(#(\d{1,9})\)$")
"""How GitHub and others end the subject of a squash commit: with the number of the pull request."""

_REVERTS = re.compile(r"This reverts commit ([0-9a-f]{64}|[0-9a-f]{40})\b")
LONGEST_SUBJECT = 200


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


def subject_of(message: str) -> str | None:
    """The first line of a commit's message, cut to a length that is worth keeping."""
    lines = message.strip().splitlines()
    return lines[0][:LONGEST_SUBJECT] if lines else None


def reverted_by(message: str) -> str | None:
    """The SHA that a commit's message says it reverts."""
    found = _REVERTS.search(message)
    return found[1] if found else None


def titles(deployment: Deployment) -> Iterator[str]:
    """The titles of its pull requests, as a provider or the subject of a squash commit tells them."""
    for pull_request in _pull_requests(deployment):
        if pull_request.title:
            yield pull_request.title
    for commit in commits_of(deployment):
        if commit.subject and _NUMBERED.search(commit.subject):
            yield plain(commit.subject)


def numbers(deployment: Deployment) -> Iterator[str]:
    """The numbers of its pull requests."""
    for pull_request in _pull_requests(deployment):
        if pull_request.number is not None:
            yield str(pull_request.number)
    for commit in commits_of(deployment):
        numbered = _NUMBERED.search(commit.subject or "")
        if numbered:
            yield numbered[1]


def subjects(deployment: Deployment) -> Iterator[str]:
    """The first lines of its commits' messages, without a pull request's number."""
    for commit in commits_of(deployment):
        if commit.subject:
            yield plain(commit.subject)


def branches(deployment: Deployment) -> Iterator[str]:
    """The branches of its pull requests."""
    for pull_request in _pull_requests(deployment):
        if pull_request.branch:
            yield pull_request.branch


def labels(deployment: Deployment) -> Iterator[str]:
    """The labels of its pull requests."""
    for pull_request in _pull_requests(deployment):
        yield from pull_request.labels


def versions(deployment: Deployment) -> Iterator[str]:
    """Its version, if it has one."""
    if deployment.version:
        yield deployment.version


def tags(deployment: Deployment) -> Iterator[str]:
    """Its custom tags."""
    yield from deployment.tags


def plain(subject: str) -> str:
    """A subject without the number of a pull request at its end."""
    return _NUMBERED.sub("", subject)


def _pull_requests(deployment: Deployment) -> Iterator[PullRequest]:
    for part in parts_of(deployment.shipped):
        yield from part.pull_requests
