"""Groups of alerts as Alertmanager tells of them: an incident lasts while any alert of its group fires."""

from dataclasses import dataclass, replace
from hashlib import blake2b

from tests.machine import saying
from tests.machine.facts import SECOND_MS, Suffered, World
from tests.machine.silence import hear
from tests.machine.site import GROUPS, Site


def key_of(group: str) -> str:
    """By what the incidents of a group are told from others."""
    return blake2b(group.encode(), digest_size=8).hexdigest()


KINDS = ("fire", "fire", "end", "end", "repeat")


@dataclass(frozen=True)
class AlertGroup:
    """Something happens in a group: an alert begins, or one ends, or all that fire are told again.

    ``lag_ms`` is how long ago it began, as far as that can be; ``line`` is the series that the alert is about.
    """

    what: str
    group: str
    line: tuple[str, str]
    team: str | None = None
    lag_ms: int = 0

    async def do(self, site: Site, world: World) -> None:
        """Nothing is told while our clock is behind."""
        now = site.clock()
        if now < site.latest_group_ms:
            return
        site.latest_group_ms = now
        firing = site.firing.setdefault(self.group, {})
        key = key_of(self.group)
        mine = [each for each in world.incidents.values() if each.id.startswith(f"{GROUPS}:{key}:")]
        last = max(mine, key=lambda each: each.started_at, default=None)
        if last is None or (last.finished_at is not None and last.id not in world.stale):
            firing.clear()  # somebody deleted the incident: nobody tells of its alerts any more
        if self.what == "fire":
            over = max((each.finished_at for each in mine if each.finished_at is not None), default=0)
            await self._fire(site, world, last, over)
        elif firing and last is not None:
            ended = min(firing) if self.what == "end" else None
            await self._tell(site, now, ended)
            if ended is not None:
                del firing[ended]
                world.beginnings.setdefault(last.id, set()).add(now)  # before that it was not over
            self._take(site, world, replace(last, finished_at=None if firing else now), fires=bool(firing))
        site.pass_time(SECOND_MS)

    async def _fire(self, site: Site, world: World, last: Suffered | None, ended: int) -> None:
        """The first alert says whose incident it is, all say of which services, the earliest when it began.

        It begins after ``ended``, when the group last ended: what fired across it would be the same incident.
        """
        now, firing = site.clock(), site.firing[self.group]
        began = max(now - self.lag_ms, ended + 1)
        if began > now:
            return
        site.alerts_fired += 1
        service, environment = self.line
        labels = {"service": service, "environment": environment} | ({"team": self.team} if self.team else {})
        is_new = not firing
        firing[f"g{site.alerts_fired:04}"] = (began, labels)
        await self._tell(site, now, None)
        if is_new or last is None:
            id_ = f"{GROUPS}:{key_of(self.group)}:{began}"
            self._take(site, world, Suffered(id_, (service,), environment, began, team=self.team, source=GROUPS))
        else:
            id_ = last.id
            services = tuple(sorted({*last.services, service}))
            began_at = min(last.started_at, began)
            self._take(site, world, replace(last, started_at=began_at, finished_at=None, services=services))
        world.beginnings.setdefault(id_, set()).add(began)

    def _take(self, site: Site, world: World, incident: Suffered, *, fires: bool = True) -> None:
        """Notes when the group was told of, too."""
        hear(world, incident.id, fires=fires, now=site.clock(), stale_after_ms=site.terms.stale_after_ms)
        world.take(incident)

    async def _tell(self, site: Site, now: int, ended: str | None) -> None:
        """All that fire are told each time, and what ended once."""
        firing = site.firing[self.group]
        alerts = [
            {
                "status": "resolved" if name == ended else "firing",
                "labels": labels,
                "annotations": {},
                "startsAt": saying.moment(began),
                "endsAt": saying.moment(now) if name == ended else "0001-01-01T00:00:00Z",
                "fingerprint": name,
            }
            for name, (began, labels) in firing.items()
        ]
        status = "resolved" if set(firing) == {ended} else "firing"
        body = {"version": "4", "groupKey": self.group, "status": status, "alerts": alerts}
        reply = await site.ask("POST", "/webhooks/alertmanager", body, source=GROUPS)
        assert reply.is_taken, reply
