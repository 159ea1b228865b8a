"""Globs for repositories and names."""

from collections.abc import Iterable
from fnmatch import fnmatchcase


def is_repository(full_name: str, pattern: str) -> bool:
    """Whether a repository is meant by a glob; one without a slash is for the name in any organization."""
    full_name, pattern = full_name.lower(), pattern.lower()
    return fnmatchcase(full_name if "/" in pattern else full_name.rpartition("/")[2], pattern)


def lets(patterns: Iterable[str], name: str) -> bool:
    """Whether one of the globs fits; none at all let everything through."""
    patterns = tuple(patterns)
    return not patterns or any(fnmatchcase(name, each) for each in patterns)
