"""Splits a deployment of several repositories into one per repository, because commits are resolved one by one."""

from collections.abc import Iterator

from msgspec.structs import replace

from dora_exporter.dora.events import Checkout, Deployment, Shipped

_NOTHING: frozenset[str] = frozenset()


def checkouts_of(deployment: Deployment) -> Iterator[Checkout]:
    """The commits that a deployment names, one per repository; the first is what runs."""
    if deployment.repository is not None and deployment.commit_sha is not None:
        yield Checkout(deployment.repository, deployment.commit_sha)
    yield from deployment.further


def parts_of(shipped: Shipped | None) -> tuple[Shipped, ...]:
    """The known shipped commits, one part per repository."""
    if shipped is None:
        return ()
    if not shipped.further:
        return (shipped,)
    first = () if shipped.is_awaited else (replace(shipped, further=()),)
    return (*first, *shipped.further)


def found_parts(deployment: Deployment) -> tuple[Shipped, ...]:
    """The commits found in Git, one part per repository; none where the sender listed them."""
    return parts_of(deployment.shipped) if deployment.commits is None else ()


def excluded_of(deployment: Deployment) -> frozenset[str]:
    """The SHAs without a lead time because their authors are excluded. A sender's list names no authors."""
    shipped = deployment.shipped
    if shipped is None or deployment.commits is not None or not (shipped.excluded or shipped.further):
        return _NOTHING
    return frozenset(sha for part in parts_of(shipped) for sha in part.excluded)


def views_of(deployment: Deployment) -> tuple[Deployment, ...]:
    """The deployment once for each of its repositories, as if it had no other."""
    if not deployment.further:
        return (deployment,)
    known = {(part.repository, part.commit_sha): part for part in parts_of(deployment.shipped)}
    return tuple(
        replace(
            deployment,
            repository=each.repository,
            commit_sha=each.commit_sha,
            shipped=known.get((each.repository, each.commit_sha)),
            further=(),
        )
        for each in checkouts_of(deployment)
    )


def with_part(deployment: Deployment, part: Shipped) -> Shipped | None:
    """The shipped commits with a new part added; unchanged if the deployment does not name that part's commit."""
    if not deployment.further:
        return part if _is_of(part, deployment) else deployment.shipped
    return _joined(deployment, (*parts_of(deployment.shipped), part))


def still_true(shipped: Shipped | None, deployment: Deployment) -> Shipped | None:
    """The shipped commits that remain valid for a deployment that was sent again."""
    if shipped is None or (not deployment.further and not shipped.further):
        return shipped if shipped is not None and _is_of(shipped, deployment) else None
    return _joined(deployment, parts_of(shipped))


def _is_of(part: Shipped, deployment: Deployment) -> bool:
    return part.repository == deployment.repository and part.commit_sha == deployment.commit_sha


def _joined(deployment: Deployment, parts: tuple[Shipped, ...]) -> Shipped | None:
    """Joins parts in the order of the repositories; the later of two parts of one repository counts."""
    known = {(part.repository, part.commit_sha): part for part in parts}
    found = [known.get((each.repository, each.commit_sha)) for each in checkouts_of(deployment)]
    further = tuple(part for part in found[1:] if part is not None)
    first = found[0] if found else None
    if first is not None:
        return replace(first, further=further)
    if not further:
        return None
    return Shipped(deployment.repository or "", deployment.commit_sha or "", further=further, is_awaited=True)
