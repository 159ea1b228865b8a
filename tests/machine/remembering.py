"""What the daemon found out of Git about each deployment, and what it knew then of others.

What was found out stays true, however much is dropped later. What is found out anew, because something came or went
beside it, is found out without what was dropped before; what follows a commit that nobody has waits for that, and
then does without. Only where that makes a difference the daemon is asked, and must then show one of the possible.
"""

from tests.machine.facts import Deployed, World
from tests.machine.graph import NOTHING, Found, Shipment
from tests.machine.naming import named
from tests.machine.shipping import by_git
from tests.machine.site import Site


def remember(site: Site, world: World) -> None:
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
            elif repository is not None and world.graph.knows(sha, repository):
                world.found[place] = _found(site, report, repository, world, old)


def _found(site: Site, report: Deployed, repository: str, world: World, old: Found | None) -> Found:
    """What was found out, if it can be that. One of which nothing was found out yet may wait, but not for ever."""
    forgot = 0 if old is None else old.forgot
    possible = _possible(report, repository, world, forgot, dict(site.terms.folders).get(report.service))
    may_wait = (old is None or old.since is not None) and _follows_unknown(report, repository, world)
    choices = [*possible, *([None] if may_wait else [])]
    shown = choices[0] if len(choices) == 1 else site.shipment_of(report.id, repository)
    assert shown in choices, f"{report.id} shipped {shown} and not one of {choices}"
    if shown is not None:
        return Found(shown, possible[shown])
    since = site.clock() if old is None or old.since is None else old.since
    assert site.clock() - since < 2 * site.terms.resolve_for_ms, f"{report.id} waits since {since}"
    return Found(NOTHING, forgot, since)


def _possible(report: Deployed, repository: str, world: World, forgot: int, folder: str | None) -> dict[Shipment, int]:
    """What a deployment shipped, and how many were dropped before that was asked, never fewer than before."""
    found: dict[Shipment, int] = {}
    for count in range(forgot, len(world.past) + 1):
        found.setdefault(by_git(report, repository, world, forgot=count, folder=folder), count)
    return found


def _follows_unknown(report: Deployed, repository: str, world: World) -> bool:
    """Whether the commit of the deployment before it is one that nobody has."""
    before = [each for each in world.beside(report) if each.order < report.order and repository in each.checkouts]
    return bool(before) and not world.graph.knows(before[-1].checkouts[repository], repository)
