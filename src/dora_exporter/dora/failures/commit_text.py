"""The texts that rules match: those of a deployment's commits and pull requests."""

from collections.abc import Iterator
from typing import NamedTuple

from dora_exporter.dora.commit_messages import key_of, number_of, plain
from dora_exporter.dora.events import Commit, Deployment, PullRequest
from dora_exporter.dora.repository_parts import found_parts, parts_of

LookupKey = tuple[str, ...]
"""A name by which shipped things are indexed: its kind, perhaps a repository, and the name itself."""


class ShippedText(NamedTuple):
    """A text, and the key of the commit or pull request it is from. It counts where the series shipped it first."""

    text: str
    origin: LookupKey | None


def commits_of(deployment: Deployment) -> tuple[Commit, ...]:
    """The commits that a deployment shipped: those its sender listed, else those found in Git."""
    if deployment.commits is not None:
        return deployment.commits
    shipped = deployment.shipped
    if shipped is None:
        return ()
    return (
        shipped.commits if not shipped.further else tuple(each for part in parts_of(shipped) for each in part.commits)
    )


def merges_of(deployment: Deployment) -> tuple[Commit, ...]:
    """The merges found in Git. In a list from a sender, merges are commits like others."""
    return tuple(each for part in found_parts(deployment) for each in part.merges)


def pull_requests_of(deployment: Deployment) -> tuple[PullRequest, ...]:
    """The pull requests by which the commits found in Git were merged; no provider is asked about a sender's list."""
    return tuple(each for part in found_parts(deployment) for each in part.pull_requests)


def titles(deployment: Deployment) -> Iterator[ShippedText]:
    """The titles of its pull requests, from a provider or from the subject of a squash commit."""
    for pull_request in pull_requests_of(deployment):
        if pull_request.title:
            yield ShippedText(pull_request.title, origin_of(pull_request))
    for commit in commits_of(deployment):
        if commit.subject and number_of(commit.subject):
            yield ShippedText(plain(commit.subject), ("sha", commit.sha))


def subjects(deployment: Deployment) -> Iterator[ShippedText]:
    """The subjects of its commits, without a pull request's number."""
    for commit in commits_of(deployment):
        if commit.subject:
            yield ShippedText(plain(commit.subject), ("sha", commit.sha))


def branches(deployment: Deployment) -> Iterator[ShippedText]:
    """The branches of its pull requests."""
    for pull_request in pull_requests_of(deployment):
        if pull_request.branch:
            yield ShippedText(pull_request.branch, origin_of(pull_request))


def labels(deployment: Deployment) -> Iterator[ShippedText]:
    """The labels of its pull requests."""
    for pull_request in pull_requests_of(deployment):
        for label in pull_request.labels:
            yield ShippedText(label, origin_of(pull_request))


def versions(deployment: Deployment) -> Iterator[ShippedText]:
    """Its version, if it has one."""
    if deployment.version:
        yield ShippedText(deployment.version, ("version", deployment.version))


def tags(deployment: Deployment) -> Iterator[ShippedText]:
    """Its custom tags, which have no commit that they are from."""
    for tag in deployment.tags:
        yield ShippedText(tag, None)


def origin_of(pull_request: PullRequest) -> LookupKey | None:
    """The key of a pull request: its number, else its title."""
    if pull_request.number is not None:
        return "number", str(pull_request.number)
    return ("subject", key_of(pull_request.title)) if pull_request.title else None


def keys_of(deployment: Deployment) -> Iterator[LookupKey]:
    """The keys of everything that a deployment shipped, each once."""
    seen: set[LookupKey] = set()
    for key in _keys_of(deployment) if deployment.has_known_commits else ():
        if key not in seen:
            seen.add(key)
            yield key


def keyed_commits(deployment: Deployment) -> Iterator[tuple[LookupKey, Commit]]:
    """The commits that a deployment shipped, with the keys that identify them.

    A commit in two of its repositories was shipped twice, and has two keys.
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


def _keys_of(deployment: Deployment) -> Iterator[LookupKey]:
    for key, commit in keyed_commits(deployment):
        yield key
        if commit.via:
            yield "via", commit.via
    for merge in merges_of(deployment):
        yield "merge", merge.sha
    for words in _words(deployment):
        yield "subject", key_of(words)
        number = number_of(words)
        if number:
            yield "number", number
    for pull_request in pull_requests_of(deployment):
        if pull_request.number is not None:
            yield "number", str(pull_request.number)


def _words(deployment: Deployment) -> Iterator[str]:
    for commit in (*commits_of(deployment), *merges_of(deployment)):
        if commit.subject:
            yield commit.subject
    for pull_request in pull_requests_of(deployment):
        if pull_request.title:
            yield pull_request.title
