"""Which source commit an image or a commit of a configuration stands for.

Deployments by GitOps name images and commits of the configuration, never the commit that was built. A pipeline tells
that apart, before or after them. What it told is kept as cursors, one for each key.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec.structs import replace

from dora_exporter.dora.events import Checkout, Deployment
from dora_exporter.dora.images import Image, image
from dora_exporter.dora.records import Cursor

IMAGES = "images"
CONFIGURATION = "configuration"
"""The keys of ``upstream`` under which a deployment has the images that it brought, and its configuration's SHAs."""

MOST = 10_000
_DROPPED_AT_ONCE = 500
_PREFIX = "correlations/"
"""No source's cursor begins like this, because names of sources hold no slash."""


class _Told(msgspec.Struct, frozen=True):
    repository: str
    commit_sha: str
    at: int
    digest: str | None = None


@dataclass(frozen=True)
class Key:
    """What a correlation is about: the name of its cursor, and the digest that an image must have, if one is known."""

    cursor: str
    digest: str | None = None


def image_keys(found: Image) -> Iterator[Key]:
    """An image is known by its digest, in whatever registry, and by its tag."""
    if found.digest is not None:
        yield Key(_cursor("digest", found.digest), found.digest)
    if found.tag is not None:
        yield Key(_cursor("tag", found.repository, found.tag), found.digest)


def configuration_key(sha: str) -> Key:
    """A commit of a configuration, by its full SHA: whose it is need not be known."""
    return Key(_cursor("commit", sha))


def keys_of(deployment: Deployment) -> Iterator[Key]:
    """What can tell the commit of a deployment that names none, the surest first."""
    facts = deployment.upstream
    if facts is None or deployment.commit_sha is not None or deployment.commits is not None:
        return
    for text in _list(facts, IMAGES):
        found = image(text) if isinstance(text, str) else None
        if found is not None:
            yield from image_keys(found)
    for sha in _list(facts, CONFIGURATION):
        if isinstance(sha, str):
            yield configuration_key(sha)


def waits_for_commit(deployment: Deployment) -> bool:
    """Whether the source commit of a deployment is not told yet."""
    return next(keys_of(deployment), None) is not None


def what_waits(deployment: Deployment) -> str:
    """What a commit has to be told of, in words."""
    images = [each for each in _list(deployment.upstream or {}, IMAGES) if isinstance(each, str)]
    return f"the image {images[0]}" if images else "the commit of its configuration"


def told_of(deployment: Deployment, cursors: Mapping[str, Mapping[str, Any]]) -> Deployment | None:
    """The deployment with the commit that was told of it; None where none was."""
    for key in keys_of(deployment):
        told = _told(cursors.get(key.cursor))
        if told is not None and not (key.digest and told.digest and key.digest != told.digest):
            return replace(deployment, repository=told.repository, commit_sha=told.commit_sha)
    return None


def records(
    keys: Iterable[Key], source: Checkout, cursors: Mapping[str, Mapping[str, Any]], *, now_ms: int
) -> list[Cursor]:
    """What stores that the keys stand for a commit; the oldest correlations go where there are too many."""
    told = {
        key.cursor: msgspec.to_builtins(_Told(source.repository, source.commit_sha, now_ms, key.digest)) for key in keys
    }
    kept = {name: _at(state) for name, state in cursors.items() if name.startswith(_PREFIX) and name not in told}
    is_full = len(kept) + len(told) > MOST
    dropped = sorted(kept, key=kept.__getitem__)[: _DROPPED_AT_ONCE + len(told)] if is_full else ()
    return [Cursor(name, state) for name, state in told.items()] + [Cursor(name) for name in dropped]


def _list(facts: Mapping[str, Any], name: str) -> Iterable[object]:
    found = facts.get(name)
    return found if isinstance(found, list) else ()


def _told(state: Mapping[str, Any] | None) -> _Told | None:
    if state is None:
        return None
    try:
        return msgspec.convert(state, _Told)
    except msgspec.ValidationError:
        return None


def _at(state: Mapping[str, Any]) -> int:
    at = state.get("at")
    return at if isinstance(at, int) else 0


def _cursor(*parts: str) -> str:
    return _PREFIX + hashlib.blake2b(msgspec.json.encode(parts), digest_size=16).hexdigest()
