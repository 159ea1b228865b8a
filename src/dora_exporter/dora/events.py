"""Deployments and incidents, from which everything else is computed.

Times are integers: milliseconds since the epoch, UTC. The structs are frozen, untracked by the garbage collector and
written to the log as they are (``records.py``), so a field's name here is its name on disk. An event is identified by
its id: comparing or hashing one raises TypeError, and ``same_content`` compares all fields.
"""

from typing import Any, Final, Literal, NamedTuple, Never

import msgspec
from msgspec.structs import astuple

MINUTE_MS = 60_000
DAY_MS = 86_400_000
SENT = "api"
"""The source of what was sent to the daemon, and not found by it."""
SUCCEEDED: Final = "succeeded"
Outcome = Literal["failed", "canceled"]
FAILED_OUTCOMES: tuple[Outcome, ...] = ("failed", "canceled")
"""How an attempt to deploy ends that does not succeed."""


class Series(NamedTuple):
    """The unit of every metric."""

    service: str
    environment: str


class PullRequest(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The pull request that merged commits.

    ``ready_at`` is when it was opened or last marked ready for review, ``approved_at`` the last approval before the
    merge; a time is None if that never happened.
    """

    merged_at: int
    ready_at: int | None = None
    approved_at: int | None = None
    number: int | None = None
    title: str | None = None
    branch: str | None = None
    labels: tuple[str, ...] = ()


class Commit(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A commit that a deployment shipped.

    ``subject`` is the first paragraph of its message, ``reverts`` what the rest of it reverts: see
    ``commit_messages.named_reverts``. ``via`` is the squash commit that contains it on the deployed branch,
    ``pull_request`` an index into those of ``Shipped``.
    """

    sha: str
    authored_at: int
    subject: str | None = None
    reverts: str | tuple[str, ...] | None = None
    via: str | None = None
    pull_request: int | None = None


class Shipped(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The commits found in Git for a deployment: those since ``base``, the SHA deployed before it.

    It is valid for the repository and SHA that it names. ``left_out`` counts the commits without a lead time, by cause;
    ``partial`` says that some history was missing. ``further`` has the same for the deployment's further repositories,
    as far as known; ``is_awaited`` says that the first one is not resolved yet. ``excluded`` are the commits of
    excluded authors, ``authors`` changes with the settings about them. ``merges`` have no lead time; a revert may name
    them.
    """

    repository: str
    commit_sha: str
    commits: tuple[Commit, ...] = ()
    base: str | None = None
    left_out: dict[str, int] = {}
    partial: bool = False
    pull_requests: tuple[PullRequest, ...] = ()
    further: tuple["Shipped", ...] = ()
    is_awaited: bool = False
    excluded: tuple[str, ...] = ()
    authors: str | None = None
    merges: tuple[Commit, ...] = ()


class Checkout(msgspec.Struct, frozen=True, gc=False):
    """A commit of a repository."""

    repository: str
    commit_sha: str


class Remediation(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The deployment that remedied a failed one: named by its id or by its version, never by both."""

    type: Literal["rollback", "rollforward"]
    id: str | None = None
    version: str | None = None


class Verdict(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The decision of a person or a client that a deployment failed, or that it did not."""

    change_failure: bool
    remediation: Remediation | None = None


class _ToldApartById(msgspec.Struct, frozen=True, gc=False):
    """A struct that cannot be compared or hashed: it may hold mappings, and its id is its identity."""

    def __eq__(self, other: object) -> Never:
        """Raises TypeError."""
        raise TypeError("events are told apart by id: compare ids, objects with `is`, or use same_content")

    def __hash__(self) -> Never:
        """Raises TypeError."""
        raise TypeError("events are told apart by id: use the id as the key")


FOUND_VERDICT = ("change_failure", "remediation")
"""The facts in ``Deployment.upstream`` by which a source says whether it failed, and what remedied it."""


class Deployment(_ToldApartById, frozen=True, gc=False, omit_defaults=True, tag="deployment", tag_field="type"):
    """One version of a service that reached an environment.

    ``commit_sha`` and ``repository`` are those of what runs, ``further`` those that were deployed with it.
    ``commits`` is the sender's list; None without one. ``revision`` orders the states of a polled item. ``upstream``
    has facts of its source beyond these fields. ``verdict`` and ``shipped`` come later: the store keeps them when the
    deployment is written again. ``outcome`` is None where it succeeded; any other makes it an
    attempt, which counts as such and as nothing else.
    """

    id: str
    service: str
    environment: str
    started_at: int
    finished_at: int
    version: str | None = None
    commit_sha: str | None = None
    repository: str | None = None
    team: str | None = None
    source: str = SENT
    tags: tuple[str, ...] = ()
    commits: tuple[Commit, ...] | None = None
    verdict: Verdict | None = None
    shipped: Shipped | None = None
    revision: int | None = None
    upstream: dict[str, Any] | None = None
    further: tuple[Checkout, ...] = ()
    outcome: Outcome | None = None

    @property
    def series(self) -> Series:
        """The series that it belongs to."""
        return Series(self.service, self.environment)

    @property
    def has_known_commits(self) -> bool:
        """Whether it is known which commits it shipped, if only that there were none."""
        return self.commits is not None or self.shipped is not None

    @property
    def is_found(self) -> bool:
        """Whether a source found it; else a pipeline sent it."""
        return self.source != SENT

    @property
    def is_identified(self) -> bool:
        """Whether it has a version or a SHA, without which rollbacks cannot be detected."""
        return bool(self.version or self.commit_sha)


class Incident(_ToldApartById, frozen=True, gc=False, omit_defaults=True, tag="incident", tag_field="type"):
    """A failure in production. It counts once in each service it names; one without a service only in its team.

    ``finished_at`` is None while it is open. One that was merged into another counts nowhere.
    """

    id: str
    services: tuple[str, ...]
    environment: str
    started_at: int
    finished_at: int | None = None
    name: str | None = None
    severity: str | None = None
    team: str | None = None
    version: str | None = None
    commit_sha: str | None = None
    repository: str | None = None
    source: str = SENT
    tags: tuple[str, ...] = ()
    merged_into: str | None = None
    revision: int | None = None
    upstream: dict[str, Any] | None = None

    @property
    def series(self) -> tuple[Series, ...]:
        """The series in which it counts, none for one that names only a team."""
        return tuple(Series(service, self.environment) for service in self.services)


Event = Deployment | Incident


def same_content(one: Event | None, other: Event | None) -> bool:
    """Whether two events are equal in every field; None equals only None."""
    if one is None or other is None:
        return one is other
    return type(one) is type(other) and astuple(one) == astuple(other)
