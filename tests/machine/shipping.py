"""Which commits deployments shipped, by what Git has told of each."""

from collections.abc import Iterator

from tests.machine.facts import DAY_MS, Deployed, World
from tests.machine.graph import NOTHING, Change, Found, Shipment

GAP_MS = 60 * DAY_MS


def found_by(report: Deployed, world: World) -> list[Change]:
    """The commits of all its repositories that Git has told of, and the forge of what is squashed."""
    found: list[Change] = []
    for _, shipment in shipments_of(report, world):
        told = [world.graph.changes[sha] for sha in sorted(shipment.commits)]
        meant = [each for change in told for each in change.meant]
        found += meant if len(meant) <= world.graph.most else told
    return found


def merges_of(deployment: Deployed, world: World) -> set[str]:
    """The merges that Git has told of."""
    if deployment.commits is not None:
        return set()
    ids = (deployment.id, *deployment.reports)
    reports = [each for id_, each in world.deployments.items() if id_ in ids and each.commits is None]
    return {sha for each in reports for _, shipment in shipments_of(each, world) for sha in shipment.merges}


def shipments_of(report: Deployed, world: World) -> Iterator[tuple[str | None, Shipment]]:
    """What Git has told of each of its repositories."""
    for repository in report.checkouts:
        yield repository, world.found.get(report.place(repository), Found()).shipment


def reasons_of(deployment: Deployed, world: World) -> set[tuple[str, str]]:
    """How many of its commits have no lead time, in the words of an explanation."""
    if deployment.commits is not None:
        return set()
    return {
        (deployment.id, f"{count} left out: {cause}" + (f" of {repository}" if deployment.further else ""))
        for repository, shipment in shipments_of(deployment, world)
        for cause, count in shipment.left_out.items()
        if count
    }


def by_git(report: Deployed, repository: str, world: World, *, forgot: int, folder: str | None) -> Shipment:
    """What of a repository was not yet deployed in its series, after the latest commit before it that is known."""
    before = [
        (each.finished_at, each.checkouts[repository] or "")
        for each in world.beside(report, forgot=forgot)
        if each.order < report.order and repository in each.checkouts
    ]
    known = [at for at, sha in before if world.graph.knows(sha, repository)]
    if not known or report.finished_at - known[-1] > GAP_MS:
        return NOTHING
    return world.graph.shipment(report.checkouts[repository] or "", (sha for _, sha in before), folder)
