"""A repository whose commits are known: uploaded, mirrored, or both."""

import contextlib
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from dora_exporter.commits.git.command import Git
from dora_exporter.commits.git.commit_graph import Difference, Graph
from dora_exporter.commits.git.mirror import Mirror
from dora_exporter.commits.git.object_store import BareRepository
from dora_exporter.commits.git.pack_check import CheckedPack

_READING = "reading.git"
_LOOKED_AT = "looked-at"
"""Holds the names of the packs that all results were compared with."""


class Repository:
    """All methods run in threads, wait for each other, and raise ``GitFailed``.

    One ``git`` at a time reads, and beside it one may fetch. The graph is in memory from the first use until
    ``forget``.
    """

    def __init__(self, name: str, folder: Path, git: Git, *, mirror: Mirror | None = None) -> None:
        """``name`` is the repository's ``host/path``. The folder need not exist."""
        self.name = name
        self.folder = folder
        self.mirror = mirror
        self.filled = 0
        self.size_bytes = 0
        self.has_unseen = False
        """Whether packs came to a daemon that ended, or led no more, before it looked at them."""
        self._git = git
        self._bare = BareRepository(folder / _READING, git)
        self._graph = Graph()
        self._reading = threading.RLock()
        self._fetching = threading.Lock()

    def __len__(self) -> int:
        """How many commits and tags are in memory."""
        return len(self._graph)

    @property
    def repeated(self) -> int:
        """How often a commit came again, perhaps with folders that were absent."""
        return self._graph.repeated

    @property
    def exists(self) -> bool:
        """Whether anything was uploaded or fetched."""
        return self._bare.exists

    def held(self) -> AbstractContextManager[bool]:
        """Locks the repository inside the block, so that all reads see one state."""
        return self._reading

    def refresh(self) -> None:
        """Reads the packs added since the last call. ``filled`` grows when they filled a hole in the history."""
        with self._reading:
            if self._bare.exists:
                self.filled += self._graph.add(self._bare.new_commits(self._graph.tags))

    def forget(self) -> None:
        """Frees the memory of the graph."""
        with self._reading:
            self._graph = Graph()
            self._bare.forget_what_was_read()

    def find_unseen(self) -> None:
        """Finds out about ``has_unseen``."""
        with self._reading:
            self.has_unseen = self._bare.exists and self._bare.packs_here() != self._looked_at()

    def packs_read(self) -> frozenset[str]:
        """The packs that were read by the last ``refresh``."""
        with self._reading:
            return self._bare.packs_read()

    def note_looked_at(self, packs: frozenset[str]) -> None:
        """Keeps in mind, for later starts too, that nothing about these packs is left to do."""
        anew = self.folder / f"{_LOOKED_AT}.new"
        with self._reading, contextlib.suppress(OSError):  # a later start looks once more, which does no harm
            anew.write_text("".join(f"{each}\n" for each in sorted(packs)), encoding="utf-8")
            anew.replace(self.folder / _LOOKED_AT)
            self.has_unseen = False

    def knows(self, sha: str) -> bool:
        """Whether a commit is here; an annotated tag's name stands for its commit."""
        return sha in self._graph

    def with_trees(self, shas: Sequence[str]) -> list[str]:
        """Which of the commits, which must be here, have their folders here too."""
        with self._reading:
            return self._bare.with_trees(shas)

    def difference(self, head: str, excluded: Iterable[str]) -> Difference:
        """What a commit, which must be here, reaches and others do not."""
        with self._reading:
            return self._graph.difference(head, excluded)

    def first_to_reach(self, heads: Sequence[str], wanted: Iterable[str]) -> dict[str, int]:
        """The place of the first head that reaches a wanted commit, by commit; those that none reaches are absent."""
        with self._reading:
            return self._graph.first_to_reach(heads, wanted)

    def contents(self, shas: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Commits with what their objects say."""
        with self._reading:
            yield from self._bare.contents(shas)

    def touching(self, shas: Sequence[str], patterns: Sequence[str]) -> tuple[set[str], set[str]]:
        """The commits that change a matching path, and the commits whose trees are absent."""
        with self._reading:
            return self._bare.touching(shas, patterns)

    def add_pack(self, checked: CheckedPack, object_format: str) -> None:
        """Adds an uploaded pack."""
        with self._reading:
            self.refresh()  # a hole that is filled is noticed only where the rest was read before
            if not self._bare.exists:
                self._create(object_format)
            self._bare.add_pack(checked.pack, checked.index)
            self._bare.tidy()
        self.measure()

    def merge_from(self, folder: Path) -> None:
        """Moves the packs of another folder here, where they were uploaded under another name of this repository."""
        other = BareRepository(folder / _READING, self._git)
        with self._reading:
            if not self._bare.exists:
                self._create(other.object_format())
            if self._bare.object_format() == other.object_format():
                for index in sorted(other.packs.glob("pack-*.idx")):
                    self._bare.add_pack(index.with_suffix(".pack"), index)

    def object_format(self) -> str | None:
        """``sha1`` or ``sha256``; None while that is open."""
        with self._reading:
            return self._bare.object_format() if self._bare.exists else None

    def fetch(self, *wanted: str) -> None:
        """Fetches branches and tags, or certain commits. Without effect when there is no mirror."""
        if self.mirror is None:
            return
        self.refresh()  # a hole that is filled is noticed only where the rest was read before
        with self._fetching:
            self.mirror.fetch(*wanted)
            object_format = self.mirror.object_format()
        with self._reading:
            if object_format is not None and not self._bare.exists:
                self._create(object_format)
            if self._bare.exists:
                self._bare.read_also(self.mirror.objects)
            self.mirror.tidy()
        self.refresh()
        self.measure()

    def measure(self) -> None:
        """The size on disk in bytes. Files that are deleted during the count are skipped."""
        size = 0
        for folder, _, names in os.walk(self.folder):
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    size += (Path(folder) / name).lstat().st_size
        self.size_bytes = size

    def _create(self, object_format: str) -> None:
        self._bare.create(object_format)
        (self.folder / "name").write_text(f"{self.name}\n", encoding="utf-8")

    def _looked_at(self) -> frozenset[str]:
        noted = self.folder / _LOOKED_AT
        return frozenset(noted.read_text(encoding="utf-8").split()) if noted.exists() else frozenset()
