"""What can happen: each act is told to the daemon and to the world, and says what the answer must be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from tests.machine import saying
from tests.machine.counting import droppable
from tests.machine.facts import (
    MINUTE_MS,
    RESERVED,
    SECOND_MS,
    YEAR_2000_MS,
    Deployed,
    Judged,
    Line,
    Suffered,
    Terms,
    World,
    freed,
)
from tests.machine.site import PAGED, Reply, Site
from tests.oracle.naming import name_of

AHEAD_MS = 10 * MINUTE_MS
MANY = 20
"""More labels than there are series, or teams, in a history."""


class Act(Protocol):
    """Something that happens."""

    async def do(self, site: Site, world: World) -> None:
        """Has it happen; raises AssertionError where the answer is wrong."""
        ...


@dataclass(frozen=True)
class Send:
    """A pipeline or a client sends an event, with its id or without."""

    event: Deployed | Suffered
    with_id: bool = True
    path: str = "failure"
    without_environment: bool = False

    async def do(self, site: Site, world: World) -> None:
        """What is refused is too far ahead, or too old and not held."""
        event = self.event
        if self.without_environment:
            event = replace(event, environment=site.terms.default_environment)
        if isinstance(event, Deployed):
            path, said = "deployment", saying.deployment(event, with_id=self.with_id)
        else:
            path, said = self.path, saying.incident(event, with_id=self.with_id)
        if self.without_environment:
            del said["env"]
        reply = await site.ask("POST", f"/api/v2/dora/{path}", {"data": {"attributes": said}})
        if not self.with_id:
            event = replace(event, id=_derived_id(event, reply, world))
        assert reply.is_taken == may_come(event, site, world), reply
        if reply.is_taken:
            world.take(event)


@dataclass(frozen=True)
class SendMany:
    """Many events come at once."""

    events: tuple[Deployed | Suffered, ...]

    async def do(self, site: Site, world: World) -> None:
        """Some may be refused, the others are taken."""
        lines: list[dict[str, object]] = []
        for event in self.events:
            if isinstance(event, Deployed):
                lines.append({"type": "deployment", "attributes": saying.deployment(event)})
            else:
                lines.append({"type": "failure", "attributes": saying.incident(event)})
        reply = await site.bulk(lines)
        refused = 0
        for event in self.events:
            if may_come(event, site, world):
                world.take(event)
            else:
                refused += 1
        assert reply.body["errors_total"] == refused, reply


@dataclass(frozen=True)
class Find:
    """A source learns of a deployment, or changes its mind about one."""

    event: Deployed

    async def do(self, site: Site, world: World) -> None:
        """What somebody deleted stays deleted."""
        if self.event.finished_at > site.clock():
            return
        source, _, number = self.event.id.partition(":")
        site.upstreams[source].rows[number] = saying.row(self.event)
        await site.poll(source)
        event = self.event
        world.take(
            replace(
                event,
                service=freed(event.service),
                environment=freed(event.environment),
                team=event.team and freed(event.team),
            )
        )


@dataclass(frozen=True)
class Page:
    """Something happens in PagerDuty: an incident begins, ends, goes on, moves or becomes part of another."""

    what: str
    service: str = ""
    number: int = 0
    priority: str | None = None

    async def do(self, site: Site, world: World) -> None:
        """Nothing happens there while our clock is behind."""
        fake, now = site.pagerduty, site.clock()
        rows = sorted(fake.rows)
        if now < site.latest_page_ms or (self.what != "trigger" and not rows):
            return
        site.latest_page_ms = now
        row = rows[self.number % len(rows)] if rows else ""
        match self.what:
            case "trigger":
                row = fake.trigger(self.service)
            case "resolve":
                fake.resolve(row)
            case "reopen":
                fake.reopen(row)
            case "move":
                fake.move(row, self.service)
            case "prioritise":
                fake.prioritise(row, self.priority)
            case "merge":
                fake.merge(row, rows[(self.number + 1) % len(rows)])
        site.pass_time(SECOND_MS)
        await site.poll("pd")
        world.take(_paged(fake.rows[row]))


def _paged(row: Mapping[str, Any]) -> Suffered:
    """A row of PagerDuty's as an incident."""
    service, environment, team = PAGED[row["service"]]
    return Suffered(
        id=f"pd:{row['id']}",
        services=(service,),
        environment=environment,
        started_at=saying.milliseconds(row["created_at"]),
        finished_at=saying.milliseconds(row["resolved_at"]) if row["resolved_at"] else None,
        team=team,
        source="pd",
        severity=row["priority"] and row["priority"]["summary"],
        is_merged=row["resolve_reason"] is not None,
    )


@dataclass(frozen=True)
class Judge:
    """Somebody says whether a deployment failed."""

    id: str
    said: Judged | None

    async def do(self, site: Site, world: World) -> None:
        """Only what is held can be judged."""
        attributes = saying.verdict(self.said)
        body = {"data": {"id": self.id, "type": "dora_deployment_patch_request", "attributes": attributes}}
        reply = await site.ask("PATCH", f"/api/v2/dora/deployments/{self.id}", body)
        assert reply.is_taken == (self.id in world.deployments), reply
        if reply.is_taken:
            world.judge(self.id, self.said)


@dataclass(frozen=True)
class JudgeVersion:
    """Somebody says whether the deployment of a version that finished last failed."""

    line: Line
    version: str
    said: Judged | None

    async def do(self, site: Site, world: World) -> None:
        """There must be one."""
        service, environment = self.line
        names = site.terms.names
        meant = [
            each
            for each in world.deployments.values()
            if service in (each.service, name_of(each.service, names.services))
            and environment in (each.environment, name_of(each.environment, names.environments))
            and each.version == self.version
            and each.outcome is None
        ]
        attributes = {"service": service, "env": environment, "version": self.version, **saying.verdict(self.said)}
        body = {"data": {"type": "dora_deployment_patch_request", "attributes": attributes}}
        reply = await site.ask("PATCH", "/api/v2/dora/deployments", body)
        assert reply.is_taken == bool(meant), reply
        if meant:
            world.judge(max(meant, key=lambda each: each.order).id, self.said)


@dataclass(frozen=True)
class Delete:
    """Somebody deletes an event."""

    kind: str
    id: str

    async def do(self, site: Site, world: World) -> None:
        """Only what is held can be deleted."""
        is_held = self.id in (world.deployments if self.kind == "deployment" else world.incidents)
        reply = await site.ask("DELETE", f"/api/v2/dora/{self.kind}/{self.id}")
        assert reply.is_taken == is_held, reply
        if is_held:
            world.delete(self.id)


@dataclass(frozen=True)
class TurnClock:
    """Time passes, or the clock is set: then a steady clock knows nothing of it."""

    ms: int
    is_set: bool = False

    async def do(self, site: Site, world: World) -> None:
        """Nothing else happens."""
        if self.is_set:
            site.clock.advance(self.ms)
        else:
            site.pass_time(self.ms)


@dataclass(frozen=True)
class Restart:
    """The daemon ends as it is told to, and begins again."""

    async def do(self, site: Site, world: World) -> None:
        """It must know everything."""
        world.droppable |= droppable(world, site.terms, site.clock())
        await site.restart()
        await _forget(site, world)


@dataclass(frozen=True)
class Crash:
    """The daemon is killed, perhaps within a write that nobody was told of, and begins again."""

    torn: bytes = b""

    async def do(self, site: Site, world: World) -> None:
        """It must know everything."""
        world.droppable |= droppable(world, site.terms, site.clock())
        await site.crash(self.torn)
        await _forget(site, world)


@dataclass(frozen=True)
class Compact:
    """The snapshot file is rewritten."""

    async def do(self, site: Site, world: World) -> None:
        """It must know everything that counts."""
        world.droppable |= droppable(world, site.terms, site.clock())
        await site.compact()
        await _forget(site, world)


@dataclass(frozen=True)
class Checkpoint:
    """The next start is prepared."""

    async def do(self, site: Site, world: World) -> None:
        """It must know nothing else afterwards."""
        await site.checkpoint()


@dataclass(frozen=True)
class Fault:
    """The daemon will meet a defect of its own, once, when it has come by the stage so many times."""

    stage: str
    after: int

    async def do(self, site: Site, world: World) -> None:
        """What it shows must be right nevertheless."""
        site.faults.waiting = {self.stage: self.after}  # of two at once one would be the second failure


@dataclass(frozen=True)
class Defect:
    """The daemon meets a defect whenever it shows a series, until its settings are read again."""

    line: Line

    async def do(self, site: Site, world: World) -> None:
        """All others must be right nevertheless; with few labels to give they would change places."""
        if site.terms.series_limit >= MANY and site.faults.line is None:
            site.faults.line = self.line


@dataclass(frozen=True)
class Reload:
    """Other settings are put into effect."""

    terms: Terms

    async def do(self, site: Site, world: World) -> None:
        """All numbers follow, and a defect gets another try."""
        site.faults.line = None
        await site.reload(self.terms)


async def _forget(site: Site, world: World) -> None:
    """Of what is too old to count nobody is told when it goes."""
    for id_ in sorted(world.droppable):
        kind = "deployments" if id_ in world.deployments else "failures"
        reply = await site.ask("GET", f"/api/v2/dora/{kind}/{id_}")
        if not reply.is_taken:
            world.drop(id_)
            site.withdraw(id_)


def may_come(event: Deployed | Suffered, site: Site, world: World) -> bool:
    """Whether an event is taken: no reserved name, no time unset or too far ahead, and not too old unless held."""
    now, end = site.clock(), event.finished_at
    services = (event.service,) if isinstance(event, Deployed) else event.services
    if RESERVED in (*services, event.environment, event.team) or event.started_at < YEAR_2000_MS:
        return False
    if max(event.started_at, end or 0) > now + AHEAD_MS:
        return False
    held = world.deployments if isinstance(event, Deployed) else world.incidents
    return event.id in held or end is None or end >= now - site.terms.retention_ms


def _derived_id(event: Deployed | Suffered, reply: Reply, world: World) -> str:
    """The id that an event without one was given: equal keys get the same one, others another one."""
    if isinstance(event, Deployed):
        key: tuple[object, ...] = (
            event.line,
            event.started_at,
            event.finished_at,
            event.version,
            event.sha,
            *(sha for _, sha in event.further),
        )
    else:
        key = (event.services or event.team, event.environment, event.started_at)
    if not reply.is_taken:
        return world.derived.get(key, "")
    id_ = str(reply.body["data"]["id"])
    assert world.derived.setdefault(key, id_) == id_, key
    assert list(world.derived.values()).count(id_) == 1, key
    return id_


def in_words(acts: Sequence[Act]) -> str:
    """What happened, without what goes without saying."""
    return "\n".join(f"  {number}. {_brief(each)}" for number, each in enumerate(acts, start=1))


def _brief(each: object) -> str:
    if isinstance(each, tuple):
        return f"({', '.join(map(_brief, each))})"
    fields = getattr(type(each), "__dataclass_fields__", None)
    if fields is None:
        return repr(each)
    told = [
        f"{name}={_brief(getattr(each, name))}"
        for name, field in fields.items()
        if getattr(each, name) != field.default
    ]
    return f"{type(each).__name__}({', '.join(told)})"
