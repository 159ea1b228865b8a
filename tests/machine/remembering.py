"""What the daemon still knew of what it dropped, when it asked Git about a deployment."""

from tests.machine.facts import Deployed, World
from tests.machine.judging import by_git
from tests.machine.site import Site


async def remember(site: Site, world: World) -> None:
    """Has the world know as much as the daemon did. What was found out stays true, however much is dropped later.

    What is found out anew, because something came or went beside it, is found out without what was dropped before.
    Only where that makes a difference the daemon is asked, and must then show one of the two.
    """
    for report in world.deployments.values():
        if world.past and report.commits is None and not world.graph.homes.keys().isdisjoint(report.checkouts.values()):
            possible = _possible(report, world)
            if len({each for _, each in possible}) > 1:
                reply = await site.ask("GET", f"/api/v2/dora/deployments/{report.id}")
                shown = frozenset(each["sha"] for each in reply.body["data"]["attributes"].get("commits", ()))
                forgot = [count for count, each in possible if each == shown]
                assert forgot, f"{report.id} shipped {shown} and not one of {possible}"
                world.forgot[report.id] = forgot[0]


def _possible(report: Deployed, world: World) -> list[tuple[int, frozenset[str]]]:
    """What a deployment shipped if so many were dropped before that was asked; never fewer than were before."""
    before = world.forgot.get(report.id, 0)
    found = []
    for count in range(before, len(world.past) + 1):
        world.forgot[report.id] = count
        found.append((count, frozenset(each.sha for each in by_git(report, world))))
    world.forgot[report.id] = before
    return found
