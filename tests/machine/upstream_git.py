"""The repositories that hold the commits: two are mirrored, of one a clone uploads what it has."""

from collections.abc import Sequence
from pathlib import Path

from tests.commits.histories import Made, extend, git, packed

MIRRORED = ("git.example/shop/carts", "git.example/shop/pages")
UPLOADED = "git.example/shop/parts"
REPOSITORIES = (*MIRRORED, UPLOADED)


class UpstreamGit:
    """Bare repositories in a folder."""

    def __init__(self, folder: Path) -> None:
        """Makes nothing yet."""
        self._folder = folder
        self._shas: dict[str, list[str]] = {each: [] for each in REPOSITORIES}

    def open(self) -> None:
        """Makes empty repositories."""
        for folder in map(self._of, REPOSITORIES):
            folder.mkdir(parents=True)
            git(folder, "init", "--quiet", "--bare", "--initial-branch=main", ".")
            git(folder, "config", "uploadpack.allowAnySHA1InWant", "true")

    def commit(self, repository: str, commits: list[Made]) -> list[str]:
        """Adds commits; negative places in their parents count back in those that are there."""
        shas = extend(self._of(repository), commits, onto=self._shas[repository])
        self._shas[repository] += shas
        return shas

    def pack(self, repository: str, shas: Sequence[str], *, with_folders: bool) -> bytes:
        """Commits, perhaps with their folders, and without what they descend from."""
        options = ("--objects", "--no-object-names", "--filter=blob:none") if with_folders else ()
        names = git(self._of(repository), "rev-list", "--no-walk", *options, *shas)
        return packed(self._of(repository), names.split())

    def settings(self) -> dict[str, object]:
        """The repositories that are mirrored, as the configuration file has them."""
        return {_name(each): {"url": f"file://{self._of(each)}", "aliases": [f"https://{each}"]} for each in MIRRORED}

    def _of(self, repository: str) -> Path:
        return self._folder / f"{_name(repository)}.git"


def _name(repository: str) -> str:
    return repository.rpartition("/")[2]
