"""Which repositories and deployments the settings let through."""

from fnmatch import fnmatchcase

from dora_exporter.sources.forges.globs import is_repository, lets
from dora_exporter.sources.github.settings import GitHubSettings, Trigger


class Scope:
    """The filters of one source."""

    def __init__(self, settings: GitHubSettings) -> None:
        """They do not change."""
        self._settings = settings
        self._owners = {each.lower() for each in settings.organizations}

    def has_trigger(self, trigger: Trigger) -> bool:
        """Whether such events are deployments here."""
        return trigger in self._settings.triggers

    def has_repository(self, full_name: str) -> bool:
        """Whether a repository, as ``owner/name``, is one of those that are wanted."""
        settings = self._settings
        if self._owners and full_name.partition("/")[0].lower() not in self._owners:
            return False
        if any(is_repository(full_name, each) for each in settings.exclude_repositories):
            return False
        return not settings.repositories or any(is_repository(full_name, each) for each in settings.repositories)

    def owners(self) -> list[str]:
        """Whose repositories are listed to find the wanted ones."""
        named = (each.partition("/")[0] for each in self._settings.repositories if "/" in each)
        return list(self._settings.organizations) or sorted({each for each in named if not set(each) & set("*?[")})

    def has_environment(self, environment: str, task: str) -> bool:
        """Whether deployments to an environment by a task are wanted."""
        settings = self._settings
        return lets(settings.environments, environment) and lets(settings.tasks, task)

    def has_ref(self, ref: str) -> bool:
        """Whether deployments of a branch or tag are wanted."""
        return lets(self._settings.refs, ref)

    def has_transience(self, *, is_transient: bool) -> bool:
        """Whether deployments to environments that come and go, or to those that stay, are wanted."""
        return self._settings.transient in (None, is_transient)

    @property
    def asks_for_refs(self) -> bool:
        """Whether refs decide anything."""
        return bool(self._settings.refs)

    @property
    def asks_for_transience(self) -> bool:
        """Whether it decides anything that an environment comes and goes."""
        return self._settings.transient is not None

    def has_run(self, path: str, branch: str) -> bool:
        """Whether a run of a workflow on a branch is a deployment."""
        return any(
            fnmatchcase(path.partition("@")[0], each.path) and lets(each.branches, branch)
            for each in self._settings.workflows
        )

    @property
    def workflow_files(self) -> tuple[str, ...] | None:
        """The file names of the workflows whose runs are deployments; None where a glob is for any of them."""
        paths = [each.path for each in self._settings.workflows]
        if any(set(path) & set("*?[") for path in paths):
            return None
        return tuple(sorted({path.rpartition("/")[2] for path in paths}))
