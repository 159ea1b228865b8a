"""The stages of a commit's lead time."""

from collections.abc import Callable, Iterable, Iterator

from dora_exporter.dora.events import MINUTE_MS, Commit, Deployment, PullRequest
from dora_exporter.dora.repository_parts import parts_of

STAGES = ("time_to_pr_ready", "review", "merge", "time_to_deploy", "deploy")
CLOCK_SKEW_MS = 5 * MINUTE_MS
"""How far a stage may end before it begins, because clocks differ; its length is then 0."""


def stages_of(deployment: Deployment, commits: Iterable[Commit]) -> Iterator[tuple[str, int]]:
    """The stages of the commits that a deployment shipped, with their lengths in milliseconds.

    Without a pull request there are only ``time_to_deploy``, which then begins with the commit, and ``deploy``, which
    is missing if the deployment starts when it finishes. A commit made after the pull request was ready has no
    ``time_to_pr_ready``, one made after the last approval no ``review``; without approval there is neither ``review``
    nor ``merge``. A stage that ends before it begins is missing.
    """
    request_of = _requests(deployment)
    for commit in commits:
        for stage, begun, ended in _spans(deployment, commit, request_of(commit)):
            if begun is not None and ended is not None and ended - begun >= -CLOCK_SKEW_MS:
                yield stage, max(0, ended - begun)


def _spans(
    deployment: Deployment, commit: Commit, pull_request: PullRequest | None
) -> Iterator[tuple[str, int | None, int | None]]:
    if pull_request is not None:
        ready_at, approved_at = pull_request.ready_at, pull_request.approved_at
        if ready_at is not None and commit.authored_at <= ready_at:
            yield "time_to_pr_ready", commit.authored_at, ready_at
        if approved_at is not None and commit.authored_at <= approved_at:
            yield "review", ready_at, approved_at
        yield "merge", approved_at, pull_request.merged_at
    yield "time_to_deploy", pull_request.merged_at if pull_request else commit.authored_at, deployment.started_at
    if deployment.started_at != deployment.finished_at:
        yield "deploy", deployment.started_at, deployment.finished_at


def _requests(deployment: Deployment) -> Callable[[Commit], PullRequest | None]:
    """A function that finds the pull request of a commit. The index in a commit counts within its repository."""
    parts = parts_of(deployment.shipped)
    if not parts:
        return lambda _: None
    if len(parts) == 1:
        only = parts[0].pull_requests
        return lambda commit: None if commit.pull_request is None else only[commit.pull_request]
    found = {
        id(commit): part.pull_requests[commit.pull_request]
        for part in parts
        for commit in part.commits
        if commit.pull_request is not None
    }
    return lambda commit: found.get(id(commit))
