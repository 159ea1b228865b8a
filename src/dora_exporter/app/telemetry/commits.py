"""The families about commits and repositories."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from dora_exporter.commits.git.commit_object import is_sha
from dora_exporter.commits.git.repositories import Repositories
from dora_exporter.commits.pull_requests.pull_request_resolver import PullRequestResolver
from dora_exporter.commits.shipped_commits import rule
from dora_exporter.commits.shipped_commits.resolver import Resolver
from dora_exporter.dora.changes import Change
from dora_exporter.dora.correlations import waits_for_commit
from dora_exporter.dora.events import Deployment, Event
from dora_exporter.dora.failures.commit_text import commits_of
from dora_exporter.dora.failures.first_shipments import CLOCK_SKEW_MS
from dora_exporter.dora.repository_parts import excluded_of, found_parts, views_of
from dora_exporter.runtime.cooperative import in_turns

_LEFT_OUT = (*rule.CAUSES, "negative", "author")


class CommitCounts:
    """Counts the commits of stored deployments. Observes the store; everything is zero before ``load``."""

    def __init__(self) -> None:
        """Starts at zero."""
        self.clear()

    def clear(self) -> None:
        """Sets everything to zero again, until ``load``."""
        self.is_loaded = False
        self.resolved = 0
        self.commits = 0
        self.left_out: Counter[str] = Counter()
        self.unresolved: Counter[str] = Counter()
        """Deployments with unknown commits, by the repository that they name."""
        self.uncorrelated = 0
        """Deployments by GitOps whose commit no correlation names."""
        self.without_sha = 0
        """Deployments that name a repository and a commit by something other than a SHA."""

    async def load(self, held: Iterator[Sequence[Deployment]]) -> None:
        """Counts the deployments that the store held when it began to observe, a few milliseconds at a time."""
        async for some in in_turns(held):
            for each in some:
                self._count(each, 1)
        self.is_loaded = True

    def observe(self, changes: Sequence[Change]) -> None:
        """Counts writes to deployments."""
        for before, after in changes:
            if before is after:
                continue
            if before is not None:
                self._count(before, -1)
            if after is not None:
                self._count(after, 1)

    def _count(self, deployment: Event, number: int) -> None:
        if not isinstance(deployment, Deployment) or deployment.outcome:  # an attempt ships nothing
            return
        for view in views_of(deployment) if deployment.commits is None else ():
            if view.shipped is None:
                self._count_unresolved(view, number)
        if not deployment.has_known_commits:
            return
        commits, excluded = commits_of(deployment), excluded_of(deployment)
        self.resolved += number * (deployment.shipped is not None)
        self.commits += number * len(commits)
        latest = deployment.finished_at + CLOCK_SKEW_MS
        self.left_out["negative"] += number * sum(
            commit.authored_at > latest and commit.sha not in excluded for commit in commits
        )
        self.left_out["author"] += number * sum(commit.sha in excluded for commit in commits)
        for part in found_parts(deployment):
            for cause, count in part.left_out.items():
                self.left_out[cause] += number * count

    def _count_unresolved(self, deployment: Deployment, number: int) -> None:
        name, sha = deployment.repository, deployment.commit_sha
        if deployment.upstream is not None and waits_for_commit(deployment):
            self.uncorrelated += number
        if not name or not sha:
            return
        if not is_sha(sha):
            self.without_sha += number
            return
        self.unresolved[name] += number
        if not self.unresolved[name]:
            del self.unresolved[name]


class CommitsCollector:
    """The state of commit resolution and of the repositories."""

    def __init__(
        self,
        *,
        counts: CommitCounts,
        resolver: Callable[[], Resolver | None],
        pull_request_resolver: Callable[[], PullRequestResolver | None],
        repositories: Repositories,
    ) -> None:
        """``resolver`` and ``pull_request_resolver`` return None while another replica runs them."""
        self._pull_request_resolver = pull_request_resolver
        self._counts = counts
        self._resolver = resolver
        self._repositories = repositories

    def collect(self) -> Iterable[Metric]:
        """The current counts once they are loaded, and the state of the repositories."""
        if self._counts.is_loaded:
            yield from self._deployments()
            yield from self._commits()
        yield from self._fetches()
        yield from self._sizes()

    def _deployments(self) -> Iterable[Metric]:
        family = GaugeMetricFamily(
            "dora_exporter_commit_resolutions",
            "Deployments that name a commit, by state: resolved, pending while waiting for the commit, unknown after "
            "the wait timed out; absent while they are counted after startup.",
            labels=("state",),
        )
        family.add_metric(("resolved",), self._counts.resolved)
        resolver = self._resolver()
        if resolver is not None:
            family.add_metric(("pending",), resolver.pending)
            family.add_metric(("unknown",), resolver.unknown)
        yield family
        without = GaugeMetricFamily(
            "dora_exporter_deployments_without_commits",
            "Deployments without lead times, by cause: the first one of its series, a gap of more than 60 days before "
            "it, an unknown commit, a repository that is neither configured nor uploaded, no full SHA, an "
            "image or a configuration without a known commit; absent while they are counted after startup.",
            labels=("cause",),
        )
        for cause in rule.CAUSES_OF_NONE:
            without.add_metric((cause,), self._counts.left_out[cause])
        if resolver is not None:
            without.add_metric(("unknown",), resolver.unknown)
        without.add_metric(("no_repository",), self._of_no_repository())
        without.add_metric(("no_sha",), self._counts.without_sha)
        without.add_metric(("uncorrelated",), self._counts.uncorrelated)
        yield without
        yield GaugeMetricFamily(
            "dora_exporter_deployments_passed_over",
            "Deployments skipped because their commit stays unknown; the next one shipped the commits since the one "
            "before them. Absent while they are counted after startup.",
            value=self._counts.left_out[rule.PASSED_OVER],
        )

    def _of_no_repository(self) -> int:
        named = self._counts.unresolved
        return sum(number for name, number in named.items() if not self._repositories.holds(name))

    def _commits(self) -> Iterable[Metric]:
        yield GaugeMetricFamily(
            "dora_exporter_commits_held",
            "Commits shipped by deployments; absent while they are counted after startup.",
            value=self._counts.commits,
        )
        family = GaugeMetricFamily(
            "dora_exporter_commits_left_out",
            "Commits without a lead time, by cause; absent while they are counted after startup.",
            labels=("cause",),
        )
        for cause in _LEFT_OUT:
            family.add_metric((cause,), self._counts.left_out[cause])
        yield family

    def _fetches(self) -> Iterable[Metric]:
        success = GaugeMetricFamily(
            "dora_exporter_repository_last_fetch_timestamp_seconds",
            "When a repository was last fetched.",
            labels=("repository",),
        )
        errors = CounterMetricFamily(
            "dora_exporter_repository_fetch_errors", "Failed fetches of a repository.", labels=("repository",)
        )
        misconfigured = GaugeMetricFamily(
            "dora_exporter_repository_misconfigured",
            "1 while the repository rejects the credentials or a credentials file is unusable, else 0.",
            labels=("repository",),
        )
        resolver = self._resolver()
        for health in resolver.fetches.values() if resolver else ():
            if health.last_success_ms is not None:
                success.add_metric((health.label,), health.last_success_ms / 1000)
            errors.add_metric((health.label,), health.errors)
            misconfigured.add_metric((health.label,), health.is_misconfigured)
        yield success
        yield errors
        yield misconfigured
        yield from self._providers()

    def _providers(self) -> Iterable[Metric]:
        family = GaugeMetricFamily(
            "dora_exporter_pull_requests_misconfigured",
            "1 while a provider of pull requests rejects the token or a token file is unusable, else 0.",
            labels=("provider",),
        )
        resolver = self._pull_request_resolver()
        for name, forge in resolver.forges.items() if resolver else ():
            family.add_metric((name,), forge.is_misconfigured)
        yield family

    def _sizes(self) -> Iterable[Metric]:
        family = GaugeMetricFamily(
            "dora_exporter_repository_size_bytes", "Size of a repository on disk.", labels=("repository",)
        )
        for label, repository in self._repositories.configured.items():
            family.add_metric((label,), repository.size_bytes)
        yield family
        uploaded = self._repositories.uploaded()
        yield GaugeMetricFamily(
            "dora_exporter_uploaded_repositories", "Repositories uploaded by clients.", value=len(uploaded)
        )
        yield GaugeMetricFamily(
            "dora_exporter_uploaded_repositories_size_bytes",
            "Total size of the uploaded repositories on disk.",
            value=sum(each.size_bytes for each in uploaded),
        )
