"""Reads the names of container images, however they are written."""

import re
from dataclasses import dataclass
from functools import lru_cache

LONGEST = 500
_NAME = re.compile(r"[a-z0-9]+(?:[._:/-]+[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-f]{32,128}")
_DOCKER_HUB = "docker.io"
_OTHER_NAMES = ("index.docker.io", "registry-1.docker.io")
_SHOWN_DIGEST = 19
"""``sha256:`` and the twelve digits that registries show."""


@dataclass(frozen=True)
class Image:
    """An image of a repository: ``registry/path``, in lower case, with the registry's port.

    It has a tag or a digest, or both: then the digest decides what runs.
    """

    repository: str
    tag: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        """The whole name."""
        return self.repository + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    @property
    def version(self) -> str:
        """The tag; of an image that has none a short form of the digest."""
        return self.tag or (self.digest or "")[:_SHOWN_DIGEST]


@lru_cache(maxsize=4096)
def image(text: str) -> Image | None:
    """The image of a name such as ``registry:5000/shop/cart:1.2@sha256:...``; None for what names none.

    As Docker reads it, a name without a registry is of Docker Hub, and one with neither tag nor digest has ``latest``.
    """
    name, at, digest = text.strip().partition("@")
    if len(text) > LONGEST or (at and not _DIGEST.fullmatch(digest)):
        return None
    path, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        path, tag = name, "" if at else "latest"
    elif not _TAG.fullmatch(tag):
        return None
    repository = _with_registry(path.lower())
    return Image(repository, tag or None, digest or None) if _NAME.fullmatch(repository) else None


def _with_registry(path: str) -> str:
    registry, slash, rest = path.partition("/")
    if not slash or not ("." in registry or ":" in registry or registry == "localhost"):
        registry, rest = _DOCKER_HUB, path
    if registry in _OTHER_NAMES:
        registry = _DOCKER_HUB
    return f"{registry}/{rest}" if registry != _DOCKER_HUB or "/" in rest else f"{registry}/library/{rest}"
