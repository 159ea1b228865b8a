"""Which projects, deployments and incidents the settings let through."""

from dora_exporter.sources.forges.globs import is_repository, lets
from dora_exporter.sources.gitlab.settings import GitLabSettings


class Scope:
    """The filters of one source."""

    def __init__(self, settings: GitLabSettings) -> None:
        """They do not change."""
        self._settings = settings
        self._groups = tuple(each.strip("/").lower() + "/" for each in settings.groups)

    def has_project(self, path: str) -> bool:
        """Whether a project, as ``group/subgroup/name``, is one of those that are wanted."""
        settings = self._settings
        if self._groups and not path.lower().startswith(self._groups):
            return False
        if any(is_repository(path, each) for each in settings.exclude_projects):
            return False
        return not settings.projects or any(is_repository(path, each) for each in settings.projects)

    def has_name(self, environment: str) -> bool:
        """Whether deployments to an environment are wanted by its name."""
        return lets(self._settings.environments, environment)

    def has_environment(self, environment: str, tier: str | None) -> bool:
        """Whether deployments to an environment of a tier are wanted."""
        tiers = self._settings.environment_tiers
        return self.has_name(environment) and (not tiers or tier in tiers)

    def has_severity(self, severity: str | None) -> bool:
        """Whether incidents of a severity are wanted."""
        return not self._settings.severities or (severity or "unknown") in self._settings.severities
