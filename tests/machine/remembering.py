"""What the daemon found out of Git about each deployment, and what it knew then of others.

What was found out stays true, however much is dropped later. What is found out anew, because something came or went
beside it, is found out without what was dropped before; what follows a commit that nobody has waits for that, and
then does without. Only where that makes a difference the daemon is asked, and must then show one of the possible.
"""

from tests.machine.facts import Deployed, Found, World
from tests.machine.judging import by_git
from tests.machine.naming import named
from tests.machine.site import Site

NOTHING: frozenset[str] = frozenset()


async def remember(site: Site, world: World) -> None:
    """Has the world know as much as the daemon did."""
    before, sent, world = world.found, world, named(world, site.terms.names)
    sent.found = world.found = {}
    for report in [each for each in world.deployments.values() if each.outcome is None]:
        for repository, sha in report.checkouts.items():
            place = report.place(repository)
            old = before.get(place)
            if report.commits is not None:
                if old is not None and old.since is None:
                    world.found[place] = old
            elif repository is not None and sha is not None and world.graph.homes.get(sha) == repository:
                world.found[place] = await _found(site, report, repository, world, old)


async def _found(site: Site, report: Deployed, repository: str, world: World, old: Found | None) -> Found:
    """What was found out, if it can be that. One of which nothing was found out yet may wait, but not for ever."""
    possible = _possible(report, repository, world, 0 if old is None else old.forgot)
    may_wait = (old is None or old.since is not None) and _follows_unknown(report, repository, world)
    choices = set(possible) | ({NOTHING} if may_wait else set())
    shown = next(iter(choices)) if len(choices) == 1 else await _shown(site, report, repository, world)
    since = None
    if may_wait and not shown:
        since = old.since if old is not None else site.clock()
    if shown in possible:
        forgot, merges = possible[shown]
        return Found(shown, merges, forgot, since)
    assert since is not None, f"{report.id} shipped {shown} and not one of {possible}"
    assert site.clock() - since < 2 * site.terms.resolve_for_ms, f"{report.id} waits since {since}"
    return Found(forgot=0 if old is None else old.forgot, since=since)


async def _shown(site: Site, report: Deployed, repository: str, world: World) -> frozenset[str]:
    reply = await site.ask("GET", f"/api/v2/dora/deployments/{report.id}")
    shas = [each["sha"] for each in reply.body["data"]["attributes"].get("commits", ())]
    return frozenset(each for each in shas if world.graph.homes[each] == repository)


def _possible(
    report: Deployed, repository: str, world: World, forgot: int
) -> dict[frozenset[str], tuple[int, frozenset[str]]]:
    """What a deployment shipped, how many were dropped before that was asked, never fewer than before, and merges."""
    found: dict[frozenset[str], tuple[int, frozenset[str]]] = {}
    for count in range(forgot, len(world.past) + 1):
        shas = by_git(report, repository, world, forgot=count)
        merges = frozenset(each for each in shas if world.graph.is_merge(each))
        found.setdefault(frozenset(shas) - merges, (count, merges))
    return found


def _follows_unknown(report: Deployed, repository: str, world: World) -> bool:
    """Whether the commit of the deployment before it is one that nobody has."""
    before = [each for each in world.beside(report) if each.order < report.order and repository in each.checkouts]
    return bool(before) and before[-1].checkouts[repository] not in world.graph.homes
