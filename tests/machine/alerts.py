"""Alerts as Alertmanager tells of them: they begin, are repeated, go on under another beginning, end and come again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.machine import saying
from tests.machine.facts import DAY_MS, MINUTE_MS, SECOND_MS, Suffered, World, freed
from tests.machine.silence import hear
from tests.machine.site import ALERTS, Site

KINDS = ("fire", "fire", "repeat", "repeat", "end", "end", "return")
SETTLING_MS = 5 * MINUTE_MS
"""So long after an end a firing alert may be a delivery that was late."""


@dataclass(frozen=True)
class Alert:
    """Something is told of an alert. ``lag_ms`` is how long ago it began or ended, as far as that can be.

    One without labels says nothing but that it ended.
    """

    what: str
    fingerprint: str
    labels: tuple[tuple[str, str], ...] = ()
    lag_ms: int = 0
    says_beginning: bool = True
    times: int = 1

    async def do(self, site: Site, world: World) -> None:
        """Nothing is told while our clock is behind."""
        now = site.clock()
        if now < site.latest_alert_ms:
            return
        site.latest_alert_ms = now
        last = self._last(world)
        match self.what:
            case "fire":
                await self._fire(site, world, last)
            case "repeat" if last is not None:
                await self._repeat(site, world, last)
            case "return" if last is not None and last.finished_at is not None:
                await self._fire_at_end(site, world, last, last.finished_at)
            case "end":
                await self._end(site, world, last)
        site.pass_time(SECOND_MS)

    def _last(self, world: World) -> Suffered | None:
        """The latest life of the alert."""
        prefix = f"{ALERTS}:{self.fingerprint}:"
        mine = [each for each in world.incidents.values() if each.id.startswith(prefix)]
        return max(mine, key=lambda each: each.started_at, default=None)

    def _after(self, moment: int | None, now: int) -> int:
        """A moment some time ago, but after another."""
        return max(now - self.lag_ms, 0 if moment is None else moment + 1)

    async def _fire(self, site: Site, world: World, last: Suffered | None) -> None:
        """While it is open it goes on, else it begins anew."""
        now = site.clock()
        if last is not None and last.finished_at is None:
            began = self._after(max(world.beginnings[last.id]), now)
            if began <= now:
                await self._tell(site, began, None)
                self._take(site, world, last, began)
            return
        began = self._after(last.finished_at if last else None, now)
        if began <= now:
            await self._tell(site, began, None)
            self._take(site, world, self._new(began, None), began)

    async def _repeat(self, site: Site, world: World, last: Suffered) -> None:
        """What has ended for longer than that could be a late delivery is open again, if it was told that it fires."""
        now = site.clock()
        if last.finished_at is not None and now - last.finished_at > DAY_MS:
            return
        if last.id in world.stale:
            last = replace(last, finished_at=None)
        began = max(world.beginnings[last.id])
        await self._tell(site, began, None)
        if (
            last.finished_at is not None
            and now - last.finished_at > SETTLING_MS
            and (self.fingerprint, began) not in world.unfired
        ):
            last = replace(last, finished_at=None)
        world.unfired.discard((self.fingerprint, began))
        self._take(site, world, last, began)

    async def _fire_at_end(self, site: Site, world: World, last: Suffered, end: int) -> None:
        """A beginning at the very moment of the end says that there was no end."""
        if end in world.beginnings[last.id] or site.clock() - end > DAY_MS:
            return
        await self._tell(site, end, None)
        self._take(site, world, replace(last, finished_at=None), end)

    async def _end(self, site: Site, world: World, last: Suffered | None) -> None:
        """It closes what is open, whichever beginning it names and whatever else it says."""
        now = site.clock()
        if last is not None and last.finished_at is None:
            known = max(world.beginnings[last.id])
            began = known if self.says_beginning else self._after(known, now)
            if began > now:
                return
            await self._tell(site, began, now)
            self._take(site, world, replace(last, finished_at=now), began, fires=False)
            if began != known:
                world.unfired.add((self.fingerprint, began))
            return
        if last is not None and last.id in world.stale and self.says_beginning:
            if self.labels:
                began = max(world.beginnings[last.id])
                await self._tell(site, began, now)
                self._take(site, world, replace(last, finished_at=now), began, fires=False)
            return
        began = self._after(last.finished_at if last else None, now)
        if began <= now and self.labels:
            await self._tell(site, began, now)
            self._take(site, world, self._new(began, now), began, fires=False)
            world.unfired.add((self.fingerprint, began))

    async def _tell(self, site: Site, began: int, ended: int | None) -> None:
        alert = {
            "status": "firing" if ended is None else "resolved",
            "labels": {"alertname": "Slow", **dict(self.labels)},
            "annotations": {},
            "startsAt": saying.moment(began),
            "endsAt": "0001-01-01T00:00:00Z" if ended is None else saying.moment(ended),
            "fingerprint": self.fingerprint,
        }
        told: Sequence[object] = [alert] * self.times
        body = {"version": "4", "groupKey": "{}", "status": alert["status"], "alerts": told}
        reply = await site.ask("POST", "/webhooks/alertmanager", body, source=ALERTS)
        assert reply.is_taken, reply

    def _new(self, began: int, ended: int | None) -> Suffered:
        return Suffered(
            id=f"{ALERTS}:{self.fingerprint}:{began}",
            services=(),
            environment="",
            started_at=began,
            finished_at=ended,
            source=ALERTS,
        )

    def _take(self, site: Site, world: World, incident: Suffered, began: int, *, fires: bool = True) -> None:
        """The labels that were told last are those that count; without any, those from before."""
        if self.labels:
            said = {name: freed(value) for name, value in self.labels}
            incident = replace(
                incident,
                services=(said["service"],) if "service" in said else (),
                environment=said.get("environment", site.terms.default_environment),
                team=said.get("team"),
                severity=said.get("severity"),
            )
        hear(world, incident.id, fires=fires, now=site.clock(), stale_after_ms=site.terms.stale_after_ms)
        world.take(incident)
        world.beginnings.setdefault(incident.id, set()).add(began)
