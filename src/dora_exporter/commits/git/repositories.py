"""All repositories: those that are configured, and those that clients uploaded."""

import hashlib
import logging
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from dora_exporter.commits.git.command import Git, GitFailed
from dora_exporter.commits.git.mirror import Mirror
from dora_exporter.commits.git.repository import Repository
from dora_exporter.commits.settings import GitSettings, RepositorySettings
from dora_exporter.dora import repository_names

_GRAPHS_AT_MOST = 3_000_000
_INCOMING = "upload-"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


logger = logging.getLogger(__name__)


class TooManyRepositories(Exception):
    """No further repository may be uploaded."""


class Repositories:
    """Finds repositories by name, in any thread. What an event names selects among them and never becomes a URL."""

    def __init__(
        self,
        folder: Path,
        *,
        configured: Mapping[str, RepositorySettings],
        settings: GitSettings,
        git: Git,
        with_trees: bool,
    ) -> None:
        """``with_trees`` is for path patterns, which need to know the folders of mirrored repositories."""
        self.folder = folder.absolute()
        self._settings = settings
        self.needs_trees = with_trees
        self._git = git
        self._names: dict[str, str] = {}
        """The names of the repositories that are here, by the key that all spellings of one share."""
        self._spellings: dict[str, list[str]] = {}
        self._held: dict[str, Repository] = {}
        self.configured: dict[str, Repository] = {}
        self._intervals = {label: each.interval.ms for label, each in configured.items()}
        for label, each in configured.items():
            spelled = repository_names.normalise(each.url)
            name = self._names.get(repository_names.key(spelled), spelled)
            folder = self.folder_of(name)
            mirror = Mirror(folder / "mirror.git", each, git, limits=settings.fetch_limits, with_trees=with_trees)
            repository = self._held.setdefault(name, Repository(name, folder, git, mirror=mirror))
            self.configured[label] = repository
            for spelling in map(repository_names.normalise, (each.url, *each.aliases)):
                self._names[repository_names.key(spelling)] = name
                self._spellings.setdefault(name, []).append(spelling)

    def interval_ms(self, label: str) -> int:
        """How often a configured repository is to be fetched."""
        return self._intervals[label]

    def close(self) -> None:
        """Ends every ``git`` that runs; from here on none is started."""
        self._git.close()

    def name_of(self, spelling: str) -> str:
        """The one name of a repository that has several; ``spelling`` is a ``host/path``."""
        return self._names.get(repository_names.key(spelling), spelling)

    def spellings(self, spelling: str) -> list[str]:
        """All names of the repository that has this one, this one first."""
        known = self._spellings.get(self.name_of(spelling), ())
        return [*dict.fromkeys((spelling, *known, repository_names.key(spelling)))]

    def names(self) -> list[str]:
        """The repositories that are configured or were uploaded."""
        return list(self._held)

    def holds(self, spelling: str) -> bool:
        """Whether the repository of that name is configured or was uploaded; cheap, after ``load``."""
        return self._names.get(repository_names.key(spelling)) in self._held

    def held(self, name: str) -> Repository:
        """The repository of one of ``names``."""
        return self._held[name]

    def find(self, spelling: str) -> Repository | None:
        """The repository of that name, if it is configured or was uploaded."""
        name = self.name_of(spelling)
        held = self._held.get(name)
        if held is not None:
            return held
        found = Repository(name, self.folder_of(name), self._git)
        return self._hold(found) if found.exists else None

    def for_upload(self, spelling: str) -> Repository:
        """The repository of that name, which may be new. Raises ``TooManyRepositories``."""
        found = self.find(spelling)
        if found is None:
            if len(self.uploaded()) >= self._settings.max_uploaded_repositories:
                raise TooManyRepositories
            name = self.name_of(spelling)
            found = self._hold(Repository(name, self.folder_of(name), self._git))
        return found

    def _hold(self, repository: Repository) -> Repository:
        held = self._held.setdefault(repository.name, repository)
        self._names.setdefault(repository_names.key(repository.name), repository.name)
        return held

    def uploaded(self) -> list[Repository]:
        """The repositories that are not configured."""
        return [each for each in list(self._held.values()) if each.mirror is None]

    def load(self) -> None:
        """Finds the repositories uploaded before this start, and measures all sizes. Runs in a thread.

        Removes the unfinished uploads of a daemon that was killed.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:  # the daemon serves metrics without repositories
            logger.warning("cannot create the repositories folder path=%s error=%s", self.folder, error)
            return
        for left in self.folder.glob(f"{_INCOMING}*"):
            shutil.rmtree(left, ignore_errors=True)
        for marker in sorted(self.folder.glob("*/name")):
            self._load_uploaded(marker)
        for each in list(self._held.values()):
            each.measure()

    def find_unseen(self) -> None:
        """Detects the repositories with packs that no daemon has processed. Runs in a thread."""
        for each in list(self._held.values()):
            each.find_unseen()

    def _load_uploaded(self, marker: Path) -> None:
        """Finds a repository by the file that holds its name; two of one repository become one."""
        name = marker.read_text(encoding="utf-8").strip()
        found = self.find(name)
        if found is None or found.folder == marker.parent:
            return
        try:
            found.merge_from(marker.parent)
            marker.unlink()
        except (GitFailed, OSError) as reason:
            logger.warning("cannot read history under another repository name repository=%s reason=%s", name, reason)

    def open(self) -> Path:
        """A new folder for an upload."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=self.folder, prefix=_INCOMING))

    def shrink(self, in_use: Repository) -> None:
        """Forgets graphs, but not that of the repository in use, while all together are too large."""
        for each in list(self._held.values()):
            if sum(len(held) for held in list(self._held.values())) <= _GRAPHS_AT_MOST:
                return
            if each is not in_use:
                each.forget()

    def folder_of(self, name: str) -> Path:
        """The folder of a repository: readable, and different for every name."""
        slug = _UNSAFE.sub("-", name.rpartition("/")[2])[:40].strip(".-") or "repository"
        return self.folder / f"{slug}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
