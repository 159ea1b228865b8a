"""A bare repository that is only read: commits and trees that came in packs."""

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import IO

from dora_exporter.commits.git.command import Git, GitFailed
from dora_exporter.commits.git.commit_object import parents_of, target_of

_KEPT_OF_AN_OBJECT = 1 << 16
_MANY_PACKS = 50
_MANY_FAILURES = 50
_HERE = "--git-dir=."


class BareRepository:
    """A folder of packs, with those of a mirror beside it. Has no remote, so a ``git`` in it stays on this machine.

    Not to be used by two threads at once. Methods raise ``GitFailed``.
    """

    def __init__(self, folder: Path, git: Git) -> None:
        """The folder need not exist before ``create``."""
        self.folder = folder
        self._git = git
        self.packs = folder / "objects" / "pack"
        self._read: set[Path] = set()
        self._format: str | None = None

    @property
    def exists(self) -> bool:
        """Whether it was created."""
        return (self.folder / "HEAD").exists()

    def create(self, object_format: str) -> None:
        """Makes an empty repository for SHA-1 or SHA-256; no harm when it is there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._git.run(self.folder, "init", "--quiet", "--bare", "--template=", f"--object-format={object_format}", ".")
        self.packs.mkdir(parents=True, exist_ok=True)

    def object_format(self) -> str:
        """``sha1`` or ``sha256``."""
        if self._format is None:
            self._format = self._git.run(self.folder, _HERE, "rev-parse", "--show-object-format").decode().strip()
        return self._format

    def read_also(self, objects: Path) -> None:
        """Reads the objects of another repository too."""
        alternates = self.folder / "objects" / "info" / "alternates"
        alternates.parent.mkdir(parents=True, exist_ok=True)
        alternates.write_text(f"{os.path.relpath(objects, self.folder / 'objects')}\n")

    def add_pack(self, pack: Path, index: Path) -> None:
        """Moves a pack and its index in. The index comes last: Git ignores a pack without one."""
        self.packs.mkdir(parents=True, exist_ok=True)
        pack.replace(self.packs / pack.name)
        index.replace(self.packs / index.name)

    def packs_read(self) -> frozenset[str]:
        """The names of the packs that ``new_commits`` has read."""
        return frozenset(index.name for index in self._read)

    def packs_here(self) -> frozenset[str]:
        """The names of all packs."""
        return frozenset(index.name for index in self._indexes())

    def forget_what_was_read(self) -> None:
        """Lets ``new_commits`` begin anew."""
        self._read.clear()

    def new_commits(self, tags: MutableMapping[bytes, bytes]) -> Iterator[tuple[bytes, tuple[bytes, ...]]]:
        """The commits, each with its parents, of packs that were not read before. SHAs are bytes.

        Notes beside them in ``tags`` what the annotated tags of these packs point to.
        """
        indexes = sorted(self._indexes() - self._read)
        if not indexes:
            return
        with self._scratch() as names:
            for index in indexes:
                self._copy_names(index, names)
            with self._scratch() as commits, self._scratch() as annotated:
                self._sort_names(names, {b"commit": commits, b"tag": annotated})
                for sha, raw in self._contents(commits):
                    yield bytes.fromhex(sha), parents_of(raw)
                for sha, raw in self._contents(annotated, "tag"):
                    target = target_of(raw)
                    if target is not None:
                        tags[bytes.fromhex(sha)] = target
        self._read.update(indexes)

    def contents(self, shas: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Commits, which must be here, with what their objects say; of a very long one its beginning."""
        with self._scratch() as names:
            names.writelines(f"{sha}\n".encode() for sha in shas)
            yield from self._contents(names)

    def with_trees(self, shas: Sequence[str]) -> list[str]:
        """Which of the commits have their root tree here."""
        with self._scratch() as names:
            names.writelines(f"{sha}^{{tree}}\n".encode() for sha in shas)
            with self._given(names, "cat-file", "--buffer", "--batch-check=%(objecttype)") as lines:
                return [sha for sha, line in zip(shas, lines, strict=True) if line == b"tree\n"]

    def touching(self, shas: Sequence[str], patterns: Sequence[str]) -> tuple[set[str], set[str]]:
        """The commits that change a path matching one of the patterns, and the commits whose trees are absent.

        Commits must not be merges. The trees of the commit and of its parent are needed.
        """
        touching: set[str] = set()
        unknown: set[str] = set()
        rest = list(shas)
        while rest and len(unknown) < _MANY_FAILURES:
            answers = self._changes(rest, patterns)
            touching.update(sha for sha, is_touching in answers.items() if is_touching)
            unknown.update(rest[len(answers) : len(answers) + 1])
            rest = rest[len(answers) + 1 :]
        return touching, unknown.union(rest)

    def tidy(self) -> None:
        """Joins packs when there are many."""
        if len(list(self.packs.glob("*.idx"))) > _MANY_PACKS:
            for step in (("write",), ("repack", "--batch-size=0"), ("expire",)):
                self._git.run(self.folder, _HERE, "multi-pack-index", "--no-progress", *step)

    def _indexes(self) -> set[Path]:
        folders = [self.packs]
        alternates = self.folder / "objects" / "info" / "alternates"
        if alternates.exists():
            folders.append(self.folder / "objects" / alternates.read_text().strip() / "pack")
        return {index for folder in folders for index in folder.glob("pack-*.idx")}

    def _copy_names(self, index: Path, names: IO[bytes]) -> None:
        with index.open("rb") as source, self._git.output(self.folder, _HERE, "show-index", source=source) as lines:
            names.writelines(line.split()[1] + b"\n" for line in lines)

    def _sort_names(self, names: IO[bytes], by_kind: Mapping[bytes, IO[bytes]]) -> None:
        """Copies the names of objects to one file for each kind that is wanted."""
        asked = "--batch-check=%(objecttype) %(objectname)"
        with self._given(names, "cat-file", "--buffer", asked) as lines:
            for line in lines:
                kind, _, name = line.partition(b" ")
                if kind in by_kind:
                    by_kind[kind].write(name)

    def _contents(self, names: IO[bytes], wanted: str = "commit") -> Iterator[tuple[str, bytes]]:
        with self._given(names, "cat-file", "--buffer", "--batch") as output:
            while header := output.readline():
                sha, kind, *size = header.decode("ascii").split()
                if kind != wanted:
                    raise GitFailed(f"{sha} is not a readable {wanted}")
                length = int(size[0])
                raw = output.read(min(length, _KEPT_OF_AN_OBJECT))
                _skip(output, length - len(raw) + 1)
                yield sha, raw

    def _changes(self, shas: Sequence[str], patterns: Sequence[str]) -> dict[str, bool]:
        """Whether commits change a matching path, in their order, up to the first whose trees are not there."""
        changes: dict[str, bool] = {}
        sha = ""
        paths = [f":(top,glob){pattern.lstrip('/')}" for pattern in patterns]
        options = ("--stdin", "--always", "--root", "-r", "--no-renames", "--raw")
        with self._scratch() as names, contextlib.suppress(GitFailed):
            names.writelines(f"{each}\n".encode() for each in shas)
            with self._given(names, "diff-tree", *options, "--", *paths) as lines:
                for line in lines:
                    if line.startswith(b":"):
                        changes[sha] = True
                    elif line.strip():
                        sha = line.strip().decode("ascii")
                        changes[sha] = False
        return changes

    def _given(self, names: IO[bytes], *command: str) -> contextlib.AbstractContextManager[IO[bytes]]:
        names.flush()
        names.seek(0)
        return self._git.output(self.folder, _HERE, *command, source=names)

    def _scratch(self) -> IO[bytes]:
        return tempfile.TemporaryFile(dir=self.folder)


def _skip(stream: IO[bytes], length: int) -> None:
    while length > 0:
        length -= len(stream.read(min(length, 65536))) or length
