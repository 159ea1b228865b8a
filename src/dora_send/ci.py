"""The CI servers: the variables by which each is known, and by which it tells run, attempt, job and commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class Provider:
    """The variables of a CI server. ``run`` must all be there, or nothing tells this run from another one."""

    def __init__(
        self,
        name: str,
        markers: Sequence[str],
        *,
        run: Sequence[str],
        attempt: Sequence[str],
        commit: str,
        repository: str,
    ) -> None:
        """``attempt`` and what tells jobs apart may be absent; ``repository`` is a template of a URL."""
        self.name = name
        self.markers = markers
        self.run = run
        self.attempt = attempt
        self.commit = commit
        self.repository = repository


PROVIDERS = (
    Provider(
        "github",
        ["GITHUB_ACTIONS"],
        run=["GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID"],
        attempt=["GITHUB_RUN_ATTEMPT", "GITHUB_JOB"],
        commit="GITHUB_SHA",
        repository="{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}",
    ),
    Provider(
        "gitlab",
        ["GITLAB_CI"],
        run=["CI_PROJECT_URL", "CI_PIPELINE_ID"],
        attempt=["CI_JOB_ID", "CI_JOB_NAME"],  # a job that is retried has a new id
        commit="CI_COMMIT_SHA",
        repository="{CI_PROJECT_URL}",
    ),
    Provider(
        "jenkins",
        ["JENKINS_URL", "JENKINS_HOME"],
        run=["JOB_NAME", "BUILD_NUMBER"],
        attempt=["JENKINS_URL", "STAGE_NAME"],  # a build that is run again has a new number
        commit="GIT_COMMIT",
        repository="{GIT_URL}",
    ),
    Provider(
        "circleci",
        ["CIRCLECI"],
        run=["CIRCLE_WORKFLOW_ID"],
        attempt=["CIRCLE_BUILD_NUM", "CIRCLE_JOB"],  # each run of a job has a number
        commit="CIRCLE_SHA1",
        repository="{CIRCLE_REPOSITORY_URL}",
    ),
    Provider(
        "azure",
        ["TF_BUILD"],
        run=["SYSTEM_COLLECTIONURI", "SYSTEM_TEAMPROJECT", "BUILD_BUILDID"],
        attempt=["SYSTEM_STAGEATTEMPT", "SYSTEM_JOBATTEMPT", "SYSTEM_STAGENAME", "SYSTEM_PHASENAME", "SYSTEM_JOBNAME"],
        commit="BUILD_SOURCEVERSION",
        repository="{BUILD_REPOSITORY_URI}",
    ),
    Provider(
        "bitbucket",
        ["BITBUCKET_BUILD_NUMBER"],
        run=["BITBUCKET_REPO_FULL_NAME", "BITBUCKET_BUILD_NUMBER"],
        attempt=["BITBUCKET_STEP_RUN_NUMBER", "BITBUCKET_STEP_UUID"],
        commit="BITBUCKET_COMMIT",
        repository="https://bitbucket.org/{BITBUCKET_REPO_FULL_NAME}",
    ),
    Provider(
        "buildkite",
        ["BUILDKITE"],
        run=["BUILDKITE_BUILD_ID"],
        attempt=["BUILDKITE_RETRY_COUNT", "BUILDKITE_JOB_ID", "BUILDKITE_STEP_ID"],
        commit="BUILDKITE_COMMIT",
        repository="{BUILDKITE_REPO}",
    ),
)


class Run:
    """One attempt of one job, as its CI server tells it."""

    def __init__(self, provider: Provider, environment: Mapping[str, str]) -> None:
        """``environment`` has the variables."""
        self._provider = provider
        self._environment = environment

    @property
    def commit(self) -> str | None:
        """The SHA that the pipeline runs for."""
        return self._environment.get(self._provider.commit) or None

    @property
    def repository(self) -> str | None:
        """The URL of its repository."""
        try:
            return self._provider.repository.format_map(self._environment) or None
        except KeyError:
            return None

    def event_id(self, *told: object) -> str | None:
        """An id that this attempt of this job gives to what it tells, and no other one; None where it cannot be known.

        Sent again it is the same event; when the job is run again, it is another one.
        """
        given = {name: self._environment.get(name, "") for name in (*self._provider.run, *self._provider.attempt)}
        if not all(given[name] for name in self._provider.run):
            return None
        from hashlib import sha256

        return f"{self._provider.name}:{sha256(repr((sorted(given.items()), told)).encode()).hexdigest()[:40]}"


def current(environment: Mapping[str, str]) -> Run | None:
    """The run of the CI server that this process belongs to; None outside of those that are known."""
    for provider in PROVIDERS:
        if any(environment.get(marker) for marker in provider.markers):
            return Run(provider, environment)
    return None
