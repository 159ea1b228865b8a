"""Incidents of a tool that posts its own JSON: opened, changed, closed, reopened, deleted, and told again."""

from dataclasses import dataclass, replace

from tests.machine import saying
from tests.machine.facts import MINUTE_MS, SECOND_MS, Suffered, World, freed
from tests.machine.site import TOOL, Site

KINDS = ("open", "open", "close", "close", "reopen", "delete", "end only")
LAGS = (0, 1, SECOND_MS, 5 * MINUTE_MS)
"""How long ago an incident may have begun that is told of now."""


@dataclass(frozen=True)
class Post:
    """One after the other is told of an incident, as it is then; ``end only`` says nothing but when it ended.

    With ``again`` all that was told of it before comes once more afterwards.
    """

    whats: tuple[str, ...]
    number: int
    services: tuple[str, ...] = ()
    environment: str = ""
    team: str | None = None
    lag_ms: int = 0
    again: bool = False

    async def do(self, site: Site, world: World) -> None:
        """Nothing is told while our clock is behind, and nothing is closed that was never told of."""
        if site.clock() < site.latest_post_ms:
            return
        for what in self.whats:
            site.latest_post_ms = site.clock()
            await self._tell(what, site, world)
            site.pass_time(SECOND_MS)

    async def _tell(self, what: str, site: Site, world: World) -> None:
        now, known = site.clock(), site.posted.get(self.number)
        if what == "open" or known is not None:
            state = self._state(what, known, now)
            told = site.posts.setdefault(self.number, [])
            told.append(self._body(what, state, now))
            site.posted[self.number] = state
            for body in reversed(told if self.again else told[-1:]):
                await self._send(site, body)
            world.take(replace(state, services=(), team=None) if what == "delete" else state)

    def _state(self, what: str, known: Suffered | None, now: int) -> Suffered:
        """The incident at its sender; what a delivery does not say stays."""
        began = known.started_at if known else now - self.lag_ms
        state = known or Suffered(f"{TOOL}:{self.number}", (), "", began, source=TOOL)
        if what == "open":
            state = replace(
                state,
                services=tuple(sorted({freed(each) for each in self.services})),
                environment=freed(self.environment),
                team=freed(self.team) if self.team else state.team,
            )
        return replace(state, finished_at=None if what in {"open", "reopen"} else now)

    def _body(self, what: str, state: Suffered, now: int) -> dict[str, object]:
        body: dict[str, object] = {"id": self.number, "changed": now, "deleted": what == "delete"}
        if state.finished_at is not None:
            body["ended"] = saying.moment(state.finished_at)
        if what == "end only":
            return body
        if what != "open":
            said: dict[str, object] = {"services": state.services, "environment": state.environment}
        else:
            said = {"services": self.services, "environment": self.environment, "team": self.team}
        return {**body, **said, "began": state.started_at}

    async def _send(self, site: Site, body: dict[str, object]) -> None:
        reply = await site.ask("POST", f"/webhooks/{TOOL}", body)
        assert reply.is_taken, reply
