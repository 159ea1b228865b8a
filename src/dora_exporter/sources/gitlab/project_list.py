"""Finds the projects that a source polls."""

import logging
from collections.abc import AsyncIterator, Mapping, Sequence

from dora_exporter.sources.contract import Misconfigured
from dora_exporter.sources.gitlab.api import GitLabApi, NotFound, ProjectRow
from dora_exporter.sources.gitlab.scope import Scope
from dora_exporter.sources.gitlab.settings import GitLabSettings

logger = logging.getLogger(__name__)


class ProjectList:
    """``missing`` are the groups or projects of the settings that were not found."""

    def __init__(self, name: str, settings: GitLabSettings) -> None:
        """``name`` is the source's."""
        self._name = name
        self._settings = settings
        self._names = settings.groups or settings.projects
        self._scope = Scope(settings)
        self.missing: set[str] = set()

    async def wanted(self, api: GitLabApi) -> Sequence[ProjectRow]:
        """The projects that the settings let through: those of the groups, or those that are named.

        One that is not found keeps no other from being read. Raises ``Misconfigured`` where none is.
        """
        found: dict[int, ProjectRow] = {}
        missed: dict[str, str] = {}
        for each in self._names:
            try:
                async for page in self._listed(each, api):
                    found.update({row.id: row for row in page})
            except NotFound as reason:
                missed[each] = str(reason)
        if len(missed) == len(self._names):
            raise Misconfigured(f"no group or project is found: {missed[self._names[0]]}")
        self._log_changes(missed)
        return [row for row in found.values() if self._scope.has_project(row.path_with_namespace)]

    async def _listed(self, name: str, api: GitLabApi) -> AsyncIterator[list[ProjectRow]]:
        if not self._settings.groups:
            row = await api.project(name)
            if row.path_with_namespace.lower() != name.lower():
                raise NotFound(f"its name is {row.path_with_namespace} now")
            yield [row]
            return
        async for page in api.projects_of(name.strip("/")):
            yield page

    def _log_changes(self, missed: Mapping[str, str]) -> None:
        for name in missed.keys() - self.missing:
            text = "group or project not found, the others are read source=%s name=%s problem=%s"
            logger.warning(text, self._name, name, missed[name])
        for name in self.missing - missed.keys():
            logger.info("group or project found again source=%s name=%s", self._name, name)
        self.missing = set(missed)
