"""Real repositories, made to order."""

import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.builders import NOW_MS

START = NOW_MS // 1000 - 30 * 86_400
"""The author time of a first commit unless the test says otherwise, in seconds."""


@dataclass(frozen=True)
class Made:
    """A commit to be made: its parents are places in the list of commits before it."""

    parents: tuple[int, ...] = ()
    authored_at: int | None = None
    committed_at: int | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    message: str = ""
    author: str = "Ann <ann@example.test>"


def git(folder: Path, *arguments: str, given: bytes | None = None) -> str:
    """The output of a ``git`` that knows nothing of the machine it runs on."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": "Ann",
        "GIT_AUTHOR_EMAIL": "ann@example.test",
        "GIT_COMMITTER_NAME": "Bob",
        "GIT_COMMITTER_EMAIL": "bob@example.test",
    }
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, input=given, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


def linear(count: int) -> list[Made]:
    """Commits one after the other."""
    return [Made(parents=(place - 1,) if place else ()) for place in range(count)]


def build(folder: Path, commits: Sequence[Made], *, object_format: str = "sha1") -> list[str]:
    """A bare repository of these commits, each on a branch of its own; returns their SHAs.

    Unless told otherwise each is made an hour after the one before it, and changes a file of its own.
    """
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--bare", f"--object-format={object_format}", "--initial-branch=main", ".")
    git(folder, "config", "uploadpack.allowFilter", "true")
    git(folder, "config", "uploadpack.allowAnySHA1InWant", "true")
    return extend(folder, commits)


def extend(folder: Path, commits: Sequence[Made], *, onto: Sequence[str] = ()) -> list[str]:
    """Adds commits; negative places in their parents count back into ``onto``."""
    marks = folder / "marks"
    stream = b"".join(_stream(place, made, onto) for place, made in enumerate(commits))
    git(folder, "fast-import", "--quiet", "--force", f"--export-marks={marks}", given=stream)
    named = dict(line.split() for line in marks.read_text().splitlines())
    shas = [named[f":{place + 1}"] for place in range(len(commits))]
    if shas:
        git(folder, "update-ref", "refs/heads/main", shas[-1])
    return shas


def ancestors(commits: Sequence[Made], place: int) -> set[int]:
    """The place of a commit and of all that it descends from, by brute force."""
    found: set[int] = set()
    waiting = [place]
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting.extend(commits[each].parents)
    return found


def pack_of(folder: Path, wanted: Iterable[str], without: Iterable[str] = ()) -> bytes:
    """A pack as ``datadog-ci`` makes it: commits and trees, no files."""
    revisions = [*wanted, *(f"^{sha}" for sha in without)]
    names = git(folder, "rev-list", "--objects", "--no-object-names", "--filter=blob:none", *revisions)
    return packed(folder, names.split())


def everything(folder: Path) -> bytes:
    """A pack of all commits of a repository."""
    return pack_of(folder, ["--all"])


def packed(folder: Path, names: Iterable[str]) -> bytes:
    """A pack of exactly these objects."""
    done = subprocess.run(
        ["git", "pack-objects", "--stdout", "-q"],
        cwd=folder,
        input="".join(f"{name}\n" for name in names).encode(),
        capture_output=True,
        check=True,
    )
    return done.stdout


def _stream(place: int, made: Made, onto: Sequence[str]) -> bytes:
    authored_at = made.authored_at if made.authored_at is not None else START + place * 3600
    committed_at = made.committed_at if made.committed_at is not None else authored_at
    message = (made.message or f"Change {place}").encode()
    files = made.files or {f"files/{place}": str(place)}
    names = [f":{each + 1}" if each >= 0 else onto[each] for each in made.parents]
    lines = [
        f"commit refs/heads/made-{place}\nmark :{place + 1}\n".encode(),
        f"author {made.author} {authored_at} +0000\n".encode(),
        f"committer Bob <bob@example.test> {committed_at} +0000\n".encode(),
        b"data %d\n%s\n" % (len(message), message),
        *(f"{'merge' if number else 'from'} {name}\n".encode() for number, name in enumerate(names)),
        *(f"M 100644 inline {path}\ndata {len(text)}\n{text}\n".encode() for path, text in files.items()),
    ]
    return b"".join(lines)
