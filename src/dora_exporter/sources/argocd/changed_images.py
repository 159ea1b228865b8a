"""Which images a sync changed."""

from collections.abc import Iterable
from dataclasses import dataclass

from dora_exporter.dora.images import Image
from dora_exporter.sources.argocd.notification import Sync


@dataclass(frozen=True)
class Images:
    """``deployed`` are those of the application after the sync, ``new`` those of them that it changed."""

    deployed: frozenset[Image]
    new: frozenset[Image]


def images_after(sync: Sync, before: frozenset[Image]) -> Images:
    """The images after a sync, with those of the successful one before it; none are known before the first."""
    told = [each for each in sync.workloads if each.images is not None]
    if told:
        return _of_manifests(
            frozenset(image for each in told for image in each.images or ()),
            frozenset(image for each in told if each.is_changed for image in each.images or ()),
            before,
        )
    if sync.workloads and not any(each.is_changed for each in sync.workloads):
        return Images(before or sync.running, frozenset())
    return _of_pods(sync.running, before)


def is_told(sync: Sync) -> bool:
    """Whether Argo CD says which images the sync asked for, so that they are known also where it failed."""
    return any(each.images is not None for each in sync.workloads)


def _of_manifests(wanted: frozenset[Image], changed: frozenset[Image], before: frozenset[Image]) -> Images:
    """Manifests name what was asked for. A sync may be of a part of the application."""
    repositories = _repositories(wanted)
    kept = frozenset(each for each in before if each.repository not in repositories)
    return Images(wanted | kept, changed - before)


def _of_pods(running: frozenset[Image], before: frozenset[Image]) -> Images:
    """Pods of the version before may still be there: of a repository that has a new image only that counts."""
    new = running - before
    renewed = _repositories(new)
    return Images(new | frozenset(each for each in running if each.repository not in renewed), new)


def _repositories(images: Iterable[Image]) -> set[str]:
    return {each.repository for each in images}
