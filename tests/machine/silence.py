"""Alerts that nobody repeats: with ``stale_after`` they are over, if the daemon was there all the time."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tests.machine.facts import MINUTE_MS, Suffered, World
from tests.machine.site import ALERTS, GROUPS, Site

AWAY_MS = 5 * MINUTE_MS
"""A daemon that did not look for longer may have missed a delivery: silence begins anew."""
STEPS = 10
"""When an alert was told of last is known to this part of ``stale_after``."""


@dataclass(frozen=True)
class Silence:
    """The daemon looks for alerts that were not repeated: after some time so many times, and time passes in between."""

    away_ms: int
    times: int
    gap_ms: int

    async def do(self, site: Site, world: World) -> None:
        """Without ``stale_after`` nobody looks."""
        site.pass_time(self.away_ms)
        for _ in range(self.times if site.terms.stale_after_ms is not None else 0):
            for source in (ALERTS, GROUPS):
                await site.poll(source)
                for incident in list(self._over(source, site, world, site.terms.stale_after_ms or 0)):
                    world.stale.add(incident.id)
                    world.take(incident)
            site.pass_time(self.gap_ms)

    def _over(self, source: str, site: Site, world: World, stale_after_ms: int) -> Iterator[Suffered]:
        now = site.clock()
        watched, since = site.watched.get(source, (None, now))
        is_watching = watched is not None and 0 <= now - watched <= AWAY_MS
        since = since if is_watching and since <= now else now
        site.watched[source] = now, since
        for each in [one for one in world.incidents.values() if one.source == source and one.finished_at is None]:
            told = world.told.setdefault(each.id, now)
            if told > now:
                world.told[each.id] = now
            elif now - max(told, since) >= stale_after_ms:
                latest = max(world.beginnings.get(each.id, {each.started_at}))
                yield replace(each, finished_at=max(told + stale_after_ms, each.started_at, latest))


def hear(world: World, id_: str, *, fires: bool, now: int, stale_after_ms: int | None) -> None:
    """Something was told of an incident: only where silence ends alerts it is noted when."""
    if stale_after_ms is None:
        world.told.pop(id_, None)
    elif fires and ((before := world.told.get(id_)) is None or abs(now - before) >= stale_after_ms // STEPS):
        world.told[id_] = now
    world.stale.discard(id_)
