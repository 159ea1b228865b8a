"""A mirror of a remote repository: its commits, and its trees where they are needed."""

from pathlib import Path

from dora_exporter.commits.git.command import Git, GitFailed, Limits
from dora_exporter.commits.git.commit_object import is_sha
from dora_exporter.commits.git.remote import remote_of
from dora_exporter.commits.settings import RepositorySettings

_HERE = "--git-dir=."
_ORIGIN = "origin"
_FILTER_KEY = "remote.origin.partialclonefilter"
_BRANCHES_AND_TAGS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
_MANY_PACKS = 50
_FORMATS = {40: "sha1", 64: "sha256"}


class Mirror:
    """A partial clone without files that is fetched again and again.

    It never forgets a commit: one that a forced push threw away may have been deployed.

    Not to be used by two threads at once. Methods raise ``GitFailed``.
    """

    def __init__(
        self, folder: Path, settings: RepositorySettings, git: Git, *, limits: Limits, with_trees: bool
    ) -> None:
        """``limits`` are those of a fetch."""
        self.folder = folder
        self.objects = folder / "objects"
        self._settings = settings
        self._git = git
        self._limits = limits
        self._filter = "blob:none" if with_trees else "tree:0"

    def object_format(self) -> str | None:
        """``sha1`` or ``sha256``, None while the remote is empty. Asks the remote until it was fetched once."""
        if (self.folder / "HEAD").exists():
            said = self._git.run(self.folder, _HERE, "rev-parse", "--show-object-format")
            return said.decode().strip()
        self.folder.mkdir(parents=True, exist_ok=True)
        first = self._git.run(
            self.folder,
            "ls-remote",
            "--quiet",
            "--end-of-options",
            self._settings.url,
            remote=remote_of(self._settings),
            limits=self._limits,
        ).split(b"\t", 1)[0]
        return _FORMATS.get(len(first))

    def fetch(self, *wanted: str) -> None:
        """Fetches all branches and tags, or the commits that are wanted, which need not be on a branch any more."""
        if any(not is_sha(sha) for sha in wanted):
            raise GitFailed("only full SHAs can be fetched")
        object_format = self.object_format()
        if object_format is None:
            return
        is_wider = self._prepare(object_format)
        self._git.run(
            self.folder,
            *(_HERE, "fetch", "--quiet", "--no-auto-maintenance", "--no-write-fetch-head", "--no-show-forced-updates"),
            *(f"--filter={self._filter}", *(("--refetch",) if is_wider else ())),
            *(() if wanted else ("--prune", "--force")),
            *("--no-tags", "--end-of-options", _ORIGIN, *(wanted or _BRANCHES_AND_TAGS)),
            remote=remote_of(self._settings),
            limits=self._limits,
        )
        self._configure(_FILTER_KEY, self._filter)

    def tidy(self) -> None:
        """Joins packs when there are many."""
        if len(list(self.objects.glob("pack/*.pack"))) > _MANY_PACKS:
            self._git.run(self.folder, _HERE, "repack", "-a", "-d", "-q", limits=self._limits)

    def _prepare(self, object_format: str) -> bool:
        """Makes the repository; says whether what it holds was fetched with a narrower filter."""
        if not (self.folder / "HEAD").exists():
            options = ("--quiet", "--bare", "--template=", f"--object-format={object_format}")
            self._git.run(self.folder, "init", *options, ".")
            self._configure("extensions.partialClone", _ORIGIN)
            self._configure("remote.origin.promisor", "true")
            self._configure(_FILTER_KEY, self._filter)
        self._configure("remote.origin.url", self._settings.url)
        before = self._git.run(self.folder, _HERE, "config", "--local", "--get", _FILTER_KEY).decode().strip()
        return before == "tree:0" and before != self._filter

    def _configure(self, key: str, value: str) -> None:
        self._git.run(self.folder, _HERE, "config", "--local", key, value)
