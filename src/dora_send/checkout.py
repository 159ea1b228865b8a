"""What Git knows of the checkout in the working directory: repository, commit, and the commits since another one."""

from __future__ import annotations

import os
import re
import subprocess

_SECONDS = 60
_COMMITS_AT_MOST = 5000
_MESSAGES_BYTES = 300_000
"""The daemon takes a body of 1 MiB, and a commit has other things to say than its message."""
_LONGEST_MESSAGE_BYTES = 1000
_LATEST_SECONDS = 10**11
_FULL_SHA = re.compile(r"[0-9a-fA-F]{40}(?:[0-9a-fA-F]{24})?", re.ASCII)


class Unknown(Exception):
    """Git does not know; the text says why."""


def is_sha(text: str | None) -> bool:
    """Whether a text is a whole SHA."""
    return text is not None and _FULL_SHA.fullmatch(text) is not None


def commit_of(revision: str) -> str:
    """The whole SHA of a revision; raises ``Unknown``."""
    try:
        return _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").strip()
    except Unknown as reason:
        raise Unknown(str(reason) or f"the checkout has no commit {revision}") from None


def repository() -> str:
    """The URL of the remote, without what is secret in it; raises ``Unknown``."""
    remotes = _git("remote").split()
    if not remotes:
        raise Unknown("the checkout has no remote")
    name = "origin" if "origin" in remotes else remotes[0]
    return without_secrets(_git("remote", "get-url", name).strip())


def without_secrets(url: str) -> str:
    """A URL without user, password, query and fragment."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        scheme, rest = "", url
    rest = re.split(r"[?#]", rest, maxsplit=1)[0] if separator else rest
    authority, slash, path = rest.partition("/")
    if "@" in path and "@" not in authority and ":" in authority:  # a password with a slash in it
        authority, slash, path = rest.rpartition("@")[2].partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"


def commits_since(since: str, sha: str) -> list[dict[str, object]]:
    """The commits that ``sha`` has and ``since`` has not, but for merges; raises ``Unknown``."""
    first = commit_of(since)
    log = _git("log", "-z", "--no-merges", f"--max-count={_COMMITS_AT_MOST}", "--format=%H%n%at%n%B", f"{first}..{sha}")
    records = [record.split("\n", 2) for record in log.split("\0") if record]
    if _where_history_is_cut() & {record[0] for record in records}:
        raise Unknown("the checkout is shallow, and its history ends too early")
    longest = min(_LONGEST_MESSAGE_BYTES, _MESSAGES_BYTES // max(len(records), 1))
    return [
        {"sha": sha, "timestamp": int(written), "message": _cut(message, longest)}
        for sha, written, message in records
        if written.isdigit() and int(written) < _LATEST_SECONDS
    ]


def _where_history_is_cut() -> set[str]:
    """The commits whose parents a shallow clone has left out."""
    try:
        with open(_git("rev-parse", "--git-path", "shallow").strip(), encoding="ascii") as file:
            return set(file.read().split())
    except FileNotFoundError:
        return set()


def _cut(message: str, longest: int) -> str:
    return message.strip().encode()[:longest].decode(errors="ignore")


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments],  # noqa: S607  # where Git lies differs from image to image
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_SECONDS,
            env={**os.environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"},
        )
    except FileNotFoundError:
        raise Unknown("git is not installed") from None
    except subprocess.TimeoutExpired:
        raise Unknown(f"git took longer than {_SECONDS} s") from None
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise Unknown(lines[0] if lines else "")
    return done.stdout.decode(errors="replace")
