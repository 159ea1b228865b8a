"""The packs of Git history that clients upload."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dora_exporter.commits.git.command import Git
from dora_exporter.commits.git.pack_check import BadPack, CheckedPack, check
from dora_exporter.commits.git.repositories import Repositories
from dora_exporter.commits.git.repository import Repository
from dora_exporter.commits.git.workers import Workers

_FORMATS = {40: "sha1", 64: "sha256"}


@dataclass(frozen=True)
class Upload:
    """A pack that was found good, and where it goes."""

    repository: Repository
    checked: CheckedPack
    object_format: str


class Uploads:
    """Checks uploaded packs and adds them to repositories.

    Its methods run in threads, those of ``workers``, and raise ``GitFailed``.
    """

    def __init__(self, *, repositories: Repositories, git: Git, max_repository_bytes: int, threads: int = 2) -> None:
        """``max_repository_bytes`` bounds what one repository may hold on disk."""
        self.workers = Workers(threads)
        self._repositories = repositories
        self._git = git
        self._max_repository_bytes = max_repository_bytes

    def known(self, spelling: str, shas: Sequence[str]) -> list[str]:
        """The commits of these that are known, so that they need not be uploaded."""
        repository = self._repositories.find(spelling)
        if repository is None:
            return []
        repository.refresh()
        self._repositories.shrink(repository)
        here = [sha for sha in shas if repository.knows(sha)]
        return repository.with_trees(here) if self._repositories.needs_trees else here

    def open(self) -> Path:
        """A new folder for one upload."""
        return self._repositories.open()

    def discard(self, folder: Path) -> None:
        """Removes such a folder with whatever is left in it."""
        shutil.rmtree(folder, ignore_errors=True)

    def check(self, spelling: str, head: str, pack: Path) -> Upload:
        """Checks a pack. ``head`` is the full SHA of a commit of the repository.

        Raises ``BadPack``, and ``TooManyRepositories``. Either leaves nothing behind but the file.
        """
        object_format = _FORMATS[len(head)]
        checked = check(pack, self._git, object_format)
        repository = self._repositories.for_upload(spelling)
        if repository.object_format() not in (None, object_format):
            raise BadPack("the repository uses SHAs of another length")
        self._check_room(repository, pack_bytes=checked.pack.stat().st_size)
        return Upload(repository, checked, object_format)

    def keep(self, upload: Upload) -> None:
        """Adds a checked pack to its repository. One that is there already changes nothing."""
        upload.repository.add_pack(upload.checked, upload.object_format)

    def add_pack(self, spelling: str, head: str, pack: Path) -> None:
        """Checks a pack and adds it to its repository."""
        self.keep(self.check(spelling, head, pack))

    def _check_room(self, repository: Repository, *, pack_bytes: int) -> None:
        if repository.size_bytes + pack_bytes > self._max_repository_bytes:
            raise BadPack(f"the repository would be larger than {self._max_repository_bytes} bytes")
