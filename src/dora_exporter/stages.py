"""The stages of a commit's way into production."""

from collections.abc import Iterator

from dora_exporter.events import MINUTE_MS, Commit, Deployment, PullRequest

STAGES = ("time_to_pr_ready", "review", "merge", "time_to_deploy", "deploy")
CLOCK_SKEW_MS = 5 * MINUTE_MS
"""So much before its beginning may a stage end, because clocks differ: it then took no time."""


def stages_of(deployment: Deployment, commit: Commit) -> Iterator[tuple[str, int]]:
    """The stages that a shipped commit went through, with their lengths in milliseconds.

    Without a pull request there are only ``time_to_deploy``, which then begins with the commit, and ``deploy``, which
    is missing when of the deployment only one moment is known. A commit made after the pull request was ready has no
    ``time_to_pr_ready``, one made after the last approval no ``review``; without approval there is neither ``review``
    nor ``merge``. A stage that ends before it begins is missing.
    """
    for stage, begun, ended in _spans(deployment, commit):
        if begun is not None and ended is not None and ended - begun >= -CLOCK_SKEW_MS:
            yield stage, max(0, ended - begun)


def _spans(deployment: Deployment, commit: Commit) -> Iterator[tuple[str, int | None, int | None]]:
    pull_request = _pull_request(deployment, commit)
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


def _pull_request(deployment: Deployment, commit: Commit) -> PullRequest | None:
    if deployment.shipped is None or commit.pull_request is None:
        return None
    return deployment.shipped.pull_requests[commit.pull_request]
