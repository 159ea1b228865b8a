"""What counts as a deployment on GitHub without a deployment object: a release, a workflow run or a tag."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from dora_exporter.sources.contract import Ignored
from dora_exporter.sources.github.scope import Scope
from dora_exporter.sources.github.times import State
from dora_exporter.sources.http import timestamps

_ENDS: Mapping[str, State] = {
    "success": "succeeded",
    "failure": "failed",
    "timed_out": "failed",
    "startup_failure": "failed",
    "cancelled": "canceled",
}
"""The conclusions of a workflow's run that are ends of a deployment."""
_SHORT_SHA = 12


class NotUnderstood(Exception):
    """An object of GitHub's that cannot become an event."""


@dataclass(frozen=True, kw_only=True)
class Repository:
    """Where something was deployed from; ``url`` is where it is cloned or looked at."""

    full_name: str
    url: str

    @property
    def name(self) -> str:
        """The name without its owner."""
        return self.full_name.rpartition("/")[2]


@dataclass(frozen=True, kw_only=True)
class Happened:
    """``key`` tells it apart. Where ``is_time_guessed``, what is already held is better."""

    key: str
    repository: Repository
    started_ms: int
    finished_ms: int
    revision: int
    state: State = "succeeded"
    sha: str | None = None
    version: str | None = None
    task: str = ""
    is_time_guessed: bool = False


class Run(msgspec.Struct, frozen=True):
    """A run of a workflow in its latest attempt, as webhooks and the REST API show it."""

    id: int
    head_sha: str
    conclusion: str | None = None
    path: str = ""
    head_branch: str | None = None
    run_attempt: int = 1
    run_started_at: str | None = None
    created_at: str | None = None
    updated_at: str | None = None


def release(release_id: int, repository: Repository, *, tag: str, sha: str | None, published_ms: int) -> Happened:
    """A published release."""
    return Happened(
        key=f"release:{release_id}",
        repository=repository,
        started_ms=published_ms,
        finished_ms=published_ms,
        revision=published_ms,
        sha=sha,
        version=tag,
        task="release",
    )


def tag(repository_id: int, repository: Repository, *, name: str, sha: str, at_ms: int, is_guess: bool) -> Happened:
    """A tag of a commit. When it was pushed only the webhook knows, so ``is_guess`` is true of polled ones."""
    return Happened(
        key=f"tag:{repository_id}:{sha[:_SHORT_SHA]}:{name}",
        repository=repository,
        started_ms=at_ms,
        finished_ms=at_ms,
        revision=0 if is_guess else at_ms,
        sha=sha,
        version=name,
        task="tag",
        is_time_guessed=is_guess,
    )


def run(shown: Run, repository: Repository, scope: Scope, *, now_ms: int) -> Happened | Ignored:
    """A run that may have ended; raises ``NotUnderstood``."""
    if not scope.has_run(shown.path, shown.head_branch or ""):
        return Ignored.FILTERED
    state = _ENDS.get(shown.conclusion or "")
    if state is None:
        return Ignored.NO_EVENT
    finished_ms = moment(shown.updated_at, now_ms)
    return Happened(
        key=f"run:{shown.id}:{shown.run_attempt}",
        repository=repository,
        started_ms=moment(shown.run_started_at or shown.created_at, now_ms),
        finished_ms=finished_ms,
        revision=finished_ms,
        state=state,
        sha=shown.head_sha,
        task=shown.path.partition("@")[0],
    )


def moment(text: str | None, now_ms: int) -> int:
    """A moment in milliseconds; raises ``NotUnderstood``."""
    ms = timestamps.moment(text, now_ms=now_ms)
    if ms is None:
        raise NotUnderstood("it has no valid time")
    return ms
